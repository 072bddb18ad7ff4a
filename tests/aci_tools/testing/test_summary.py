"""The compact text about a run."""

from __future__ import annotations

from aci_tools.testing import Failure, Place, TestReport, summarize
from aci_tools.testing.report import count


def report(results, failures=(), **more):
    more = {"exit_code": 1 if failures else 0, "command": "pytest", "covers": frozenset({""}), **more}
    return TestReport(results=results, failures=tuple(failures), counts=count(results), **more)


def test_the_whole_text_of_a_failing_run():
    places = (Place("test_a.py", 8, "assert f(1) == 2"), Place("a.py", 3, "return 1 / x"))
    failures = [Failure("test_a.py::test_f", "ZeroDivisionError: division by zero", places)]
    now = report({"test_a.py::test_f": "failed", "test_a.py::test_g": "passed"}, failures)
    before = report({"test_a.py::test_f": "passed", "test_a.py::test_g": "failed"})
    assert summarize(now, before) == (
        "1 failed, 1 passed (`pytest`)\n"
        "Compared with before any edit: 1 newly passing, 1 newly failing.\n"
        "Newly failing: test_a.py::test_f\n"
        "Newly passing: test_a.py::test_g\n"
        "\n"
        "FAILED test_a.py::test_f\n"
        "  test_a.py:8: assert f(1) == 2\n"
        "  a.py:3: return 1 / x\n"
        "  ZeroDivisionError: division by zero"
    )


def test_five_failures_are_shown_newly_failing_ones_first_and_the_rest_named():
    results = {f"t{number:02}": "failed" for number in range(17)}
    failures = [Failure(test, f"assert {test}") for test in results]
    before = report({**results, "t16": "passed"})
    text = summarize(report(results, failures), before)
    assert text.count("\nFAILED ") == 5
    assert text.index("FAILED t16") < text.index("FAILED t00")
    assert text.endswith("... and 12 more: t04, t05, t06, t07, t08, ... and 7 more")


def test_failures_with_one_cause_are_told_once():
    place = (Place("a.py", 3, "import nope"),)
    failures = [Failure(f"t{number}", "ImportError: nope", place) for number in range(8)]
    text = summarize(report({failure.id: "error" for failure in failures}, failures), None)
    assert text.count("ImportError: nope") == 1
    assert "the same in 7 more: t1, t2, t3, t4, t5, ... and 2 more" in text


def test_long_messages_are_cut_and_addresses_left_out():
    message = "\n".join([f"assert <X at 0x7f00dead{number:04x}> == {'y' * 500}" for number in range(30)])
    text = summarize(report({"t": "failed"}, [Failure("t", message)]), None)
    assert len(text) < 1500
    assert "0x7f" not in text
    assert text.splitlines()[-1] == "  ... 25 more lines"


def test_a_success_with_a_bad_exit_code_shows_the_output():
    text = summarize(report({"t": "passed"}, exit_code=2, tail="ERROR: coverage is below 90 %\n"), None)
    assert text == "1 passed, yet the exit code is 2 (`pytest`)\nThe output ends:\nERROR: coverage is below 90 %"
