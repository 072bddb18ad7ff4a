"""HumanEvalFix: the Python part of HumanEvalPack (Muennighoff et al. 2023), functions with a bug each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.datasets.functions.fields import Columns
from tasks.datasets.functions.hidden import program_test, task
from tasks.datasets.rows import Row
from tasks.task import Task

_SECONDS = 10.0


class _Columns(Columns):
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    buggy_solution: str
    failure_symptoms: str
    test: str


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of HumanEvalPack."""
    return {"task_id", "buggy_solution"} <= fields.keys()


def read(row: Row) -> Task:
    """The task of a row: a function with a bug and a docstring that says what it should do.

    Raises:
        ValueError: The row is of another language than Python.
    """
    columns = _Columns.model_validate(row.fields)
    if not columns.task_id.startswith("Python/"):
        raise ValueError(f"task_id: {columns.task_id} is not of the Python part")
    return task(
        "humanevalfix",
        columns.task_id,
        f"`{columns.entry_point}` in `solution.py` does not do what its docstring says "
        f"({columns.failure_symptoms}). Find the bug and fix it.\n",
        {"solution.py": columns.prompt + columns.buggy_solution},
        {"solution.py": columns.prompt + columns.canonical_solution},
        program_test(columns.test, _SECONDS),
    )
