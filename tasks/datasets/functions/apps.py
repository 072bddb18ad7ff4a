"""APPS (Hendrycks et al. 2021): its own rows, and those of MapCoder's selection."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import AliasChoices, Field

from tasks.datasets.functions.fields import Columns
from tasks.datasets.functions.hidden import HiddenTest, task, whole
from tasks.datasets.rows import Row
from tasks.task import Task

_SECONDS = 4.0
_EXAMPLES = 3
_MODULE = "solution.py"
_EMPTY = '"""A program that reads from standard input and writes to standard output."""\n'

_FUNCTION_TEST = '''\
def _plain(value):
    """A value as JSON would give it back: it knows no tuples, and its keys are texts."""
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {str(key): _plain(part) for key, part in value.items()}
    return value


@pytest.mark.parametrize("number", range(len(CASES)))
@judged(SECONDS)
def test_case(number):
    function = FUNCTION
    readings, expected = CASES[number]
    results = []
    for arguments in readings:  # the file does not tell 1 from "1": one reading of the arguments has to give the result
        try:
            results.append(_plain(function(*arguments)))
        except Exception as error:
            if len(readings) == 1:
                raise
            results.append(error)
        if results[-1] == _plain(expected):
            return
    assert _plain(expected) in results
'''
_PROGRAM_TEST = '''\
def _close(line, expected):
    """Whether two lines have the same words, or numbers as close as numpy's allclose wants them to be."""
    words, wanted = line.split(), expected.split()
    if len(words) != len(wanted):
        return False
    for word, want in zip(words, wanted):
        try:
            if word != want and not abs(float(word) - float(want)) <= 1e-8 + 1e-5 * abs(float(want)):
                return False
        except ValueError:
            return False
    return True


@pytest.mark.parametrize("number", range(len(CASES)))
@judged(SECONDS, module="")
def test_case(number):
    import subprocess
    import sys

    given, expected = CASES[number]
    done = subprocess.run(
        [sys.executable, "solution.py"],
        input=given.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    lines = done.stdout.decode("utf-8", "replace").strip().split("\\n")
    wanted = expected.strip().split("\\n")
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-2000:]
    assert len(lines) == len(wanted), (lines[:20], wanted[:20])
    for line, want in zip(lines, wanted):
        assert _close(line, want), (line[:500], want[:500])
'''


class _Case(Columns):
    input: Any
    output: Any


class _Columns(Columns):
    id: int | str = Field(validation_alias=AliasChoices("problem_id", "id", "name"))
    description: str = Field(validation_alias=AliasChoices("description", "question"))
    starter_code: str = ""
    sample_io: tuple[_Case, ...] = ()
    test_list: tuple[_Case, ...] = ()
    input_output: str = ""
    solutions: str = ""


@dataclass(frozen=True, slots=True)
class _Function:
    """What a starter code asks for.

    Attributes:
        expression: How a test gets at it.
        parameters: Names of its parameters.
    """

    expression: str
    parameters: tuple[str, ...]


def recognises(fields: Mapping[str, Any]) -> bool:
    """Whether a row has the columns of APPS, or of MapCoder's selection of it."""
    return {"question", "input_output"} <= fields.keys() or {
        "description",
        "starter_code",
        "test_list",
    } <= fields.keys()


def read(row: Row) -> Task:
    """The task of a row: a function with a given signature where there is a starter code, else a program.

    Raises:
        ValueError: A column is wrong, or the row has no test.
    """
    columns = _Columns.model_validate(row.fields)
    own = _own(columns)
    function = _function(own.get("fn_name", ""), columns.starter_code)
    if "inputs" in own:
        cases = list(zip(own["inputs"], own["outputs"], strict=False))
    else:
        cases = [(case.input, case.output) for case in columns.test_list]
    if not cases:
        raise ValueError("test_list: holds no test")
    start = _started(columns.starter_code) if function else _EMPTY
    solution = _solution(columns.solutions)
    return task(
        "apps",
        str(columns.id),
        f"{columns.description.strip()}\n\n{_request(function, columns)}",
        {_MODULE: start},
        {_MODULE: solution} if solution else None,
        _function_test(function, cases, "inputs" in own) if function else _program_test(cases),
    )


def _own(columns: _Columns) -> dict[str, Any]:
    """The tests as APPS itself writes them: ``{"inputs": [...], "outputs": [...], "fn_name": ...}``."""
    if not columns.input_output:
        return {}
    try:
        found = json.loads(columns.input_output)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"input_output: not JSON: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(found.get(key), list) for key in ("inputs", "outputs")):
        raise ValueError("input_output: not an object with inputs and outputs")
    return found


def _solution(solutions: str) -> str | None:
    try:
        found = json.loads(solutions or "[]")
    except (ValueError, RecursionError) as error:
        raise ValueError(f"solutions: not JSON: {error}") from error
    return str(found[0]) if isinstance(found, list) and found else None


def _started(starter: str) -> str:
    """A starter code is cut off where the body of its last function begins: a body that does nothing makes it whole."""
    last = [line for line in starter.expandtabs(4).split("\n") if line.strip()][-1]
    indent = len(last) - len(last.lstrip()) + 4
    return f"{starter.strip()}\n{' ' * indent}pass\n"


def _function(name: str, starter: str) -> _Function | None:
    if not starter.strip():
        return None
    try:
        tree = ast.parse(_started(starter.expandtabs(4)))
    except SyntaxError as error:
        raise ValueError(f"starter_code: not Python: {error.msg}") from error
    top = [node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    if not top:
        raise ValueError("starter_code: defines neither a function nor a class")
    if isinstance(top[-1], ast.FunctionDef):
        return _Function(name or top[-1].name, tuple(argument.arg for argument in top[-1].args.args))
    methods = [node for node in top[-1].body if isinstance(node, ast.FunctionDef)]
    if not methods:
        raise ValueError("starter_code: its class has no method")
    parameters = tuple(argument.arg for argument in methods[-1].args.args[1:])
    return _Function(f"{top[-1].name}().{name or methods[-1].name}", parameters)


def _request(function: _Function | None, columns: _Columns) -> str:
    if function is None:
        return f"Write the program `{_MODULE}`, which reads from standard input and writes to standard output.\n"
    examples = "".join(
        f"\nInput, one argument a line:\n```\n{case.input}\n```\nResult:\n```\n{_one(case.output)!r}\n```\n"
        for case in columns.sample_io[:_EXAMPLES]
    )
    return f"Complete `{function.expression}` in `{_MODULE}`.\n{examples}"


def _one(output: Any) -> Any:
    """An expected output is the only element of a list."""
    return output[0] if isinstance(output, list) and len(output) == 1 else output


def _function_test(function: _Function, cases: list[tuple[Any, Any]], typed: bool) -> HiddenTest:
    if typed:
        table = [([list(given)], _one(output)) for given, output in cases]
    else:
        split = [_arguments(str(given), len(function.parameters)) for given, _ in cases]
        texts = {number for arguments in split for number, text in enumerate(arguments) if _value(text) is None}
        table = [
            (
                [
                    list(reading)
                    for reading in product(*(_readings(text, number in texts) for number, text in enumerate(arguments)))
                ],
                _one(output),
            )
            for arguments, (_, output) in zip(split, cases, strict=True)
        ]
    return _test(table, _FUNCTION_TEST.replace("FUNCTION", function.expression))


def _program_test(cases: list[tuple[Any, Any]]) -> HiddenTest:
    def text(value: Any) -> str:
        return "\n".join(map(str, value)) if isinstance(value, list) else str(value)

    return _test([(text(given), text(output)) for given, output in cases], _PROGRAM_TEST)


def _test(table: list[Any], text: str) -> HiddenTest:
    rows = "".join(f"    {case!r},\n" for case in table)
    names = [f"test_case[{number}]" for number in range(len(table))]
    body = f"import pytest\n\nCASES = [\n{rows}]\n\n\n{text.replace('SECONDS', str(_SECONDS))}"
    return HiddenTest(whole(body), names, _SECONDS * len(table))


def _arguments(given: str, count: int) -> list[str]:
    """One argument a line; where there are more lines than arguments, the first argument has several."""
    if count == 0:
        return []
    lines = given.split("\n")
    extra = max(len(lines) - count, 0) + 1
    return ["\n".join(lines[:extra]), *lines[extra:]]


def _readings(text: str, is_text: bool) -> list[Any]:
    """What an argument may be. One that is no literal in some test is a text in all of them."""
    value = _value(text)
    return [text] if is_text or value is None else [value[0], text]


def _value(text: str) -> tuple[Any] | None:
    try:
        return (ast.literal_eval(text.strip()),)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
