"""What is found out about how a repository is tested."""

from __future__ import annotations

import json

import pytest

from aci_tools.testing import find_plan, run_project_tests
from aci_tools.testing.detect import Facts, choose
from aci_tools.tools.base import ToolError


def facts(*, files=(), cases=(), python="python", has_pytest=True, needs_src=False, **configs):
    return Facts(configs, files, cases, python, has_pytest, needs_src)


def package(script):
    return {"package.json": json.dumps({"scripts": {"test": script}})}


@pytest.mark.parametrize(
    ("found", "command", "source"),
    [
        (facts(**{"pytest.ini": ""}), "python -m pytest -q", "pytest.ini"),
        (facts(**{"pyproject.toml": "[tool.pytest.ini_options]"}), "python -m pytest -q", "pyproject.toml"),
        (facts(**{"setup.cfg": "[tool:pytest]"}), "python -m pytest -q", "setup.cfg"),
        (facts(files=("tests/test_a.py",)), "python -m pytest -q", "test files"),
        (facts(files=("tests/conftest.py",)), "python -m pytest -q", "conftest.py"),
        (
            facts(files=("test_a.py",), needs_src=True),
            'PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" python -m pytest -q',
            "test files",
        ),
        (
            facts(files=("tests/a/test_a.py",), **{"tests/runtests.py": "import django"}),
            "python runtests.py --verbosity 2",
            "tests/runtests.py",
        ),
        (
            facts(has_pytest=False, **{"manage.py": "import django"}),
            "python manage.py test --verbosity 2",
            "manage.py",
        ),
        (
            facts(has_pytest=False, files=("tests/test_a.py",), cases=("tests/test_a.py",)),
            "python -m unittest discover -v -s tests",
            "unittest test cases",
        ),
        (
            facts(has_pytest=False, files=("tests/__init__.py",), cases=("tests/test_a.py",)),
            "python -m unittest discover -v",
            "unittest test cases",
        ),
        (
            facts(**package("eslint . && jest --coverage")),
            'npm test --silent -- --ci --json --outputFile="$PATCHWRIGHT_RESULTS"',
            "package.json, scripts.test",
        ),
        (
            facts(**package("vitest")),
            'npm test --silent -- --run --reporter=json --outputFile="$PATCHWRIGHT_RESULTS"',
            "package.json, scripts.test",
        ),
        (
            facts(**package("mocha test/")),
            'npm test --silent -- --reporter json --reporter-option output="$PATCHWRIGHT_RESULTS"',
            "package.json, scripts.test",
        ),
        (facts(**package("./check.sh")), "npm test --silent", "package.json, scripts.test"),
        (facts(**{"go.mod": "module m"}), "grep '^module ' go.mod; go test -json {target}", "go.mod"),
        (facts(**{"Cargo.toml": ""}), "cargo test --no-fail-fast --color never {target}", "Cargo.toml"),
        (facts(Makefile="all: x\ntest: all\n\tx\n"), "make test", "Makefile, target test"),
        (facts(Makefile="all:\n\ncheck :\n\tx\n"), "make check", "Makefile, target check"),
        (facts(**{"tox.ini": "[testenv]"}), "tox", "tox.ini"),
        (facts(**{"noxfile.py": ""}), "nox", "noxfile.py"),
    ],
)
def test_what_the_repository_says_decides(found, command, source):
    plan = choose(found, "/testbed")
    assert plan is not None
    assert (plan.command, plan.source) == (command, source)


@pytest.mark.parametrize(
    "found",
    [
        facts(),
        facts(has_pytest=False, files=("test_a.py",)),
        facts(Makefile="test := 1\nlatest:\n"),
        facts(**package('echo "Error: no test specified" && exit 1')),
        facts(**{"package.json": "{broken"}),
    ],
)
def test_what_says_nothing_gives_no_plan(found):
    assert choose(found, "/testbed") is None


def test_a_configured_command_wins(project, calc):
    plan = find_plan(project(calc, test_command="./runtests.sh"))
    assert plan is not None
    assert (plan.command, plan.parser, plan.source) == ("./runtests.sh", "auto", "the configured test command")


@pytest.mark.parametrize("requirements", ["calc==1", "calc==10"])
def test_a_file_in_utf_16_does_not_hide_what_comes_after_it(project, calc, requirements):
    session = project(calc)
    session.sandbox.write(f"{session.root}/requirements.txt", requirements.encode("utf-16"))
    plan = find_plan(session)
    assert plan is not None
    assert plan.parser == "pytest"


def test_the_python_of_the_repositorys_environment_is_taken(project, calc):
    environment = '#!/bin/sh\nexec python3 "$@"\n'
    session = project({**calc, ".venv/bin/python": environment})
    session.sandbox.run("chmod +x .venv/bin/python")
    plan = find_plan(session)
    assert plan is not None
    assert plan.command == ".venv/bin/python -m pytest -q"


def test_the_code_in_src_is_tested_and_not_another_copy_of_it(project):
    files = {
        "src/iniconfig/__init__.py": "def where():\n    return 'here'\n",  # pytest itself needs a package of this name
        "src/unheard_of/__init__.py": "def where():\n    return 'here'\n",
        "tests/test_where.py": "def test_where():\n    import unheard_of\n    assert unheard_of.where() == 'here'\n",
    }
    assert find_plan(project(files)).command.startswith('PYTHONPATH="$PWD/src')
    del files["src/iniconfig/__init__.py"]
    report = run_project_tests(project(files))
    assert report.results == {"tests/test_where.py::test_where": "passed"}


def test_no_way_to_run_tests_is_said_with_what_else_to_do(project):
    with pytest.raises(ToolError, match="No way to run tests was found"):
        run_project_tests(project({"README": "hello\n"}))


def test_pytest_that_cannot_be_imported_is_said(project):
    session = project({"test_a.py": "def test_a(): pass\n"}, path="/usr/bin:/bin")
    if session.sandbox.run("python3 -c 'import pytest'").ok:
        pytest.skip("the system's own python3 has pytest")
    with pytest.raises(ToolError, match="no Python in this sandbox can import pytest"):
        run_project_tests(session)
