"""What differs from the outcome before any edit."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aci_tools.testing import difference, run_project_tests, summarize
from aci_tools.tools.run_tests import RunTests

TESTS = """from calc import add, divide

def test_add():
    assert add(1, 1) == 2

def test_divide():
    assert divide(1, 0) == 0
"""
MENDED = b"def add(a, b):\n    return a + b\n\n\ndef divide(a, b):\n    return a / b if b else 0\n"
BROKEN = b"def add(a, b):\n    return a - b\n\n\ndef divide(a, b):\n    return a / b if b else 0\n"


@pytest.fixture
def session(project, calc):
    return project({**calc, "test_calc.py": TESTS})


def test_a_run_before_any_edit_is_the_baseline(session):
    report = run_project_tests(session)
    assert session.baseline == report
    assert "Nothing has been edited yet" in summarize(report, session.baseline)


def test_the_comparison_can_be_switched_off(session):
    session.settings = replace(session.settings, test_delta=False)
    before = RunTests(target="").run(session)
    session.write("calc.py", MENDED)
    after = RunTests(target="").run(session)
    assert session.baseline is None
    assert before.text.startswith("1 failed, 1 passed (`python -m pytest -q`)\n")
    assert after.text == "2 passed (`python -m pytest -q`)"
    for observation in (before, after):
        assert "ompared" not in observation.text
        assert "newly_passing" not in observation.data


def test_a_mended_test_is_newly_passing(session):
    run_project_tests(session)
    session.write("calc.py", MENDED)
    text = summarize(run_project_tests(session), session.baseline)
    assert text.splitlines() == [
        "2 passed (`python -m pytest -q`)",
        "Compared with before any edit: 1 newly passing, 0 newly failing.",
        "Newly passing: test_calc.py::test_divide",
    ]


def test_the_baseline_is_found_out_after_the_edit_and_the_edit_stays(session):
    session.write("calc.py", BROKEN)
    session.write("notes.txt", b"new file")
    session.sandbox.run("git add notes.txt")
    before = session.patch()
    text = summarize(run_project_tests(session), session.baseline)
    assert "1 newly passing, 1 newly failing" in text
    assert text.index("Newly failing: test_calc.py::test_add") < text.index("Newly passing: test_calc.py::test_divide")
    assert session.patch() == before
    assert session.baseline.results == {"test_calc.py::test_add": "passed", "test_calc.py::test_divide": "failed"}


def test_the_edit_stays_when_git_cannot_bring_back_the_code_before_it(session):
    session.write("calc.py", MENDED)
    session.sandbox.run("touch .git/index.lock")
    report = run_project_tests(session)
    assert report.counts == {"passed": 2}
    assert session.baseline is None
    assert session.read("calc.py") == MENDED


def test_only_tests_of_the_same_target_are_compared(session):
    session.write("calc.py", MENDED)
    run_project_tests(session, "test_add")
    assert session.baseline.covers == {"test_add"}
    report = run_project_tests(session, "test_divide")
    delta = difference(report, session.baseline)
    assert delta.newly_passing == ("test_calc.py::test_divide",)
    assert delta.gone == ()
    assert session.baseline.covers == {"test_add", "test_divide"}


def test_a_full_baseline_serves_every_target(session):
    baseline = run_project_tests(session)
    session.write("calc.py", MENDED)
    report = run_project_tests(session, "test_calc.py::test_divide")
    assert session.baseline == baseline
    assert difference(report, baseline).newly_passing == ("test_calc.py::test_divide",)


def test_new_tests_and_tests_that_are_gone_are_counted_apart(session):
    run_project_tests(session)
    session.write(
        "test_calc.py",
        b"from calc import add\n\ndef test_new():\n    assert add(1, 2) == 3\n\ndef test_bad():\n    assert 0\n",
    )
    text = summarize(run_project_tests(session), session.baseline)
    assert "0 newly passing, 0 newly failing; new tests: 1 passing, 1 failing; 2 did not run any more." in text
    assert "Did not run any more: test_calc.py::test_add, test_calc.py::test_divide" in text


def test_an_edit_that_changes_no_outcome_is_said_so(session):
    run_project_tests(session)
    session.write("calc.py", b"# a comment\n" + session.read("calc.py"))
    text = summarize(run_project_tests(session), session.baseline)
    assert "Compared with before any edit: 0 newly passing, 0 newly failing." in text
