"""The guard counts only what an edit introduces."""

from __future__ import annotations

import subprocess

import pytest

from aci_tools.guard import Guard


@pytest.fixture(scope="module")
def guard():
    return Guard("py38")


def lines(guard: Guard, before: str | None, after: str, path: str = "a.py") -> list[int]:
    old = None if before is None else before.encode()
    return [d.line for d in guard.refuse(path, old, after.encode())]


BROKEN = "x = 1\n\n\ndef f():\n    return missing\n"


def test_an_old_error_that_moves_blocks_nothing(guard):
    assert lines(guard, BROKEN, "y = 0\nx = 1\n\n\n\ndef f():\n    return missing\n") == []
    assert lines(guard, BROKEN, BROKEN.replace("x = 1\n\n\n", "")) == []


def test_an_old_error_on_a_changed_line_blocks_nothing(guard):
    assert lines(guard, BROKEN, BROKEN.replace("return missing", "return missing + 1")) == []


def test_a_new_error_beside_an_old_one_counts(guard):
    assert lines(guard, BROKEN, BROKEN + "print(other)\n") == [6]
    assert lines(guard, BROKEN, BROKEN + "print(missing)\n") == [6]


def test_errors_of_one_line_are_compared_by_count(guard):
    assert lines(guard, "import a\nprint(a, b)\n", "print(a, b)\n") == [1]


def test_removing_what_is_used_elsewhere_counts_there(guard):
    assert lines(guard, "import os\n\nprint(os)\n", "\nprint(os)\n") == [2]


@pytest.mark.parametrize(
    "after",
    [
        "def f(:\n    pass\n",
        "def f(a, a):\n    pass\n",
        "return 1\n",
        "__all__ = ['nothing']\n",
        "x = (\n",
        "if True:\npass\n",
        "if True:\n\tx = 1\n        y = 2\n",
    ],
)
def test_a_python_file_that_cannot_work_is_refused(guard, after):
    assert lines(guard, "x = 1\n", after) != []
    assert lines(guard, None, after) != []


@pytest.mark.parametrize(
    "after",
    [
        "from typing import Any\n\n__all__ = ['f']\n\n\ndef f(a):\n    # type: (Any) -> None\n    pass\n",
        "print(_('text'))\n",
        "x = '\\d'\n",
        "from a import *\n\nprint(anything)\n",
        "print(unknown)  # noqa: F821\n",
    ],
)
def test_a_python_file_that_works_lands(guard, after):
    assert lines(guard, None, after) == []


def test_a_file_for_python_2_can_be_edited(guard):
    old = "import os\nprint 'a'\ntry:\n    pass\nexcept IOError, e:\n    raise ValueError, e\n"
    assert lines(guard, old, old.replace("'a'", "'b'")) == []
    assert lines(guard, old, old + "print >>f, 'more'\nexec 'x'\n") == []


def test_mending_a_syntax_error_is_not_blamed_for_what_it_uncovers(guard):
    assert lines(guard, "def f(:\n    pass\n\nprint(unknown)\n", "def f():\n    pass\n\nprint(unknown)\n") == []


def test_breaking_a_broken_file_in_another_way_counts(guard):
    assert lines(guard, "x = (1\ny = 2\nz = 3\n", "x = (1\ny = 2\nz = 3\n") == []
    assert 1 in lines(guard, "a = 1\ndef f(:\n    pass\n", "a = 'open\ndef f(:\n    pass\n")


def test_the_version_of_the_repository_decides_on_syntax():
    match = "def f(x):\n    match x:\n        case 1:\n            return 2\n"
    assert Guard("py310").refuse("a.py", None, match.encode()) == []
    refused = Guard("py38").refuse("a.py", None, match.encode())
    assert "Python 3.8" in refused[0].message


@pytest.mark.parametrize("name", ["a.ipynb", "a.txt", "Makefile", "a.unknown"])
def test_files_of_other_kinds_are_not_judged(guard, name):
    assert lines(guard, "x", "def f(:", name) == []


def test_carriage_returns_and_encodings_are_no_errors(guard):
    old = b"# coding: latin-1\r\nx = '\xe9'\r\ny = 1\r\n"
    assert guard.refuse("a.py", old, old.replace(b"y = 1", b"y = 2\x0c")) == []
    assert [d.line for d in guard.refuse("a.py", old, old.replace(b"y = 1", b"y = ("))] == [3]


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("a.json", "{}", '{\n"a": 1,\n}\n', [3]),
        ("a.json", "{}", f'{{"a": {"1" * 5000}}}\n', []),
        ("a.toml", "a = 1\n", f"a = {'1' * 5000}\n", []),
        ("a.toml", "a = 1\n", f"a = {'[' * 3000}{']' * 3000}\n", []),
        ("a.json", "{} // remark", "{} // another", []),
        ("tsconfig.json", None, "{} // remark", []),
        ("a.toml", "", "a = 1\nb = \n", [2]),
        ("a.yaml", "a: 1\n", "a: 1\nb: [2\n", [2]),
        ("a.yml", "a: !custom 1\n", "a: !custom 2\n--- \nb: !other {c: 1}\n", []),
        ("a.yml", None, "a: {{ value }}\n", []),
        ("a.yml", "a: 1\n", "a: *nowhere\n", [1]),
    ],
)
def test_files_of_data(guard, path, before, after, expected):
    assert lines(guard, before, after, path) == expected


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        ("a.go", "package a\n\nfunc f() {\n}\n", "package a\n\nfunc f() {\n\tx := (1\n}\n", [4]),
        ("a.js", "function f() {\n}\n", "function f() {\n  return [1;\n}\n", [2]),
        ("a.c", "int f(void)\n{\n}\n", "int f(void)\n{\n  int x = 1\n}\n", [3]),
        ("a.rs", "fn f() {}\n", "fn f() { let x = 1; }\n", []),
        ("a.js", "a b\nfunction f() {\n}\n", "a b\nfunction g() {\n}\n", []),
    ],
)
def test_other_languages(guard, path, before, after, expected):
    pytest.importorskip("tree_sitter_language_pack")
    assert lines(guard, before, after, path) == expected


def test_without_the_extra_other_languages_are_not_judged(tmp_path):
    # An interpreter in which the import fails, as in an installation without the extra.
    program = (
        "import sys; sys.modules['tree_sitter_language_pack'] = None\n"
        "from aci_tools.guard import Guard; print(Guard().refuse('a.go', b'', b'func {{{'))"
    )
    import sys

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
