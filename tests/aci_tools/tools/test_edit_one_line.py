"""Replacing one line: found by its text, nearest to its number; its indentation is kept."""

from __future__ import annotations

import pytest

from aci_tools.tools.base import ToolError
from aci_tools.tools.edit_one_line import ReplaceLine

CODE = "def f(a):\n    if a:\n        return 1\n    a += 1\n    if a:\n        return 2\n"


@pytest.fixture
def session(session_on):
    return session_on({"a.py": CODE})


@pytest.mark.parametrize(
    ("line", "old", "new", "after"),
    [
        (3, "return 1", "return 3", CODE.replace("return 1", "return 3")),
        (
            5,
            "if a:",
            "if not a:",
            "    if not a:\n        return 2\n".join(CODE.split("    if a:\n        return 2\n")),
        ),
        (
            6,
            "if a:",
            "if not a:",
            "    if not a:\n        return 2\n".join(CODE.split("    if a:\n        return 2\n")),
        ),
        (2, "    if a:", "    if a > 1:", CODE.replace("if a:", "if a > 1:", 1)),
        (4, "a += 1\n", "", CODE.replace("    a += 1\n", "")),
        (4, "a += 1", "a += 1\na += 2", CODE.replace("    a += 1\n", "    a += 1\n    a += 2\n")),
    ],
)
def test_the_line_is_replaced_and_keeps_its_indentation(session, line: int, old: str, new: str, after: str) -> None:
    done = session.execute(ReplaceLine(path="a.py", line=line, old=old, new=new))
    assert done.ok, done.text
    assert session.read("a.py").decode() == after


def test_a_line_that_is_not_there_is_refused(session) -> None:
    with pytest.raises(ToolError, match=r"No line of a\.py is `return 7`"):
        ReplaceLine(path="a.py", line=3, old="return 7", new="return 8").run(session)


def test_the_same_line_again_is_no_edit(session) -> None:
    done = session.execute(ReplaceLine(path="a.py", line=3, old="return 1", new="return 1"))
    assert not done.ok
    assert "exactly as it is" in done.text
