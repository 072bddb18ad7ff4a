"""Which files of a repository are tests, in whatever language."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

_NAME = re.compile(
    r"tests?|(?:test[_-].+|.+[_.-](?:test|tests|spec|specs))|Test[A-Z].*|.+(?:Test|Tests|TestCase|Spec|IT)", re.ASCII
)
_FOLDERS = {"test", "tests", "__tests__", "spec", "specs", "testing"}
_MARKS = [("test", ""), ("tests", ""), *(("", mark) for mark in ("test", "tests", "testcase", "spec", "specs", "it"))]
_CODE = re.compile(r"\.(?:py|[jt]sx?|[cm]js|go|rs|java|kt|scala|groovy|rb|php|cc?|cpp|cxx)")


def is_test(path: str) -> bool:
    """Whether a file is a test or helps tests, going by its name."""
    parts = PurePosixPath(path)
    return bool(_NAME.fullmatch(parts.stem)) or parts.name == "conftest.py" or bool(_FOLDERS & set(parts.parts[:-1]))


def holds_tests(path: str) -> bool:
    """Whether a file is one that a test runner would take tests from, going by its name."""
    parts = PurePosixPath(path)
    if not _CODE.fullmatch(parts.suffix) or parts.name in ("conftest.py", "__init__.py"):
        return False
    return bool(_NAME.fullmatch(parts.stem)) or (parts.suffix == ".rs" and parts.parent.name == "tests")


def nearest(tests: Iterable[str], source: str) -> str:
    """The test file that most probably tests a source file, see :func:`by_likeness`; "" when there are none."""
    return next(iter(by_likeness(tests, source)), "")


def by_likeness(tests: Iterable[str], source: str) -> list[str]:
    """Test files, the likeliest for a source file first: by name, then by how much of the paths is the same.

    Args:
        tests: Their paths.
        source: The path of the source file, or a part of a name.
    """

    def likeness(test: str) -> tuple[bool, int, int]:
        stem = PurePosixPath(source).stem.lower()
        shared = len(set(PurePosixPath(test).parts) & set(PurePosixPath(source).parts))
        return bool(stem) and stem in PurePosixPath(test).stem.lower(), shared, -len(test)

    return sorted(sorted(tests), key=likeness, reverse=True)


def named_after(tests: Iterable[str], source: str) -> str:
    """The test file that is called after a source file, as ``test_calc.py`` is after ``calc.py``; "" when none is.

    Of several the likeliest, see :func:`by_likeness`.

    Args:
        tests: Paths of test files.
        source: The path of the source file.
    """
    place = PurePosixPath(source)
    names = {re.sub(r"[_.-]", "", f"{before}{place.stem}{after}").lower() for before, after in _MARKS}
    alike = (test for test in tests if re.sub(r"[_.-]", "", PurePosixPath(test).stem).lower() in names)
    return nearest((test for test in alike if PurePosixPath(test).suffix == place.suffix), source)


def beside(example: str, stem: str, taken: Iterable[str]) -> str:
    """The path of a new test file that a runner finds where it finds another one.

    Args:
        example: The other one.
        stem: What it is about, a word in lower case.
        taken: Paths that are in use.
    """
    place, known = PurePosixPath(example), set(taken)
    name = place.name
    mark = re.match(r"(test[_-])?.*?([_.-](?:test|spec)s?)?(\.\w+)$", name) if name else None
    big = re.fullmatch(r"(Test(?=[A-Z]))?.*?(Tests?|TestCase|Spec|IT)?(\.\w+)", name)
    for number in range(1, 100):
        word = stem if number == 1 else f"{stem}{number}"
        if mark and (mark[1] or mark[2]):
            new = f"{mark[1] or ''}{word}{mark[2] or ''}{mark[3]}"
        elif big and (big[1] or big[2]):
            new = f"{big[1] or ''}{word.capitalize()}{big[2] or ''}{big[3]}"
        else:
            new = f"test_{word}{place.suffix}"
        path = str(place.with_name(new)) if name else new
        if path not in known:
            return path
    raise ValueError(f"every name beside {example} is taken")
