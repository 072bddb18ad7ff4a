"""SWE-bench-Live: the Python set and MultiLang, with the commands that run the tests in each row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.datasets.rows import Row
from tasks.datasets.swe_bench import published_image
from tasks.task import Task

SET = "swe-bench-live"


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has commands that run its tests."""
    return "test_cmds" in fields and "environment" not in fields


def read(row: Row) -> Task:
    """The task of a row. Its tests run by rebuild, test and print commands, in this order, in the image of the row.

    ``log_parser`` is a parser's name in the Python set. In MultiLang it is the code of a parser, which is not run:
    the runner is told from its output.
    """
    fields = dict(row.fields)
    image = fields.get("docker_image") or fields.get("image")
    parser = str(fields.pop("log_parser", ""))
    commands = [command for name in ("rebuild_cmds", "test_cmds", "print_cmds") for command in _list(fields, name)]
    fields["environment"] = {
        "test_command": "\n".join(commands),
        "parser": parser if parser.isidentifier() else "",
    }
    fields["image"] = image or published_image(str(fields.get("instance_id", "")), "starryzhang")
    return Task.model_validate({"set": SET} | fields)


def _list(fields: Mapping[str, Any], name: str) -> list[str]:
    value = fields.get(name) or []
    if not isinstance(value, list) or not all(isinstance(command, str) for command in value):
        raise ValueError(f"{name}: not a list of commands")
    return value
