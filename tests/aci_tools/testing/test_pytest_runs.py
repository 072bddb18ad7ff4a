"""Projects tested by pytest, run for real: what the agent reads."""

from __future__ import annotations

import pytest

from aci_tools.testing import run_project_tests, summarize
from tests.aci_tools.testing.conftest import hanging_tests

KINDS = """
import pytest
from calc import add, divide

def test_assertion():
    assert add(2, 2) == 5, "sums"

@pytest.mark.parametrize("a,b", [(1, 1), (1, 0), ("x y", 2)])
def test_divide(a, b):
    assert divide(a, b) == 1

def test_unknown_fixture(nope):
    pass

@pytest.fixture
def broken():
    raise RuntimeError("no server")

def test_broken_fixture(broken):
    pass

@pytest.fixture
def unclean():
    yield
    raise OSError("cannot close")

def test_teardown(unclean):
    pass

@pytest.mark.xfail
def test_xfail():
    assert False

@pytest.mark.xfail
def test_xpass():
    pass

@pytest.mark.xfail(strict=True, reason="bug 12")
def test_strict_xpass():
    pass

@pytest.mark.skip(reason="not now")
def test_skipped():
    pass

class TestClass:
    def test_raises(self):
        with pytest.raises(ValueError):
            add(1, 2)

    def test_cause(self):
        try:
            divide(1, 0)
        except ZeroDivisionError as error:
            raise ValueError("bad") from error

    def test_address(self):
        assert object() is None
"""


def test_each_kind_of_failure_is_told_with_its_assertion_and_its_place(project, calc):
    doctest = 'def double(n):\n    """Twice.\n\n    >>> double(2)\n    5\n    """\n    return 2 * n\n'
    session = project(
        {**calc, "test_kinds.py": KINDS, "doc.py": doctest, "pytest.ini": "[pytest]\naddopts = --doctest-modules"}
    )
    report = run_project_tests(session)
    told = {failure.id: failure for failure in report.failures}

    assertion = told["test_kinds.py::test_assertion"]
    assert assertion.location == "test_kinds.py:6"
    assert assertion.places[-1].source == 'assert add(2, 2) == 5, "sums"'
    assert assertion.message.startswith("AssertionError: sums\nassert 4 == 5")

    inside = told["test_kinds.py::test_divide[1-0]"]
    assert [str(place) for place in inside.places] == ["test_kinds.py:10", "calc.py:6"]
    assert inside.message == "ZeroDivisionError: division by zero"
    assert report.results["test_kinds.py::test_divide[x y-2]"] == "failed"

    assert report.results["test_kinds.py::test_unknown_fixture"] == "error"
    assert told["test_kinds.py::test_unknown_fixture"].message.startswith("in setup: fixture 'nope' not found")
    assert told["test_kinds.py::test_unknown_fixture"].location == "test_kinds.py:12"
    assert told["test_kinds.py::test_broken_fixture"].message == "in setup: RuntimeError: no server"
    assert told["test_kinds.py::test_teardown"].message == "in teardown: OSError: cannot close"
    assert report.results["test_kinds.py::test_teardown"] == "error"

    assert report.results["test_kinds.py::test_xfail"] == "xfail"
    assert report.results["test_kinds.py::test_xpass"] == "passed"
    assert told["test_kinds.py::test_strict_xpass"].message == "[XPASS(strict)] bug 12"
    assert report.results["test_kinds.py::test_skipped"] == "skipped"

    assert told["test_kinds.py::TestClass::test_cause"].message == (
        "ValueError: bad\ncaused by ZeroDivisionError: division by zero (calc.py:6)"
    )
    assert told["doc.py::doc.double"].location == "doc.py:4"
    assert told["doc.py::doc.double"].message.splitlines() == [">>> double(2)", "Expected:", "    5", "Got:", "    4"]
    assert report.counts == {"failed": 8, "error": 3, "passed": 3, "skipped": 1, "xfail": 1}
    assert report.complete
    assert session.patch() == ""


def test_the_same_code_gives_the_same_text(project, calc):
    session = project(
        {**calc, "test_kinds.py": KINDS + "\ndef test_tmp(tmp_path):\n    (tmp_path / 'a').read_text()\n"}
    )
    first, second = (summarize(run_project_tests(session), session.baseline) for _ in range(2))
    assert first == second
    assert "FAILED test_kinds.py::test_assertion\n  test_kinds.py:6: assert add(2, 2) == 5" in first


@pytest.mark.parametrize(
    ("name", "text", "place", "message"),
    [
        (
            "test_bad.py",
            "import os\nfrom calc import nope\n",
            "test_bad.py:2",
            "ImportError: cannot import name 'nope'",
        ),
        ("test_bad.py", "def test_a(:\n    pass\n", "test_bad.py:1", "SyntaxError: invalid syntax"),
        ("test_bad.py", "import sys\n\nsys.exit(3)\n", "test_bad.py:3", "SystemExit: 3"),
        ("conftest.py", "\nimport nope\n", "conftest.py:2", "ModuleNotFoundError: No module named 'nope'"),
        ("conftest.py", "x = (\n", "conftest.py:1", "SyntaxError: '(' was never closed"),
        (
            "conftest.py",
            "import pytest\nprint(undefined)\n",
            "conftest.py:2",
            "NameError: name 'undefined' is not defined",
        ),
    ],
)
def test_what_cannot_be_imported_is_shown_with_its_line(project, calc, name, text, place, message):
    report = run_project_tests(project({**calc, name: text}))
    failure = report.failures[0]
    assert (failure.id, failure.location) == (name, place)
    assert failure.message.startswith(message)
    assert report.results[name] == "error"


def test_a_file_that_cannot_be_imported_does_not_stop_the_other_tests(project, calc):
    report = run_project_tests(project({**calc, "test_bad.py": "import nope\n"}))
    assert report.results == {"test_bad.py": "error", "test_calc.py::test_add": "passed"}


def test_a_hanging_test_is_named_and_what_ended_before_it_counts(project, calc):
    hanging = "import time\n\ndef test_hang():\n    time.sleep(60)\n"
    report = hanging_tests(project({**calc, "test_hang.py": hanging}))
    assert report.timed_out
    assert not report.complete
    assert report.running == "test_hang.py::test_hang"
    assert report.results == {"test_calc.py::test_add": "passed"}
    assert "was stopped at its deadline while running test_hang.py::test_hang" in summarize(report, None)


def test_a_test_that_kills_the_interpreter_is_named(project, calc):
    dying = "import os\n\ndef test_die():\n    os.kill(os.getpid(), 11)\n"
    report = run_project_tests(project({**calc, "test_die.py": dying}))
    assert report.results["test_die.py::test_die"] == "error"
    assert report.failures[0].location == "test_die.py:4"
    assert "broke off (exit code 139) while running test_die.py::test_die" in summarize(report, None)


def test_options_of_missing_plugins_and_exit_first_do_not_stop_the_run(project, calc):
    failing = "def test_one():\n    assert 0\n\ndef test_two():\n    assert 0\n"
    options = "[pytest]\naddopts = -x --no-such-plugin=calc --other-missing 3\n"
    report = run_project_tests(project({**calc, "test_two.py": failing, "pytest.ini": options}))
    assert report.counts == {"failed": 2, "passed": 1}
    assert "--no-such-plugin=calc" in report.notes[0]


@pytest.mark.parametrize(
    ("target", "ran"),
    [
        ("test_more.py", {"test_more.py::test_add_more[a b]", "test_more.py::TestX::test_y"}),
        ("test_more.py::TestX::test_y", {"test_more.py::TestX::test_y"}),
        ("test_more.py::test_add_more[a b]", {"test_more.py::test_add_more[a b]"}),
        ("test_calc.py test_more.py::TestX", {"test_calc.py::test_add", "test_more.py::TestX::test_y"}),
        ("add", {"test_calc.py::test_add", "test_more.py::test_add_more[a b]"}),
        ("-k 'not add'", {"test_more.py::TestX::test_y"}),
    ],
)
def test_a_target_is_a_file_an_id_or_a_part_of_a_name(project, calc, target, ran):
    more = (
        "import pytest\n\n@pytest.mark.parametrize('x', ['a b'])\ndef test_add_more(x):\n    pass\n\n"
        "class TestX:\n    def test_y(self):\n        pass\n"
    )
    assert set(run_project_tests(project({**calc, "test_more.py": more}), target).results) == ran


def test_a_target_that_matches_nothing_is_said_in_words(project, calc):
    session = project(calc)
    by_name = summarize(run_project_tests(session, "zebra"), None)
    by_path = summarize(run_project_tests(session, "test_nope.py"), None)
    assert by_name.startswith("No tests ran (`python -m pytest -q -k zebra`).")
    assert "pytest says: file or directory not found: test_nope.py" in by_path


def test_nothing_is_left_behind_in_a_repository_without_gitignore(project, calc):
    littering = "import os\n\ndef test_write():\n    os.makedirs('a/b')\n    open('a/b/c', 'w').close()\n"
    session = project({**calc, "test_litter.py": littering})
    session.sandbox.write("mine.txt", b"an agent's own new file")
    run_project_tests(session)
    listed = session.sandbox.run("git status --porcelain --ignored; ls").text.split()
    assert listed == ["??", "mine.txt", "calc.py", "mine.txt", "test_calc.py", "test_litter.py"]


@pytest.mark.parametrize("command", ["PYTHONPATH=. python -m pytest -q", "make test", "python -m pytest {target} -q"])
def test_any_command_that_ends_in_pytest_is_read(project, calc, command):
    files = {**calc, "test_kinds.py": KINDS, "Makefile": "test:\n\t@python -m pytest\n"}
    report = run_project_tests(project(files, test_command=command))
    told = {failure.id: failure for failure in report.failures}
    assert told["test_kinds.py::test_divide[1-0]"].location == "calc.py:6"
    assert report.counts == {"failed": 7, "error": 3, "passed": 3, "skipped": 1, "xfail": 1}


def test_a_test_that_runs_pytest_itself_does_not_write_into_the_report(project, calc):
    inner = (
        "import subprocess, sys\n\ndef test_inner(tmp_path):\n"
        "    (tmp_path / 'test_x.py').write_text('def test_x(): assert 0')\n"
        "    assert subprocess.run([sys.executable, '-m', 'pytest', str(tmp_path)]).returncode == 1\n"
    )
    report = run_project_tests(project({**calc, "test_inner.py": inner}))
    assert report.results == {"test_calc.py::test_add": "passed", "test_inner.py::test_inner": "passed"}


def test_crlf_sources_are_quoted_without_their_line_ends(project):
    report = run_project_tests(project({"test_a.py": "def test_a():\r\n    assert 1 == 2\r\n"}))
    assert report.failures[0].places[0].source == "assert 1 == 2"
