"""QuixBugs (Lin et al. 2017), the Python programs: a classic algorithm each, with a bug in one line."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from tasks.datasets.functions.fields import Columns
from tasks.datasets.functions.hidden import HiddenTest, parsed, task, whole
from tasks.datasets.rows import Row
from tasks.task import Task

_SECONDS = 10.0
_SYMPTOMS = Path(__file__).with_name("quixbugs_symptoms.json")


class _Columns(Columns):
    name: str
    buggy: str
    reference: str
    cases: list[tuple[list[Any], Any]] | None = None
    pytest: str


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns that QuixBugs is handed on with."""
    return {"name", "buggy", "reference", "pytest"} <= fields.keys()


def read(row: Row) -> Task:
    """The task of a row: a program with a bug, and one call that shows it.

    The programs on graphs are tested with the class of ``support.json``, which lies beside the file of the rows.

    Raises:
        ValueError: A column is wrong, or ``support.json`` is missing or wrong.
    """
    columns = _Columns.model_validate(row.fields)
    cases = _judging(columns)
    node = _node(row.file.with_name("support.json")) if "from node import" in columns.pytest else ""
    file = f"{columns.name}.py"
    return task(
        "quixbugs",
        columns.name,
        _statement(columns),
        {file: columns.buggy, **({"node.py": node} if node else {})},
        {file: _fixed(columns)},
        _test(columns, cases, node),
    )


def _judging(columns: _Columns) -> list[tuple[list[Any], Any]]:
    """The cases without those that the authors' test skips because they take minutes."""
    skipped = []
    for node in ast.walk(parsed(columns.pytest)):
        if _skips(node):
            for compare in ast.walk(node):
                if isinstance(compare, ast.Compare) and ast.unparse(compare.left) == "input_data":
                    skipped.append(ast.literal_eval(compare.comparators[0]))
    return [case for case in columns.cases or [] if case[0] not in skipped]


def _node(support: Path) -> str:
    try:
        return str(json.loads(support.read_text(encoding="utf-8"))["node"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"pytest: needs the class Node of {support.name} beside the file: {error!r}") from error


def _fixed(columns: _Columns) -> str:
    """The program with the bug, its code exchanged for the reference's and its documentation kept."""
    mark = '\n"""'
    code, found, documentation = columns.buggy.partition(mark)
    return code.replace(code.strip("\n"), columns.reference.partition(mark)[0].strip("\n")) + found + documentation


def _test(columns: _Columns, cases: list[tuple[list[Any], Any]], node: str) -> HiddenTest:
    """The authors' test with its tables and helpers in it, and nothing that takes minutes."""
    text = whole(columns.pytest)
    lines = text.split("\n")
    names = []
    for statement in reversed(parsed(text).body):  # from the end, so that the numbers of the lines before stay right
        span = slice(statement.lineno - 1, statement.end_lineno)
        if isinstance(statement, ast.FunctionDef) and statement.name.startswith("test"):
            names.append(statement.name)
            _judge(statement, lines, columns.name)
        elif isinstance(statement, ast.ImportFrom) and statement.module == "node":
            lines[span] = whole(node).strip().split("\n")
        elif _finds_files(statement):
            lines[span] = []
        elif isinstance(statement, ast.Assign) and "load_json_testcases" in ast.unparse(statement.value):
            lines[span] = ["testdata = [", *(f"    {list(case)!r}," for case in cases), "]"]
    if cases:
        names = [f"{name}[{number}]" for name in names for number in range(len(cases))]
    else:
        names.reverse()
    return HiddenTest("\n".join(lines), names, _SECONDS * len(names))


def _judge(test: ast.FunctionDef, lines: list[str], module: str) -> None:
    """Give a test its deadline, its cases their numbers as names, and take out what skips some of them."""
    for statement in reversed(test.body):
        if _skips(statement):
            lines[statement.lineno - 1 : statement.end_lineno] = []
    lines.insert(test.lineno - 1, f'@judged({_SECONDS}, module="{module}")')
    for decorator in test.decorator_list:
        if "parametrize" in ast.unparse(decorator):
            end = (decorator.end_lineno or decorator.lineno) - 1
            lines[end] = f"{lines[end].rstrip()[:-1]}, ids=map(str, range(len(testdata))))"


def _finds_files(node: ast.stmt) -> bool:
    """Whether a statement is the part of a test that finds the program and the table in the authors' repository."""
    if isinstance(node, ast.ImportFrom):
        return node.module == "load_testdata"
    return isinstance(node, ast.If) and "use_correct" in ast.unparse(node.test)


def _skips(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "pytest.skip(" in ast.unparse(node)


def _statement(columns: _Columns) -> str:
    """What an issue would say: one failing call, what it should give and what it does."""
    symptom = _symptoms().get(columns.name, {})
    subject = f"`{columns.name}` in `{columns.name}.py`"
    if symptom.get("buggy") != digest(columns.buggy):
        return f"{subject} does not do what its documentation says. Find the bug and fix it.\n"
    if "case" in symptom:
        arguments, expected = (columns.cases or [])[symptom["case"]]
        call = f"{columns.name}({', '.join(map(repr, arguments))})"
        return (
            f"{subject} is wrong.\n\n```python\n{call}\n```\n\n"
            f"should give `{expected!r}`, but it {symptom['outcome']}. Find the bug and fix it.\n"
        )
    shown = [
        ast.unparse(node)
        for node in parsed(columns.pytest).body
        if isinstance(node, ast.Assign) or (isinstance(node, ast.FunctionDef) and node.name == symptom["test"])
    ]
    return (
        f"{subject} is wrong. This test should pass, but `{columns.name}` {symptom['outcome']}:\n\n```python\n"
        + "\n\n".join(shown)
        + "\n```\n\nFind the bug and fix it.\n"
    )


@cache
def _symptoms() -> dict[str, dict[str, Any]]:
    """What the known programs do wrong: which test shows it and what happens. It was seen by running them."""
    found: dict[str, dict[str, Any]] = json.loads(_SYMPTOMS.read_text(encoding="utf-8"))
    return found


def digest(program: str) -> str:
    """What tells a program from another with the same name."""
    return sha256(program.encode()).hexdigest()[:16]
