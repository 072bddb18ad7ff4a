"""The hidden test of a problem, and the task that it makes of the problem."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tasks.datasets import diffs
from tasks.task import Environment, Task

TEST_FILE = "test_hidden.py"
#: Caches of Python are no part of a patch.
_IGNORED = "__pycache__/\n.pytest_cache/\n"
_HARNESS = Path(__file__).with_name("harness.py")


@dataclass(frozen=True, slots=True)
class HiddenTest:
    """A test file.

    Attributes:
        text: Its Python text, without the harness.
        names: Its tests, as pytest calls them.
        seconds: How long all of them may take.
    """

    text: str
    names: Sequence[str]
    seconds: float


def task(
    set_name: str,
    key: str,
    statement: str,
    files: Mapping[str, str],
    solved: Mapping[str, str] | None,
    test: HiddenTest,
) -> Task:
    """A task of a few files.

    Args:
        set_name: Name of the set.
        key: Name of the problem in it.
        statement: What an issue about the problem would say.
        files: The repository as the agent finds it, text by path.
        solved: The files that a solution changes, with their texts; ``None`` when no solution is known.
        test: The test that judges.
    """
    before = {path: whole(text) for path, text in files.items()}
    after = {path: whole(text) for path, text in (solved or {}).items()}
    harness = _HARNESS.read_text(encoding="utf-8")
    return Task(
        id=f"{set_name}__{re.sub(r'[^A-Za-z0-9.-]+', '_', key)}",
        repo=set_name,
        base_commit="",
        problem_statement=statement,
        patch="".join(diffs.changed(path, before.get(path), text) for path, text in sorted(after.items())),
        test_patch=diffs.changed(TEST_FILE, None, f"{harness}\n\n{whole(test.text)}"),
        fail_to_pass=tuple(f"{TEST_FILE}::{name}" for name in test.names),
        files={".gitignore": _IGNORED, **before},
        environment=Environment(
            test_command=f"python3 -m pytest -rA -p no:cacheprovider {TEST_FILE}",
            parser="pytest",
            timeout=test.seconds + 60,
        ),
        set=set_name,
    )


def whole(text: str) -> str:
    """A text with Unix line ends and one newline at its end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    return f"{text}\n" if text else ""


def program_test(program: str, seconds: float, limits: str = "") -> HiddenTest:
    """One test of a program that its authors append to a solution and run.

    What the program defines stays at the top of the file, what it does moves into the test.

    Args:
        program: Python text.
        seconds: Deadline of the test.
        limits: Further arguments of the harness's ``judged``, as Python text that begins with a comma.

    Raises:
        ValueError: The program is not Python.
    """
    program = whole(program)
    lines = program.split("\n")
    actions = []
    for node in parsed(program).body:
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign):
            actions.append(node)
            lines[node.lineno - 1 : node.end_lineno] = [""] * ((node.end_lineno or node.lineno) - node.lineno + 1)
    text = "\n".join(lines).strip("\n")
    return HiddenTest(
        f"{text}\n\n\n{written_test('test_program', actions, seconds, limits)}", ["test_program"], seconds
    )


def written_test(name: str, body: Sequence[ast.stmt], seconds: float, limit: str = "") -> str:
    """The text of a test that does something."""
    made = ast.FunctionDef(
        name=name, args=ast.arguments([], [], None, [], [], None, []), body=list(body), decorator_list=[]
    )
    return f"@judged({seconds}{limit})\n{ast.unparse(ast.fix_missing_locations(made))}\n"


def parsed(program: str) -> ast.Module:
    """The syntax tree of a test.

    Raises:
        ValueError: It is not Python.
    """
    try:
        return ast.parse(program)
    except SyntaxError as error:
        raise ValueError(f"test: not Python: {error.msg} in line {error.lineno}") from error
