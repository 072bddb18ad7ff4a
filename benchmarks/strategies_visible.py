"""Tasks whose project has tests that the agent may run."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import unidiff

from tasks.grading.patches import sections
from tasks.task import Task


def with_tests(task: Task) -> Task:
    """The task with every other case of its hidden test in its project, from the first one on.

    Args:
        task: One of QuixBugs that is judged by a table of cases.

    Raises:
        ValueError: Its hidden test has no such table.
    """
    (hidden,) = unidiff.PatchSet(task.test_patch)
    name = task.id.partition("__")[2]
    # What is before gives each test a process of its own, and hides what a test says when it fails.
    own = "".join(line.value for hunk in hidden for line in hunk).rpartition("\nimport pytest\n")[2]
    text = f"import pytest\n\nfrom {name} import {name}\n{own}"
    lines = text.split("\n")
    for case in reversed(_cases(text, task.id)[1::2]):
        lines[case.lineno - 1 : case.end_lineno] = []
    plain = "\n".join(line for line in lines if not line.startswith("@judged("))
    # What judges stays with the task that is graded.
    files = {**task.files, _test_file(task): plain}
    return Task.model_validate({**task.public(), "instance_id": task.id, "files": files, "set": task.set})


def without_tests(patch: str, task: Task) -> str:
    """A patch without what it does to the test file of :func:`with_tests`: the task that is graded has no such file."""
    return "".join(section.text for section in sections(patch) if _test_file(task) not in section.paths)


def _test_file(task: Task) -> str:
    return f"test_{task.id.partition('__')[2]}.py"


def _cases(text: str, task: str) -> list[ast.expr]:
    """The rows of the table of a test."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "testdata":
            assert isinstance(node.value, ast.List)
            return node.value.elts
    raise ValueError(f"{task}: its hidden test has no table of cases")


def write_row(task: Task, file: Path) -> Path:
    """Write a task as the one row of a file that ``agent batch --tasks`` reads; that file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    row = task.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    file.write_text(json.dumps(row) + "\n", "utf-8")
    return file
