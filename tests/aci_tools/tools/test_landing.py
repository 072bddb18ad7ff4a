"""What becomes of an edit after it is made: it stays, or is taken back because a check speaks against it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aci_tools.checks import MOST_UNDONE, measure_before
from aci_tools.examples import Examples
from aci_tools.tools.base import INEFFECTIVE
from aci_tools.tools.edit_lines import Edit
from aci_tools.tools.edit_replace import Replace

ISSUE = "`add` subtracts.\n\n>>> from calc import add\n>>> add(2, 3)\n-1\n\nIt should give 5.\n"


@pytest.fixture
def session(session_on):
    made = session_on({"calc.py": "def add(a, b):\n    return a - b\n"}, take_back=True)
    made.examples = Examples.of(ISSUE)
    measure_before(made)
    return made


def edit(session, new):
    return session.execute(Replace(path="calc.py", old="a - b", new=new))


def code(session):
    return session.sandbox.read(f"{session.root}/calc.py").decode()


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        ("0 - b + a", "the examples of the issue give the same results as before"),
        ("a * b", "`add(2, 3)` now gives 6, which nobody asked for"),
        ("a / 0", "`add(2, 3)` now gives ZeroDivisionError"),
    ],
)
def test_an_edit_that_an_example_speaks_against_is_taken_back(session, new, reason):
    seen = edit(session, new)
    assert (seen.ok, seen.code) == (False, INEFFECTIVE)
    assert reason in seen.text
    assert "return a - b" in code(session)


def test_of_an_edit_that_is_taken_back_too_it_is_said_that_its_lines_were_indented(session):
    seen = session.execute(Edit(start=2, end=2, path="calc.py", text="return a * b\n"))
    assert seen.code == INEFFECTIVE
    assert "gives 6" in seen.text
    assert "before this edit. The new lines were indented to fit the file.\n" in seen.text


def test_an_edit_that_makes_it_right_stays(session):
    assert edit(session, "a + b").ok
    assert "return a + b" in code(session)


def test_without_the_setting_an_edit_stays_and_what_speaks_against_it_is_said(session):
    session.settings = replace(session.settings, take_back=False)
    seen = edit(session, "a * b")
    assert seen.ok
    assert "But `add(2, 3)` now gives 6" in seen.text
    assert "return a * b" in code(session)


def test_after_many_in_a_row_an_edit_stays_because_the_checks_may_be_wrong(session):
    session.undone = MOST_UNDONE - 1
    assert not edit(session, "a * b").ok
    assert edit(session, "a * b").ok


def test_an_edit_that_leads_to_what_failed_before_is_taken_back(session):
    assert edit(session, "b + a").ok
    failed = session.patch()
    session.undo()
    session.failed_patches = frozenset([failed])
    seen = edit(session, "b + a")
    assert (seen.ok, seen.code) == (False, INEFFECTIVE)
    assert "an earlier attempt ended with just this change, and it failed" in seen.text
    assert session.patch() == ""
    assert edit(session, "a + b").ok
    assert "+    return a + b" in session.patch_so_far
