"""Taking back what a patch does to the tests and to how they are run, before they judge it.

What counts, for a path that the patch changes:

1. A file that the task's test patch names is always taken back, as SWE-bench does.
2. A file that the task's known solution touches never is: changing it is a part of solving the task.
3. A file that a test runner or an interpreter reads by itself is taken back wherever it is: ``conftest.py``,
   ``pytest.ini``, ``tox.ini``, ``.coveragerc``, ``sitecustomize.py``, ``*.pth``, ``*.egg-info``, a runner of the
   repository's own (``runtests.py``, ``bin/test``). ``setup.cfg``, ``setup.py`` and ``pyproject.toml`` are taken back
   if what they say about pytest, tox, coverage or pytest plugins has changed.
4. A test file is taken back: one that is named as one (``test_*.py``, ``*_test.py``, ``*.spec.ts``, ``*_test.go`` …),
   one below a directory ``tests``, ``__tests__`` or ``spec``, and one below a directory ``test`` or ``testing`` that is
   at the top of the repository or no package. ``django/test``, ``numpy/testing`` and ``sphinx/testing`` are packages
   that users import: product code. ``tests.py`` is a test file where it speaks of unittest, pytest or TestCase.
"""

from __future__ import annotations

import configparser
import re
import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from tasks.grading.apply import Workplace
from tasks.grading.patches import paths
from tasks.task import Task

_READ_BY_RUNNERS = (
    "conftest.py",
    "pytest.ini",
    ".pytest.ini",
    "tox.ini",
    ".coveragerc",
    "sitecustomize.py",
    "usercustomize.py",
    "*.pth",
    "runtests.py",
)
_READ_AT = frozenset({"bin/test", "bin/doctest"})
_TEST_NAMES = (
    "test_*.py",
    "*_test.py",
    "*.test.[jt]s",
    "*.test.[jt]sx",
    "*.spec.[jt]s",
    "*.spec.[jt]sx",
    "*_test.go",
    "*_spec.rb",
    "*Test.java",
    "*Test.php",
)
_TEST_DIRECTORIES = frozenset({"tests", "__tests__", "spec"})
_MAYBE_DIRECTORIES = frozenset({"test", "testing"})
_SPEAKS_OF_TESTS = re.compile(r"\b(?:unittest|pytest|TestCase)\b")
_OF_RUNNERS = re.compile(r"pytest|tox|coverage|aliases")
_ENTRY_POINT = re.compile(r"pytest11.*", re.S)
_SHOWN = 8


def undo(place: Workplace, task: Task, changed: Iterable[str]) -> tuple[list[str], tuple[str, ...]]:
    """Take back what a patch does to tests and test configuration.

    Args:
        place: The repository with the patch in it.
        task: Its test patch and its known solution say what is a test and what is none.
        changed: What the patch changed.

    Returns:
        Notes for the verdict, and what stays changed.
    """
    changed = tuple(changed)
    judging = paths(task.test_patch)
    solution = frozenset(paths(task.patch)) - frozenset(judging)
    taken = [path for path in changed if path not in solution and _counts(path, place)]
    place.restore(list(dict.fromkeys((*judging, *taken))))
    named = [path for path in changed if path in judging or path in taken]
    left = tuple(path for path in changed if path not in named)
    if not named:
        return [], left
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return [f"Not judged, and taken back before the tests: {', '.join(named[:_SHOWN])}{more}."], left


def _counts(path: str, place: Workplace) -> bool:
    pure = PurePosixPath(path)
    if path in _READ_AT or any(fnmatchcase(pure.name, pattern) for pattern in _READ_BY_RUNNERS):
        return True
    if any(step.endswith((".egg-info", ".dist-info")) for step in pure.parts):
        return True
    if pure.name in ("setup.cfg", "setup.py", "pyproject.toml"):
        return bool(_about_tests(pure.name, place.at_base(path)) != _about_tests(pure.name, _now(place, path)))
    return _is_test_file(pure, place)


def _is_test_file(path: PurePosixPath, place: Workplace) -> bool:
    if any(fnmatchcase(path.name, pattern) for pattern in _TEST_NAMES):
        return True
    directories = path.parts[:-1]
    if not _TEST_DIRECTORIES.isdisjoint(directories):
        return True
    for depth, name in enumerate(directories):
        if name in _MAYBE_DIRECTORIES:
            package = "/".join((*directories[: depth + 1], "__init__.py"))
            if depth == 0 or place.at_base(package) is None:
                return True
    if path.name == "tests.py":
        text = f"{place.at_base(str(path))}\n{_now(place, str(path))}"
        return bool(_SPEAKS_OF_TESTS.search(text))
    return False


def _now(place: Workplace, path: str) -> str | None:
    try:
        return place.sandbox.read(path).decode("utf-8", "replace")
    except OSError:
        return None


def _about_tests(name: str, text: str | None) -> Any:
    """What a file of configuration says about running tests, in a form that can be compared."""
    if text is None:
        return None
    if name == "setup.py":
        return _ENTRY_POINT.findall(text)
    try:
        return _in_toml(text) if name == "pyproject.toml" else _in_ini(text)
    except (ValueError, RecursionError, configparser.Error):
        return text


def _in_toml(text: str) -> Any:
    whole = tomllib.loads(text)
    tools, project = _table(whole, "tool"), _table(whole, "project")
    about = {name: value for name, value in tools.items() if _OF_RUNNERS.search(name)}
    return about, _table(project, "entry-points").get("pytest11")


def _table(within: dict[str, Any], name: str) -> dict[str, Any]:
    found = within.get(name, {})
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no table")
    return found


def _in_ini(text: str) -> Any:
    parser = configparser.RawConfigParser(strict=False)
    parser.read_string(text)
    found = {name: dict(parser.items(name)) for name in parser.sections() if _OF_RUNNERS.search(name)}
    plugins = parser.get("options.entry_points", "pytest11", fallback=None)
    return found, plugins
