"""SWE-bench Pro: lower-case lists written as Python does, requirements and interfaces beside the problem statement."""

from __future__ import annotations

import ast
import json
import shlex
from collections.abc import Mapping
from typing import Any

from tasks.datasets.rows import Row
from tasks.task import Task

SET = "swe-bench-pro"
_IMAGES = "docker.io/jefzda/sweap-images"
_PARTS = (("requirements", "Requirements"), ("interface", "New interfaces introduced"))


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of SWE-bench Pro only."""
    return not fields.keys().isdisjoint({"selected_test_files_to_run", "before_repo_set_cmd"})


def read(row: Row) -> Task:
    """The task of a row.

    The authors' test scripts are not part of the rows. Python's tests are run by pytest; the command of other
    languages is left to be found out. ``before_repo_set_cmd`` takes the tests from a commit that holds the solution,
    so the row's test patch is used instead.
    """
    fields = dict(row.fields)
    for name in ("fail_to_pass", "pass_to_pass"):
        fields[name.upper()] = names(name, fields.pop(name, fields.get(name.upper(), [])))
    tests = names("selected_test_files_to_run", fields.get("selected_test_files_to_run", []))
    statement = [
        fields.get("problem_statement"),
        *(f"{title}:\n{fields[key]}" for key, title in _PARTS if fields.get(key)),
    ]
    if statement[0] is not None:
        fields["problem_statement"] = "\n\n".join(map(str, statement))
    if fields.get("dockerhub_tag"):
        fields.setdefault("image", f"{_IMAGES}:{fields['dockerhub_tag']}")
    if fields.get("repo_language") == "python" and tests:
        command = f"python -m pytest -rA {shlex.join(tests)}"
        fields.setdefault("environment", {"test_command": command, "parser": "pytest"})
    return Task.model_validate({"set": SET} | fields)


def names(field: str, value: object) -> list[str]:
    """A list of names that may be written as the text of one, in JSON or as Python writes it.

    Raises:
        ValueError: It is none; the message names ``field``.
    """
    if isinstance(value, str):
        text, value = value, None
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            try:
                value = ast.literal_eval(text)
            except (ValueError, SyntaxError, RecursionError, MemoryError):
                raise ValueError(f"{field}: neither a list nor the text of one") from None
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"{field}: not a list of names")
    return list(value)
