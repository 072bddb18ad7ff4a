"""SWE-smith: a repository that works, a patch that breaks it, and the tests that notice."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from tasks.datasets import diffs
from tasks.datasets.rows import Row
from tasks.task import Task

SET = "swe-smith"
_PYTEST = "pytest --disable-warnings --color=no --tb=no --verbose"


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of SWE-smith only."""
    return "image_name" in fields and "test_patch" not in fields


def read(row: Row) -> Task:
    """The task of a row.

    The row's ``patch`` is the bug: it is put into the repository first, and undoing it is the solution. The bug is
    also committed on a branch of the repository's mirror that is called as the instance.
    """
    fields = dict(row.fields)
    bug = str(fields.get("patch", ""))
    try:
        fields["patch"] = diffs.reverse(bug)
    except ValueError as error:
        raise ValueError(f"patch: {error}") from error
    fields["setup_patch"] = bug
    fields["image"] = fields["image_name"]
    fields.setdefault("base_commit", fields.get("instance_id"))
    repo = str(fields.get("repo", ""))
    fields["repo"] = repo if "/" in repo or not repo else f"swesmith/{repo}"
    task = Task.model_validate({"set": SET} | fields)
    files = sorted({test.partition("::")[0] for test in task.fail_to_pass})
    if not files or not all(file.endswith(".py") for file in files) or task.environment is not None:
        return task
    command = f". /opt/miniconda3/bin/activate testbed && {_PYTEST} {shlex.join(files)}"
    environment = {"test_command": command, "parser": "pytest"}
    return Task.model_validate(task.model_dump(by_alias=True) | {"environment": environment})
