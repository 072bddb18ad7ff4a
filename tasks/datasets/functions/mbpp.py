"""MBPP, full and sanitized (Austin et al. 2021), and MBPP+ (EvalPlus) in its original format."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from pydantic import AliasChoices, Field

from tasks.datasets.functions import evalplus
from tasks.datasets.functions.fields import Columns
from tasks.datasets.functions.hidden import HiddenTest, parsed, task, whole, written_test
from tasks.datasets.rows import Row
from tasks.task import Task

_SECONDS = 10.0


class _Columns(Columns):
    task_id: int | str
    text: str = Field(validation_alias=AliasChoices("text", "prompt"))
    code: str
    test_list: tuple[str, ...] = Field(min_length=1)
    test_imports: tuple[str, ...] = ()
    test_setup_code: str = ""
    challenge_test_list: tuple[str, ...] = ()
    test: str = ""


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of MBPP."""
    return {"task_id", "code", "test_list"} <= fields.keys()


def read(row: Row) -> Task:
    """The task of a row: a function that has to be written after a sentence and the first of its tests."""
    columns = _Columns.model_validate(row.fields)
    name = "mbpp-plus" if columns.test else "mbpp" if "text" in row.fields else "mbpp-sanitized"
    example = whole(columns.test_list[0]).strip()
    head = f'"""{_escaped(columns.text)}\n\n{_escaped(example)}\n"""\n'
    return task(
        name,
        str(columns.task_id),
        f"{columns.text.strip()}\n\nWrite it in `solution.py`. It has to pass this test, among others:\n\n"
        f"```python\n{example}\n```\n",
        {"solution.py": head},
        {"solution.py": f"{head}\n{whole(columns.code).lstrip()}"},
        _test(columns),
    )


def _escaped(text: str) -> str:
    return whole(text).strip().replace("\\", "\\\\").replace('"""', '\\"\\"\\"')


def _test(columns: _Columns) -> HiddenTest:
    if columns.test:
        return evalplus.plus_test("\n".join([*columns.test_imports, columns.test]), _called(columns.test), columns.code)
    setup = parsed(whole("\n".join([*columns.test_imports, columns.test_setup_code]))).body
    cases = [*columns.test_list, *columns.challenge_test_list]
    names = [f"test_{number}" for number in range(1, len(cases) + 1)]
    tests = [
        written_test(name, [*setup, *parsed(whole(case)).body], _SECONDS)
        for name, case in zip(names, cases, strict=True)
    ]
    return HiddenTest("\n\n".join(tests), names, _SECONDS * len(cases))


def _called(program: str) -> str:
    """The function that the loop over the inputs calls: ``assertion(NAME(*inp), ...)``."""
    for node in ast.walk(parsed(program)):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "assertion" and node.args:
            call = node.args[0]
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                return call.func.id
    raise ValueError("test: no call of the form assertion(NAME(*inp), ...)")
