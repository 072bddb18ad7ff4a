"""The outcome of the tests as an observation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.tools.run_tests import RunTests

FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n",
    "test_calc.py": (
        "from calc import add\n\n"
        "def test_add():\n    assert add(1, 1) == 2\n\n"
        "def test_zero():\n    assert add(0, 0) == 0\n"
    ),
}


@pytest.fixture
def session(tmp_path):
    root = tmp_path / "repository"
    root.mkdir()
    for name, text in FILES.items():
        (root / name).write_text(text)
    commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all"
    subprocess.run(commit, shell=True, cwd=root, check=True)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {"PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    sandbox = open_sandbox("local", SandboxSpec(repository=root, env=environment))
    yield Session(sandbox, SessionSettings(test_timeout=60.0))
    sandbox.close()


def test_failing_tests_are_not_ok(session):
    seen = RunTests().run(session)
    assert (seen.ok, seen.code) == (False, "tests-failed")
    assert seen.text == (
        "1 failed, 1 passed (`python -m pytest -q`)\n"
        "Nothing has been edited yet: later runs are compared with this one.\n"
        "\n"
        "FAILED test_calc.py::test_add\n"
        "  test_calc.py:4: assert add(1, 1) == 2\n"
        "  assert 0 == 2\n"
        "   +  where 0 = add(1, 1)"
    )


def test_mended_tests_are_ok_and_the_data_is_json(session):
    session.write("calc.py", b"def add(a, b):\n    return a + b\n")
    seen = RunTests(target="test_calc.py").run(session)
    assert (seen.ok, seen.code) == (True, "")
    assert json.loads(json.dumps(seen.data)) == {
        "command": "python -m pytest -q test_calc.py",
        "target": "test_calc.py",
        "exit_code": 0,
        "complete": True,
        "counts": {"passed": 2},
        "failing": [],
        "newly_passing": ["test_calc.py::test_add"],
        "newly_failing": [],
    }


def test_a_target_without_tests_is_not_found(session):
    seen = RunTests(target="zebra").run(session)
    assert (seen.ok, seen.code) == (False, "not-found")
    assert seen.text.endswith("\nFiles with tests: test_calc.py.")


def test_for_a_source_file_the_tests_that_are_called_after_it_are_run(session):
    session.write("calc.py", b"def add(a, b):\n    return a + b\n")
    seen = RunTests(target="calc.py").run(session)
    assert (seen.ok, seen.code) == (True, "")
    assert seen.text.startswith("calc.py has no tests; these are the tests of test_calc.py:\n2 passed (")
    assert seen.data["target"] == "test_calc.py"
    assert seen.data["newly_passing"] == ["test_calc.py::test_add"]


def test_for_a_file_without_tests_those_are_named_that_may_test_it(session):
    for number in range(6):
        session.write(f"test_{number}.py", b"def test_it():\n    pass\n")
    session.write("parts/shapes.py", b"def area():\n    return 1\n")
    session.write("parts/test_all_shapes.py", b"def test_area():\n    pass\n")
    seen = RunTests(target="parts/shapes.py").run(session)
    assert (seen.ok, seen.code) == (False, "not-found")
    said = seen.text.splitlines()[-1]
    assert said.startswith("Files with tests: parts/test_all_shapes.py, test_")
    assert said.endswith(" and 3 more.")


def test_a_deadline_is_a_timeout(session):
    session.write("test_hang.py", b"import time\n\ndef test_hang():\n    time.sleep(60)\n")
    session.settings = SessionSettings(test_timeout=1.0)
    seen = RunTests(target="test_hang.py").run(session)
    assert (seen.ok, seen.code) == (False, "timeout")


def test_where_no_file_has_tests_that_is_said(session):
    session.sandbox.run("git rm -q test_calc.py")
    session.settings = SessionSettings(test_command="python -m pytest -q")
    seen = session.execute(RunTests())
    assert (seen.ok, seen.code) == (False, "not-found")
    assert seen.text.endswith("\nNo file of the repository looks like one with tests.")


def test_no_tests_at_all_is_an_observation(session):
    session.sandbox.run("git rm -q test_calc.py")
    seen = session.execute(RunTests())
    assert (seen.ok, seen.code) == (False, "not-found")
    assert "No way to run tests was found" in seen.text
