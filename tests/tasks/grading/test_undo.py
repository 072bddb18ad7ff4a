"""What of a patch is test code, and what a patch names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from tasks.grading.apply import Workplace
from tasks.grading.commands import directives, reinstall_commands
from tasks.grading.patches import paths, sections
from tasks.grading.undo import undo
from tasks.task import Environment, Task

BASE = {
    "numpy_like/testing/__init__.py": "",
    "django_like/test/__init__.py": "",
    "testing/python/collect.py": "old",
    "src/test/java/Thing.java": "old",
    "jinja_like/tests.py": "def test_odd(value): ...",
    "polls/tests.py": "from django.test import TestCase",
    "setup.cfg": "[metadata]\nname = x\n[tool:pytest]\naddopts = -q\n",
    "pyproject.toml": "[project]\nname = 'x'\n[tool.pytest.ini_options]\naddopts = '-q'\n",
}
PRODUCT = [
    "numpy_like/testing/utils.py",
    "django_like/test/client.py",
    "jinja_like/tests.py",
    "src/contest.py",
    "latest/attest.py",
    "pkg/testutils/x.py",
]
TESTS = [
    "tests/helpers.py",
    "pkg/tests/data.json",
    "pkg/test_thing.py",
    "pkg/thing_test.py",
    "testing/python/collect.py",
    "src/test/java/Thing.java",
    "polls/tests.py",
    "conftest.py",
    "deep/in/it/conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    "sitecustomize.py",
    "src/usercustomize.py",
    "x.pth",
    "x.egg-info/entry_points.txt",
    "bin/test",
    "web/a.spec.ts",
    "lib/__tests__/a.js",
]


@pytest.fixture
def place(tmp_path: Path, new_repository: Callable[..., Any]) -> Any:
    repository = new_repository(tmp_path / "project")
    for name, text in BASE.items():
        repository.write(name, text)
    base = repository.commit("Begin")
    sandbox = open_sandbox("local", SandboxSpec(repository=repository.path))
    yield Workplace(sandbox, base, str(tmp_path / "scratch"), {})
    sandbox.close()


def task_with(**fields: str) -> Task:
    return Task(instance_id="x", repo="a/b", base_commit="HEAD", problem_statement="", **fields)  # type: ignore[arg-type]


def taken_back(place: Workplace, files: dict[str, str], **fields: str) -> list[str]:
    for name, text in files.items():
        place.sandbox.write(name, text.encode())
    changed = place.changed()
    assert sorted(changed) == sorted(files)
    undo(place, task_with(**fields), changed)
    return sorted(set(files) - set(place.changed()))


def test_tests_and_their_configuration_are_taken_back_and_the_product_is_not(place: Workplace) -> None:
    assert taken_back(place, dict.fromkeys(PRODUCT + TESTS, "changed\n")) == sorted(TESTS)


def test_configuration_counts_by_what_it_says_of_tests(place: Workplace) -> None:
    dependency = BASE["setup.cfg"] + "[options]\ninstall_requires = y\n"
    cheat = BASE["pyproject.toml"].replace("-q", "-p cheat")
    plugin = "setup(entry_points={'pytest11': ['x = x']})"
    files = {"setup.cfg": dependency, "pyproject.toml": cheat, "setup.py": plugin}
    assert taken_back(place, files) == ["pyproject.toml", "setup.py"]


@pytest.mark.parametrize(
    "broken", ["tool = 'x'", "project = 1", "project = {entry-points = 'x'}", "x = " + "[" * 5000, "x = " + "9" * 5000]
)
def test_configuration_that_no_runner_can_read_is_taken_back(place: Workplace, broken: str) -> None:
    assert taken_back(place, {"pyproject.toml": f"{broken}\n"}) == ["pyproject.toml"]


def test_what_the_solution_touches_stays_and_what_the_test_patch_names_does_not(place: Workplace) -> None:
    solution = "--- a/polls/tests.py\n+++ b/polls/tests.py\n@@ -1 +1 @@\n-a\n+b\n"
    hidden = "--- a/src/contest.py\n+++ b/src/contest.py\n@@ -1 +1 @@\n-a\n+b\n"
    files = {"polls/tests.py": "changed\n", "src/contest.py": "changed\n"}
    assert taken_back(place, files, patch=solution, test_patch=hidden) == ["src/contest.py"]


def test_lines_of_hunks_that_look_like_headers() -> None:
    patch = (
        "diff --git a/x.sql b/x.sql\n--- a/x.sql\n+++ b/x.sql\n@@ -1,2 +1,2 @@\n--- a/no\n+++ b/no\n line\n"
        'diff --git "a/t\\303\\244.py" "b/t\\303\\244.py"\nnew file mode 100644\n--- /dev/null\n'
        '+++ "b/t\\303\\244.py"\n@@ -0,0 +1 @@\n+x\n'
        "diff --git a/old b/new\nrename from old\nrename to new\n"
    )
    assert paths(patch) == ("x.sql", "tä.py", "old", "new")
    assert "".join(section.text for section in sections(patch)) == patch


def test_directives() -> None:
    patch = "".join(
        f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-a\n+b\n" for name in ("tests/a/tests.py", "tests/b.json")
    )
    task = task_with(test_patch=patch)
    assert directives(task) == ("tests/a/tests.py",)
    assert directives(task.model_copy(update={"repo": "django/django"})) == ("a.tests",)


def test_only_what_is_built_is_built_again() -> None:
    install = ("python -m venv .venv", "pip install six==1.16", "python -m pip install -e .[test]")
    task = task_with().model_copy(update={"environment": Environment(install=install)})
    assert reinstall_commands(task, ["pkg/x.py"]) == []
    (command,) = reinstall_commands(task, ["pkg/x.pyx"])
    assert command == "python -m pip install --no-index --no-deps --no-build-isolation -e .[test]"
    copied = task.model_copy(update={"environment": Environment(install=("pip install .",))})
    assert reinstall_commands(copied, ["pkg/x.py"]) == ["pip install --no-index --no-deps --no-build-isolation ."]
