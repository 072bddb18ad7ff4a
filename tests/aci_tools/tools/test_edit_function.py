"""Rewriting one definition: found by name, indented as it stands, everything else as it was."""

from __future__ import annotations

import pytest

from aci_tools.tools.edit_function import RewriteFunction
from aci_tools.tools.view import Open

FILE = '''\
"""A module."""

import os


class Reader:
    @property
    def size(self):
        return self._size

    @size.setter
    def size(self, value):
        self._size = value

    @staticmethod
    def parse(text, *,
              strict=False):
        """Parse."""
        return text  # done

    def close(self):
        pass


def parse(text):
    return os.fspath(text)\t# tail


if os.name == "x":
    def same(): return 1
else:
    def same(): return 2
'''


@pytest.fixture
def session(session_on):
    return session_on({"src/a.py": FILE, "src/b.py": "def parse():\n    pass\n\n\ndef lonely():\n    pass\n"})


def read(session, path="src/a.py"):
    return session.sandbox.read(f"{session.root}/{path}").decode()


def rewritten(session, name, code, path="src/a.py"):
    seen = session.execute(RewriteFunction(path=path, name=name, code=code))
    assert seen.ok, seen.text
    return seen.text


PARSE_OLD = '    def parse(text, *,\n              strict=False):\n        """Parse."""\n        return text  # done\n'


@pytest.mark.parametrize(
    "code",
    [
        "def parse(text):\n    if text:\n        return 1\n    return 2\n",
        "    def parse(text):\n        if text:\n            return 1\n        return 2\n",
        "def parse(text):\n        if text:\n            return 1\n        return 2\n",
        "\n\n```python\ndef parse(text):\n    if text:\n        return 1\n    return 2\n```\n",
        "class Reader:\n    def parse(text):\n        if text:\n            return 1\n        return 2\n",
    ],
)
def test_a_method_however_it_is_indented(session, code):
    text = rewritten(session, "Reader.parse", code)
    new = "    def parse(text):\n        if text:\n            return 1\n        return 2\n"
    assert read(session) == FILE.replace(PARSE_OLD, new)
    assert text.startswith("Edited src/a.py: Reader.parse rewritten.")
    assert "15:    @staticmethod\n16:    def parse(text):" in text


def test_given_decorators_replace_the_old_ones(session):
    rewritten(session, "Reader.parse", "@classmethod\ndef parse(cls, text):\n    return text\n")
    new = "    @classmethod\n    def parse(cls, text):\n        return text\n"
    assert read(session) == FILE.replace("    @staticmethod\n" + PARSE_OLD, new)


def test_a_function_of_a_module_is_not_taken_for_the_method(session):
    rewritten(session, "parse", "def parse(text):\n    return 3")
    old = "def parse(text):\n    return os.fspath(text)\t# tail\n"
    assert read(session) == FILE.replace("\n" + old, "\ndef parse(text):\n    return 3\n")


def test_a_method_by_its_short_name(session):
    assert "Reader.close rewritten" in rewritten(session, "close", "def close(self):\n    self.x = 1")


@pytest.mark.parametrize("name", ["close()", "Reader.close(self)", "close, lines 22 to 23", "close,lines:22-23"])
def test_a_name_with_more_behind_it(session, name):
    rewritten(session, name, "def close(self):\n    self.done = True\n")
    assert "    def close(self):\n        self.done = True\n" in read(session)


@pytest.mark.parametrize("name", ["a.parse", "src.a.parse", "parse.parse.text", "a.parse.Reader", "parse.text()"])
def test_a_name_with_its_module_or_with_something_that_is_not_in_it(session, name):
    rewritten(session, name, "def parse(text):\n    return 3\n")
    old = "def parse(text):\n    return os.fspath(text)\t# tail\n"
    assert read(session) == FILE.replace("\n" + old, "\ndef parse(text):\n    return 3\n")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Other.parse", "def parse(text):\n    return 3\n"),
        ("Reader.open", "def close(self):\n    return 3\n"),
        ("Reader.open", "class Reader:\n    def open(self):\n        return 3\n"),
        ("parse.text", "def parse(text):\n    return 3\n\n\ndef close(text):\n    return 4\n"),
    ],
)
def test_a_name_that_may_mean_something_else_is_refused(session, name, code):
    refused = session.execute(RewriteFunction(path="src/a.py", name=name, code=code))
    assert refused.code == "not-found"
    assert read(session) == FILE


def test_a_whole_class(session):
    rewritten(session, "Reader", "class Reader:\n    pass\n")
    start, end = FILE.index("class Reader"), FILE.index("\n\ndef parse(text):\n    return os")
    assert read(session) == FILE[:start] + "class Reader:\n    pass\n" + FILE[end:]


def test_the_decorators_tell_a_getter_from_a_setter(session):
    rewritten(session, "Reader.size", "@size.setter\ndef size(self, value):\n    self._size = int(value)\n")
    assert read(session) == FILE.replace("self._size = value", "self._size = int(value)")


def test_several_of_one_name_are_told_apart_by_line(session):
    refused = session.execute(RewriteFunction(path="src/a.py", name="same", code="def same(): return 3"))
    assert refused.code == "ambiguous"
    assert "same:30, same:32" in refused.text
    rewritten(session, "same:32", "def same(): return 3")
    assert read(session) == FILE.replace("return 2\n", "return 3\n")


def test_imports_go_to_the_top_unless_they_are_there(session):
    text = rewritten(
        session, "parse", "import os\nimport re\nfrom a import b, c\n\ndef parse(text):\n    return re, b, c, os\n"
    )
    assert "import os\nimport re\nfrom a import b, c\n\n" in read(session)
    assert "`" not in text.split("\n")[0]
    assert "Its imports went to the top of the file: import re; from a import b, c." in text


def test_other_statements_are_left_out_and_named(session):
    text = rewritten(session, "parse", "def parse(text):\n    return 1\n\nprint(parse('x'))\n")
    assert "Left out of the code, because it is not part of parse: `print(parse('x'))`." in text
    assert "print" not in read(session)


def test_a_new_helper_beside_it_is_kept(session):
    rewritten(session, "parse", "def _helper(x):\n    return x\n\n\ndef parse(text):\n    return _helper(text)\n")
    assert "def _helper(x):\n    return x\n\n\ndef parse(text):\n    return _helper(text)\n\n\nif os" in read(session)


def test_the_decorators_stay_where_a_helper_comes_along(session):
    helper = "    def _one(self):\n        return 1\n\n"
    rewritten(session, "Reader.close", helper + "    def close(self):\n        self._one()\n")
    rewritten(
        session, "Reader.parse", helper.replace("_one", "_two") + "    # New.\n    def parse(text):\n        pass\n"
    )
    new = helper.replace("_one", "_two") + "    # New.\n    @staticmethod\n    def parse(text):\n        pass\n"
    expected = FILE.replace("    @staticmethod\n" + PARSE_OLD, new)
    close = "    def close(self):\n        "
    assert read(session) == expected.replace(f"{close}pass\n", f"{helper}{close}self._one()\n")


def test_the_body_alone_keeps_the_signature(session):
    text = rewritten(session, "Reader.parse", "if strict:\n    raise ValueError(text)\nreturn text\n")
    new = "              strict=False):\n        if strict:\n            raise ValueError(text)\n        return text\n"
    assert read(session) == FILE.replace(PARSE_OLD, "    def parse(text, *,\n" + new)
    assert "The signature was kept" in text


def test_the_body_alone_replaces_a_body_that_begins_with_a_decorator(session_on):
    session = session_on({"a.py": "def f(self):\n    @deco\n    def g(): pass\n    return g\n"})
    rewritten(session, "f", "x = 1\nreturn x\n", path="a.py")
    assert read(session, "a.py") == "def f(self):\n    x = 1\n    return x\n"


def test_lines_inside_strings_keep_their_blanks(session):
    code = 'def close(self):\n    """Close.\n\n    Now.\n    """\n    self.x = f"""\nleft\n  two\n"""\n'
    rewritten(session, "Reader.close", code)
    shown = '    def close(self):\n        """Close.\n\n        Now.\n        """\n'
    assert shown + '        self.x = f"""\nleft\n  two\n"""\n' in read(session)


@pytest.mark.parametrize("blanks", ["    ", "\t"])
def test_lines_inside_strings_keep_their_blanks_in_code_that_is_indented_as_the_file(session_on, blanks):
    source = """\
class A:
    def f(self):
        \'\'\'A query.
        \'\'\'
        q = \'\'\'
        SELECT a
      FROM b
        \'\'\'
        return q
""".replace("    ", blanks)
    session = session_on({"a.py": source})
    code = "".join(source.splitlines(keepends=True)[1:]).replace("FROM b", "FROM c")
    rewritten(session, "A.f", code, path="a.py")
    assert read(session, "a.py") == source.replace("FROM b", "FROM c")


def test_tabs_and_carriage_returns(session_on):
    data = b"class A:\r\n\tdef f(self):\r\n\t\treturn 1\r\n\tdef g(self):\r\n\t\tpass\r\n"
    session = session_on({"a.py": data})
    code = "def f(self):\n    if self:\n        return 2\n    return 1\n"
    assert session.execute(RewriteFunction(path="a.py", name="A.f", code=code)).ok
    new = b"\tdef f(self):\r\n\t\tif self:\r\n\t\t\treturn 2\r\n\t\treturn 1\r\n"
    assert session.sandbox.read(f"{session.root}/a.py") == data.replace(b"\tdef f(self):\r\n\t\treturn 1\r\n", new)


@pytest.mark.parametrize("old", ["def f(self): return 1", "def f(self):\n@@return 1"])
@pytest.mark.parametrize("shift", [0, 1])
@pytest.mark.parametrize("there", ["\t", "    "])
@pytest.mark.parametrize("written", ["\t", "    "])
def test_code_gets_the_tabs_or_blanks_of_its_class(session_on, old, shift, there, written):
    text = "\t    text'''"
    session = session_on({"a.py": f"class A:\n@{old}\n".replace("@", there)})
    code = f"@def f(self):\n@@if self:\n@@@return '''\n{text}\n@@return 1\n"
    given = code if shift else code.replace("\n@", "\n").removeprefix("@")
    rewritten(session, "A.f", given.replace("@", written), path="a.py")
    assert read(session, "a.py") == f"class A:\n{code}".replace("@", there)


@pytest.mark.parametrize(
    ("name", "code", "essential"),
    [
        ("parse", "def other(text):\n    return 1\n", "whole definition of parse, but it defines other"),
        ("Reader", "x = 1\n", "The code must be the whole definition of Reader"),
        ("parse", "  \n", "The code is empty"),
        ("parse", "def parse(a): pass\ndef parse(b): pass\n", "defines parse 2 times"),
        ("prase", "def prase(): pass\n", "has no function or class prase. Did you mean parse"),
        ("Reader.sizes", "def sizes(): pass\n", "Did you mean Reader.size"),
        ("lonely", "def lonely(): pass\n", "lonely is defined in src/b.py (line 5)."),
    ],
)
def test_what_cannot_be_done_is_said(session, name, code, essential):
    refused = session.execute(RewriteFunction(path="src/a.py", name=name, code=code))
    assert not refused.ok
    assert essential in refused.text
    assert read(session) == FILE


def test_code_with_a_syntax_error_goes_to_the_guard(session):
    refused = session.execute(RewriteFunction(path="src/a.py", name="parse", code="def parse(text)\n    return 1\n"))
    assert refused.code == "guard-refused"
    assert ">25:def parse(text)" in refused.text
    assert read(session) == FILE


def test_without_a_path_the_repository_is_searched(session):
    seen = session.execute(RewriteFunction(name="lonely", code="def lonely():\n    return 1\n"))
    assert seen.data["path"] == "src/b.py"
    session.open_path = None
    refused = session.execute(RewriteFunction(name="parse", code="def parse(): pass\n"))
    assert refused.code == "ambiguous"
    assert "src/b.py:1" in refused.text
    session.execute(Open(path="src/b.py"))
    assert (
        session.execute(RewriteFunction(name="parse", code="def parse():\n    return 1\n")).data["path"] == "src/b.py"
    )
    assert "No Python file defines nobody" in session.execute(RewriteFunction(name="nobody", code="x")).text


@pytest.mark.parametrize("name", ["b.lonely", "src.b.lonely", "lonely(text)", "b.lonely, lines 5 to 6"])
def test_without_a_path_too_a_name_may_have_its_module_and_more_behind_it(session, name):
    seen = session.execute(RewriteFunction(name=name, code="def lonely():\n    return 1\n"))
    assert seen.data["path"] == "src/b.py"
    assert read(session, "src/b.py").endswith("\n\ndef lonely():\n    return 1\n")


def test_the_module_in_front_of_a_name_tells_files_apart(session):
    assert (
        session.execute(RewriteFunction(name="b.parse", code="def parse():\n    return 1\n")).data["path"] == "src/b.py"
    )
    assert session.execute(RewriteFunction(name="c.parse", code="def parse():\n    return 1\n")).code == "not-found"


@pytest.mark.parametrize("name", ["lonely", "b.lonely", "lonely(text)"])
def test_a_wrong_path_names_the_right_one(session, name):
    refused = session.execute(RewriteFunction(path="src/c.py", name=name, code="def lonely(): pass\n"))
    assert refused.code == "not-found"
    assert f"{name.removesuffix('(text)')} is defined in src/b.py (line 5)" in refused.text


def test_a_file_for_python_2(session_on):
    old = "def f():\n    print 'a'\n\n\ndef g():\n    print 'b'\n"
    session = session_on({"old.py": old})
    assert session.execute(RewriteFunction(path="old.py", name="f", code="def f():\n    print 'c'\n")).ok
    assert session.sandbox.read(f"{session.root}/old.py").decode() == old.replace("'a'", "'c'")


def test_a_function_for_python_2_with_a_string_at_the_margin_is_replaced_to_its_end(session_on):
    rest = "\ndef other():\n    print 'x'\n"
    session = session_on({"a.py": 'def usage():\n    print """usage:\nprog [options]\n"""\n    return 1\n' + rest})
    code = "def usage():\n    print 'short'\n    return 2\n"
    rewritten(session, "usage", code, path="a.py")
    assert read(session, "a.py") == code + rest


def test_other_languages(session_on):
    pytest.importorskip("tree_sitter_language_pack")
    go = "package a\n\nfunc (t *T) M() int {\n\treturn 1\n}\n"
    ts = "export class A {\n  m(): number {\n    return 1;\n  }\n}\nexport const f = () => {\n  return 1;\n};\n"
    session = session_on({"a.go": go, "a.ts": ts})
    assert session.execute(RewriteFunction(path="a.go", name="T.M", code="func (t *T) M() int {\n\treturn 2\n}\n")).ok
    assert session.sandbox.read(f"{session.root}/a.go").decode() == go.replace("return 1", "return 2")
    assert session.execute(RewriteFunction(path="a.ts", name="A.m", code="m(): number {\n  return 2;\n}\n")).ok
    assert session.execute(RewriteFunction(path="a.ts", name="f", code="const f = () => {\n  return 3;\n};\n")).ok
    assert session.sandbox.read(f"{session.root}/a.ts").decode() == ts.replace("return 1", "return 2", 1).replace(
        "return 1", "return 3"
    )
    broken = session.execute(RewriteFunction(path="a.go", name="T.M", code="func (t *T) M() int {\n\treturn (2\n}\n"))
    assert broken.code == "guard-refused"


@pytest.mark.parametrize("indented", [True, False])
def test_strings_of_other_languages_keep_their_blanks(session_on, indented):
    pytest.importorskip("tree_sitter_language_pack")
    js = "class A {\n  render() {\n    return `\n<p>\n \n    hi\n`;\n  }\n}\n"
    session = session_on({"a.js": js})
    code = js.removeprefix("class A {\n").removesuffix("}\n").replace("hi", "bye")
    if not indented:
        code = code.replace("  render", "render").replace("    return", "  return").replace("  }\n", "}\n")
    rewritten(session, "A.render", f"\n{code}\n", path="a.js")
    assert read(session, "a.js") == js.replace("hi", "bye")


def test_strings_beside_each_other_are_indented_as_the_code_around_them(session_on):
    pytest.importorskip("tree_sitter_language_pack")
    cpp = 'class A {\n  void f() {\n    print("a"\n          "b");\n  }\n};\n'
    session = session_on({"a.cpp": cpp})
    rewritten(session, "A.f", 'void f() {\n  print("a"\n        "c");\n}\n', path="a.cpp")
    assert read(session, "a.cpp") == cpp.replace('"b"', '"c"')


@pytest.mark.parametrize(
    ("path", "name", "source", "code", "expected"),
    [
        ("a.rs", "t", "#[test]\nfn t() {}\n", "#[test]\nfn t() { a(); }\n", "#[test]\nfn t() { a(); }\n"),
        ("a.rs", "t", "#[test]\nfn t() {}\n", "fn t() { a(); }\n", "#[test]\nfn t() { a(); }\n"),
        (
            "a.rs",
            "t",
            "const A: i32 = 1; // one\n/// Old.\n#[test]\n#[x(\n1)]\nfn t() {}\n",
            "/// New.\n/// Longer.\nfn t() { a(); }\n",
            "const A: i32 = 1; // one\n#[test]\n#[x(\n1)]\n/// New.\n/// Longer.\nfn t() { a(); }\n",
        ),
        (
            "a.rs",
            "t",
            "#[test]\nfn t() {}\n",
            "fn help() {}\n\nfn t() { help(); }\n",
            "fn help() {}\n\n#[test]\nfn t() { help(); }\n",
        ),
        (
            "a.ts",
            "A.find",
            "class A {\n  /** Finds. */\n  @Get()\n  find() {}\n}\n",
            "  @Get()\n  find() { a(); }\n",
            "class A {\n  /** Finds. */\n  @Get()\n  find() { a(); }\n}\n",
        ),
        (
            "a.js",
            "add",
            "/** Of a file. */\n\n/** Adds. */\nexport function add() {}\n",
            "/**\n * Adds.\n */\nfunction add() { a(); }\n",
            "/** Of a file. */\n\n/**\n * Adds.\n */\nexport function add() { a(); }\n",
        ),
        (
            "a.ts",
            "B",
            "export class B {}\n",
            "@Dec()\nexport class B { a = 1; }\n",
            "@Dec()\nexport class B { a = 1; }\n",
        ),
        (
            "a.ts",
            "f",
            "// F.\nexport const f = () => 1;\n",
            "const f = wrap(() => 2);\n",
            "// F.\nexport const f = wrap(() => 2);\n",
        ),
        (
            "a.rb",
            "A.m",
            "class A\n  # Old.\n  def m\n  end\nend\n",
            "# New.\ndef m\n  1\nend\n",
            "class A\n  # New.\n  def m\n    1\n  end\nend\n",
        ),
        (
            "a.go",
            "F",
            "package a\n\n// F does.\n//go:noinline\nfunc F() {}\n",
            "// F does it.\nfunc F() { a() }\n",
            "package a\n\n//go:noinline\n// F does it.\nfunc F() { a() }\n",
        ),
    ],
)
def test_what_stands_in_front_of_a_definition_is_replaced_where_it_is_given(
    session_on, path, name, source, code, expected
):
    pytest.importorskip("tree_sitter_language_pack")
    session = session_on({path: source})
    rewritten(session, name, code, path=path)
    assert read(session, path) == expected
