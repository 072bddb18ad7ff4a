"""Finding functions and classes by name."""

from __future__ import annotations

import pytest

from aci_tools.definitions import find_definitions
from aci_tools.text import Document


def spans(path: str, source: str) -> list[tuple[str, int, int]]:
    return [(d.name, d.first, d.last) for d in find_definitions(path, Document.parse(source.encode()))]


PYTHON = """\
import a

@one
@two(
    3)
class A:
    @property
    def x(self):
        return 1

    async def y(self):
        def inner():
            pass
        return inner

if a:
    def f(): pass
"""
EXPECTED = [("A", 3, 14), ("A.x", 7, 9), ("A.y", 11, 14), ("A.y.inner", 12, 13), ("f", 17, 17)]


def test_python_by_its_syntax_tree():
    assert spans("a.py", PYTHON) == EXPECTED


def test_python_that_does_not_parse_by_its_indentation():
    source = PYTHON.replace("@two(\n    3)", "@two\n# three") + "print 'old'\n"
    assert spans("a.py", source)[1:] == EXPECTED[1:]


def test_a_signature_over_several_lines_belongs_to_its_function():
    assert spans("a.py", "def f(\n    a,\n):\n    print a\n\nprint 1\n") == [("f", 1, 4)]


@pytest.mark.parametrize(
    "text",
    [
        '"""usage:\nprog [options]\n\ndef not_this():\nit\\\'s\n"""',
        "'''usage:\n\\'''\nmore'''",
        "r'(', [  # it's (\n1, 2\n]",
    ],
)
def test_lines_at_the_margin_inside_strings_and_brackets_belong_to_their_function(text):
    last = 4 + text.count("\n")
    source = f"def f():\n    a = 1\n    print {text}\n    return 1\n\ndef g():\n    print 'x'\n"
    assert spans("a.py", source) == [("f", 1, last), ("g", last + 2, last + 3)]


@pytest.mark.parametrize("text", ['"""', "'''", "(", "]"])
def test_what_is_never_closed_does_not_hide_what_follows(text):
    source = f"def f():\n    print {text}\n    return 1\n\ndef g():\n    print 'x'\n"
    assert spans("a.py", source) == [("f", 1, 3), ("g", 5, 6)]


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        ("a.go", "package a\n\nfunc (t *T) M() int {\n\treturn 1\n}\n\nfunc F() {\n}\n", [("T.M", 3, 5), ("F", 7, 8)]),
        (
            "a.ts",
            "export class A {\n  m(): number {\n    return 1;\n  }\n}\nexport const f = () => {\n  return a;\n};\n",
            [("A", 1, 5), ("A.m", 2, 4), ("f", 6, 8)],
        ),
        ("a.rs", "impl S {\n    pub fn m(&self) -> i32 {\n        1\n    }\n}\n", [("S", 1, 5), ("S.m", 2, 4)]),
        ("a.c", "static int *f(int a)\n{\n  return 0;\n}\n", [("f", 1, 4)]),
        ("a.cpp", "int A::n() {\n  return 2;\n}\n", [("A.n", 1, 3)]),
        ("A.java", "class A {\n  @Override\n  int m() {\n    return 1;\n  }\n}\n", [("A", 1, 6), ("A.m", 2, 5)]),
        ("a.rb", "class A\n  def m\n    1\n  end\nend\n", [("A", 1, 5), ("A.m", 2, 4)]),
    ],
)
def test_other_languages_by_tree_sitter(path, source, expected):
    pytest.importorskip("tree_sitter_language_pack")
    assert spans(path, source) == expected
