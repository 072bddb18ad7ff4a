"""Rewriting whatever a piece of code defines: each goes where the old one of its name is."""

from __future__ import annotations

import pytest

from aci_tools.tools.base import ToolError
from aci_tools.tools.edit_definitions import Rewrite

SHAPES = '''\
"""Shapes."""


def area(width, height):
    return width + height


class Box:
    def volume(self):
        return area(1, 2)


def unit():
    return area(1, 1)
'''


@pytest.fixture
def session(session_on):
    return session_on({"shapes.py": SHAPES, "other.py": "def lonely():\n    return 1\n"})


def content(session, path="shapes.py"):
    return session.read(path).decode()


def test_a_function_goes_where_the_old_one_is(session) -> None:
    done = session.execute(Rewrite(code="def area(width, height):\n    return width * height\n"))
    assert done.ok, done.text
    assert content(session) == SHAPES.replace("width + height", "width * height")


def test_several_definitions_land_as_one_edit(session) -> None:
    code = "def area(width, height):\n    return width * height\n\n\ndef unit():\n    return area(1, 1) * 1\n"
    assert session.execute(Rewrite(code=code)).ok
    assert "width * height" in content(session)
    assert "area(1, 1) * 1" in content(session)
    assert len(session.edits) == 1


def test_a_whole_file_changes_only_what_is_different_in_it(session) -> None:
    done = session.execute(Rewrite(code=SHAPES.replace("width + height", "width * height")))
    assert done.ok, done.text
    assert content(session) == SHAPES.replace("width + height", "width * height")


def test_a_new_helper_comes_along_and_imports_go_to_the_top(session) -> None:
    code = "import math\n\n\ndef half(x):\n    return x / 2\n\n\ndef unit():\n    return math.floor(half(area(1, 1)))\n"
    assert session.execute(Rewrite(code=code)).ok
    text = content(session)
    assert text.index("import math") < text.index("def area") < text.index("def half") < text.index("def unit")


def test_other_statements_are_left_out_and_named_where_the_file_lacks_them(session_on) -> None:
    was = "T = 10\nU = 2\n\n\ndef f():\n    return T\n\n\ndef g():\n    return U\n"
    session = session_on({"a.py": was})
    done = session.execute(Rewrite(code=was.replace("10", "30").replace("return ", "return 0 + ")))
    assert done.ok, done.text
    assert content(session, "a.py") == was.replace("return ", "return 0 + ")
    assert "Left out of the code, because only functions and classes are rewritten: `T = 30`." in done.text


@pytest.mark.parametrize("imports", ["", "from other import lonely\n"])
def test_what_another_file_defines_is_no_helper(session_on, imports) -> None:
    used = " + lonely()" if imports else ""
    was = f"{imports}def a():\n    return 1\n\n\ndef b():\n    return 2{used}\n"
    session = session_on({"a.py": was, "other.py": "def lonely():\n    return 1\n"})
    refused = session.execute(Rewrite(code=was.replace("return", "return 0 +") + "\n\ndef lonely():\n    return 0\n"))
    assert "lonely is defined in other.py, and a, b in a.py. Rewrite the definitions of one file" in refused.text
    assert content(session, "a.py") == was


def test_a_helper_may_have_the_name_of_something_in_another_file(session) -> None:
    code = "def lonely():\n    return 2\n\n\ndef unit():\n    return lonely()\n"
    session.open_path = "shapes.py"
    done = session.execute(Rewrite(code=code))
    assert done.ok, done.text
    assert content(session) == SHAPES.replace("def unit():\n    return area(1, 1)\n", code)


def test_a_method_is_found_by_its_name(session) -> None:
    assert session.execute(Rewrite(code="def volume(self):\n    return area(3, 4)\n")).ok
    assert "    def volume(self):\n        return area(3, 4)\n" in content(session)


def test_a_syntax_error_is_shown_by_the_guard(session) -> None:
    done = session.execute(Rewrite(code="def area(width, height):\n    return (width\n"))
    assert not done.ok
    assert "Nothing was changed" in done.text
    assert content(session) == SHAPES


@pytest.mark.parametrize(
    ("code", "says"), [("x = 1\n", "defines no function or class"), ("def nowhere():\n    pass\n", "No Python file")]
)
def test_code_that_replaces_nothing_is_refused(session, code: str, says: str) -> None:
    with pytest.raises(ToolError, match=says):
        Rewrite(code=code).run(session)


DOCUMENTED = '''\
def half(x):
    """Half of a number.

    Examples:
        >>> half(2)
        1.0
    """
    return x


async def quarter(x):
    """A quarter."""
    return x
'''


@pytest.mark.parametrize(
    "documentation",
    [
        "",
        '    """Half of a number."""\n',
        '    """Half of a number.\n    Examples:\n    >>> half(2)\n    1.0\n    """\n',
    ],
)
def test_documentation_that_is_left_out_stays(session_on, documentation) -> None:
    session = session_on({"a.py": DOCUMENTED})
    code = f"def half(x):\n{documentation}    return x / 2\n\n\nasync def quarter(x):\n    return x / 4\n"
    done = session.execute(Rewrite(code=code))
    assert done.ok, done.text
    assert "Its documentation was kept." in done.text or documentation.count("\n") > 1
    expected = DOCUMENTED.replace("return x\n\n", "return x / 2\n\n").removesuffix("return x\n") + "return x / 4\n"
    assert content(session, "a.py") == expected


def test_an_example_that_is_added_to_documentation_leaves_it_as_it_is(session_on) -> None:
    was = DOCUMENTED.replace("        1.0\n", "        1.0\n\n    Returns:\n        A number.\n")
    session = session_on({"a.py": was})
    added = "        >>> half(4)\n        2.0\n"
    new = was.replace("        1.0\n", f"        1.0\n{added}").replace("\n\n    ", "\n    ")
    assert session.execute(Rewrite(code=new)).ok
    assert content(session, "a.py") == was.replace("        1.0\n", f"        1.0\n{added}")


def test_documentation_of_one_line_becomes_longer(session_on) -> None:
    session = session_on({"a.py": DOCUMENTED})
    new = 'async def quarter(x):\n    """A quarter.\n\n    Of a number.\n    """\n    return x / 4\n'
    assert session.execute(Rewrite(code=new)).ok
    assert content(session, "a.py").endswith(new)


def test_documentation_that_says_something_else_is_new(session_on) -> None:
    session = session_on({"a.py": DOCUMENTED})
    assert session.execute(Rewrite(code='def half(x):\n    """x / 2, exactly."""\n    return x / 2\n')).ok
    assert '    """x / 2, exactly."""\n    return x / 2\n' in content(session, "a.py")
    assert "Examples" not in content(session, "a.py")


def test_documentation_stays_above_a_decorated_function(session_on) -> None:
    was = """\
def deco(func):
    \'\'\'Log calls.\'\'\'
    print(func)
    @functools.wraps(func)
    def wrapper():
        pass
    return wrapper
"""
    session = session_on({"a.py": was})
    done = session.execute(Rewrite(code=was.replace("    '''Log calls.'''\n    print(func)\n", "")))
    assert done.ok, done.text
    assert content(session, "a.py") == was.replace("    print(func)\n", "")
