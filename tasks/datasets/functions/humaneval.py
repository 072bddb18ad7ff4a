"""HumanEval (Chen et al. 2021), and HumanEval+ (EvalPlus, Liu et al. 2023) in its original format."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tasks.datasets.functions import evalplus
from tasks.datasets.functions.fields import Columns
from tasks.datasets.functions.hidden import HiddenTest, program_test, task
from tasks.datasets.rows import Row
from tasks.task import Task

_SECONDS = 3.0
#: The tests of HumanEval+ are a table of inputs; those of HumanEval never are.
_PLUS = re.compile(r"^\s*inputs = \[", re.MULTILINE)


class _Columns(Columns):
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of HumanEval."""
    return {"task_id", "entry_point"} <= fields.keys()


def read(row: Row) -> Task:
    """The task of a row: a function that has to be written after its signature and docstring."""
    columns = _Columns.model_validate(row.fields)
    plus = _PLUS.search(columns.test) is not None
    return task(
        "humaneval-plus" if plus else "humaneval",
        columns.task_id,
        f"Complete the function `{columns.entry_point}` in `solution.py` so that it does what its docstring says.\n\n"
        f"```python\n{columns.prompt.strip()}\n```\n",
        {"solution.py": columns.prompt},
        {"solution.py": columns.prompt + columns.canonical_solution},
        _test(columns, plus),
    )


def _test(columns: _Columns, plus: bool) -> HiddenTest:
    program = f"{columns.test}\n\ncheck({columns.entry_point})\n"
    if not plus:
        return program_test(program, _SECONDS)
    return evalplus.plus_test(program, columns.entry_point, columns.prompt + columns.canonical_solution)
