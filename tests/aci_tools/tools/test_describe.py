"""What is derived from a tool's definition, on the real tools and on one of the tests' own."""

from __future__ import annotations

import json
import re
from typing import ClassVar

import pytest

from aci_tools.errors import UsageError
from aci_tools.tools import TOOLS, Field, Tool, toolset
from aci_tools.tools.bash import Bash
from aci_tools.tools.create_undo import Create, Undo
from aci_tools.tools.describe import CallError, build, grammar, json_schema, manual, parse_command, usage
from aci_tools.tools.edit_function import RewriteFunction
from aci_tools.tools.edit_lines import Edit, Insert
from aci_tools.tools.edit_replace import Replace
from aci_tools.tools.search import FindFile, SearchDir, SearchFile
from aci_tools.tools.view import Goto, Open

ALL = list(TOOLS.values())
BLOCK = "<<<<<<< SEARCH\n{}=======\n{}>>>>>>> REPLACE"


class Colour(Tool):
    """Paint
    a wall."""

    edits: ClassVar[bool] = True
    wall: str = Field(description="Which.")
    bright: bool = Field(False, description="How.")


def test_a_schema_is_plain_json_without_traces_of_the_library():
    assert json_schema(Open) == {
        "name": "open",
        "description": "Show a file, from its beginning or around a line.",
        "parameters": {
            "type": "object",
            "properties": {
                "path": {"type": "string", "description": "The file, relative to the repository."},
                "line": {"type": "integer", "minimum": 1, "description": "Line to show in the middle of the window."},
            },
            "required": ["path"],
            "additionalProperties": False,
        },
    }
    for tool in ALL:
        text = json.dumps(json_schema(tool)["parameters"])
        for trace in ('"title"', "$defs", "$ref", "anyOf", '"body"'):
            assert trace not in text


def test_usage_shows_what_is_optional_and_what_stands_below():
    assert usage(SearchDir) == "search_dir <term> [<dir>]"
    assert usage(Edit) == "edit <start> <end> [<path>]\n<text, on the lines below>"
    assert usage(Replace) == "replace <path>\n" + BLOCK.format("<old>\n", "<new>\n")
    assert usage(Bash) == "bash <command>"


def test_the_manual_has_every_tool_and_argument():
    text = manual([Colour, Open])
    assert text.startswith("colour <wall> [<bright>]\nPaint a wall.\n- wall: Which.\n- bright: How.\n\nopen ")


@pytest.mark.parametrize("tool", [tool for tool in ALL if tool.example], ids=lambda tool: tool.tool_name())
def test_the_manual_ends_a_tool_with_a_call_that_the_parser_and_the_grammar_take(tool):
    assert manual([tool]).endswith(f"\nFor example:\n{tool.example}")
    assert isinstance(parse_command(tool.example, [tool]), tool)
    assert matches(f"{tool.example}\n")


def test_tools_are_chosen_by_name():
    assert toolset(["submit", "open"])[1] is Open
    with pytest.raises(UsageError, match="did you mean search_dir"):
        toolset(["serch_dir"])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("open a.py 10", Open(path="a.py", line=10)),
        ("\nopen a.py\n", Open(path="a.py")),
        ("open my file.py 3", Open(path="my file.py", line=3)),
        ('open "my file.py" 3', Open(path="my file.py", line=3)),
        ("open my file.py", Open(path="my file.py")),
        ("open line=3 path=a.py", Open(path="a.py", line=3)),
        ('open --path="a b.py" --line=3', Open(path="a b.py", line=3)),
        ("goto 7", Goto(line=7)),
        ("search_dir foo", SearchDir(term="foo")),
        ("search_dir foo src", SearchDir(term="foo", dir="src")),
        ("search_dir foo bar baz", SearchDir(term="foo bar baz")),
        ("search_dir 'def foo' src", SearchDir(term="def foo", dir="src")),
        ('search_dir "say \\"x\\"" src', SearchDir(term='say "x"', dir="src")),
        ("search_dir 'x = \"a' .", SearchDir(term='x = "a', dir=".")),
        (r'search_dir "x = \"a"', SearchDir(term='x = "a')),
        ('search_dir print("a b")', SearchDir(term='print("a b")')),
        ("search_dir don't", SearchDir(term="don't")),
        ("search_dir a=b", SearchDir(term="a=b")),
        (r"search_dir \d+", SearchDir(term=r"\d+")),
        ("search_file foo 'a b.py'", SearchFile(term="foo", path="a b.py")),
        ("find_file **/*.py src", FindFile(pattern="**/*.py", dir="src")),
        ("edit 1 2\n  a\n\nb\n", Edit(start=1, end=2, text="  a\n\nb\n")),
        ("edit 1 2 'a b.py'\nx", Edit(start=1, end=2, path="a b.py", text="x")),
        ('edit 1 2 text=""', Edit(start=1, end=2, text="")),
        ("edit 1 2\n\n", Edit(start=1, end=2, text="\n")),
        ("insert 0\nx\n", Insert(line=0, text="x\n")),
        ("create a b.py\nx = 1\n", Create(path="a b.py", text="x = 1\n")),
        ("undo", Undo()),
        ("undo a.py", Undo(path="a.py")),
        ("rewrite_function f\ndef f(): pass", RewriteFunction(name="f", code="def f(): pass")),
        ("rewrite_function a.py A.f\ncode", RewriteFunction(path="a.py", name="A.f", code="code")),
        ("bash ls -la 'x\necho \"y", Bash(command="ls -la 'x\necho \"y")),
        ("bash\nls\n", Bash(command="ls")),
        ("replace a b.py\n" + BLOCK.format("x\n\n", ""), Replace(path="a b.py", old="x\n\n", new="")),
        ("replace a.py\n" + BLOCK.format("x\n", "\n") + "\n", Replace(path="a.py", old="x\n", new="\n")),
        ("colour red false", Colour(wall="red", bright=False)),
        ("colour my red True", Colour(wall="my red", bright=True)),
    ],
)
def test_commands(text, expected):
    assert parse_command(text, [*ALL, Colour]) == expected


@pytest.mark.parametrize(
    ("text", "code", "essential"),
    [
        ("opne a.py", "unknown-tool", "Did you mean open?"),
        ("ls -la", "unknown-tool", "behind the word bash"),
        ("open('a.py')", "bad-argument", "without parentheses"),
        ("goto", "missing-argument", "goto needs line. Usage: goto <line>"),
        ("goto ten", "bad-argument", "line must be a whole number, not 'ten'"),
        ("goto 0", "bad-argument", "greater than or equal to 1"),
        ("goto 1 2", "extra-argument", "does not take '2'"),
        ("edit 1\nx", "missing-argument", "edit needs end"),
        ("edit 1 2", "missing-argument", 'text, on the lines below the command (an empty one is written text="")'),
        ("edit 1 2 text=a\nb", "extra-argument", "text twice"),
        ("scroll_down\nsubmit", "two-actions", "one command only"),
        ("open a.py\nlook at it", "extra-argument", "takes no text below"),
        ("replace a.py\nx", "bad-argument", "the line <<<<<<< SEARCH is missing"),
        ("replace a.py\n" + BLOCK.format("a\n", "b\n=======\n"), "bad-argument", "stands there 2 times"),
        ("replace a.py\n" + BLOCK.format("A\n=======\n", "B\n=======\n"), "bad-argument", "out of both, or use edit."),
        (f"replace a.py\n{BLOCK.format('a', 'b')}\n" * 2, "bad-argument", "write one block only"),
        ("replace a.py\n" + BLOCK.format("a\n", "b\n") + "\nmore", "bad-argument", "nothing around it"),
        ("replace a.py", "missing-argument", "replace needs old"),
        ("bash", "missing-argument", "bash needs command"),
        ("search_dir", "missing-argument", "search_dir needs term"),
        ("", "unknown-tool", "There is no command"),
    ],
)
def test_what_is_wrong_with_a_command_is_said_exactly(text, code, essential):
    with pytest.raises(CallError) as caught:
        parse_command(text, ALL)
    assert caught.value.code == code
    assert essential in caught.value.text


def test_a_line_like_the_divider_is_not_for_a_tool_that_is_missing():
    with pytest.raises(CallError) as caught:
        parse_command("replace a.py\n" + BLOCK.format("A\n=======\n", "B\n"), [Replace])
    assert "leave it out of both. Usage" in caught.value.text


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("goto", {"line": "10"}, Goto(line=10)),
        ("colour", {"wall": "a", "bright": "False"}, Colour(wall="a", bright=False)),
        ("open", {"path": "a", "line": None}, Open(path="a")),
        ("search_dir", {"term": "x", "dir": None}, SearchDir(term="x")),
    ],
)
def test_arguments_of_native_calls(name, arguments, expected):
    assert build(name, arguments, [*ALL, Colour]) == expected


@pytest.mark.parametrize(
    ("name", "arguments", "code", "essential"),
    [
        ("opem", {}, "unknown-tool", "Did you mean open?"),
        ("goto", {"lin": 1}, "extra-argument", "no argument lin. Did you mean line?"),
        ("goto", {"line": "ten"}, "bad-argument", "line must be a whole number"),
        ("goto", {"line": 1.5}, "bad-argument", "line must be a whole number"),
        ("goto", {"line": None}, "bad-argument", "line must be a whole number"),
        ("goto", {}, "missing-argument", "goto needs line"),
        ("open", {"path": ["a"]}, "bad-argument", "path must be text"),
        ("colour", {"wall": "a", "bright": "maybe"}, "bad-argument", "bright must be true or false"),
    ],
)
def test_what_is_wrong_with_arguments_is_said_exactly(name, arguments, code, essential):
    with pytest.raises(CallError) as caught:
        build(name, arguments, [*ALL, Colour])
    assert caught.value.code == code
    assert essential in caught.value.text


def rules(paths: list[str] | None) -> dict[str, str]:
    return dict(line.split(" ::= ", 1) for line in grammar(ALL, paths=paths).splitlines())


def test_a_grammar_defines_every_rule_that_it_uses():
    for paths in (None, ["a.py", "src/b.py", "src/c d.py"]):
        defined = rules(paths)
        for rule in defined.values():
            bare = re.sub(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|\{[^}]*\}', " ", rule)
            assert set(re.findall(r"[a-z][a-z-]*", bare)) <= set(defined)


def matches(action: str) -> bool:
    """Whether a grammar without paths allows an action; no rule of it uses itself, so it is a regular expression."""
    defined = rules(None)

    def expanded(rule: str) -> str:
        parts = re.findall(r'"(?:[^"\\]|\\.)*"|\[(?:[^\]\\]|\\.)*\]|[a-z][a-z-]*|\{[^}]*\}|[()|*+?]', defined[rule])
        return "".join(map(written, parts))

    def written(part: str) -> str:
        if part[0] == '"':
            return f"(?:{re.escape(json.loads(part))})"
        return f"(?:{expanded(part)})" if part[0].isalpha() else part.replace("(", "(?:")

    return re.fullmatch(expanded("action"), action) is not None


@pytest.mark.parametrize(
    ("body", "allowed"),
    [
        ("x = 1\n", True),
        ("\n", True),
        ("x = 1\n\n\n\ny = `z`\n\n", True),
        ("``literal`` text\n", False),
        ("`\n", False),
        ("x = 1\n`, end\n", True),
        ("x = 1\n`\n", False),
        ("x = 1\n``\n", False),
        ("x = 1\n``' and on\n", False),
        ("x = 1\n`` `\nThe next one\n", False),
        ("x = 1\n``\n\nThe next one\n", False),
        ("```\n", False),
        ("x = 1\n\n\n\n\n", False),
        ("x = 1\n\n\n\n\ny = 2\n", False),
    ],
)
def test_a_grammar_keeps_a_body_from_half_a_fence_and_from_endless_empty_lines(body, allowed):
    assert matches(f"create a.py\n{body}") is allowed
    assert matches(f"edit 1 2\n{body}") is allowed
    assert matches(f"bash true\n{body}") is allowed
    assert matches("bash true\n")


@pytest.mark.parametrize("command", ["create a.py\n", "edit 1 2\n"])
def test_where_a_body_must_follow_nothing_else_begins(command):
    assert not matches(command)
    assert not matches(f"{command}`end`\n")
    assert not matches(f"{command}\n`end`\n")
    assert matches(f"{command}\nend\n")


@pytest.mark.parametrize(
    ("old", "new", "allowed"),
    [
        ("x = 1\n", "x = 2\n\n\ny = `z`\n", True),
        ("x = 1\n\n", "", True),
        ("x = 1\n", "\n", True),
        ("< 7 >\n", "=> 7\n", True),
        ("", "x = 2\n", False),
        ("\n", "x = 2\n", False),
        ("x = 1\n``'\n", "x = 2\n", False),
        ("x = 1\n", "x = 2\n```\n", False),
        ("x = 1\n", "x = 2\n``**\n", False),
        ("x = 1\n", "`\n", False),
        ("x = 1\n", "x = 2\n\n\n\n\n", False),
    ],
)
def test_a_grammar_keeps_a_replacement_from_half_a_fence_and_from_endless_empty_lines(old, new, allowed):
    assert matches(f"replace a.py\n{BLOCK.format(old, new)}\n") is allowed


def test_a_grammar_binds_paths_to_those_that_exist():
    bound = rules(["a.py", "src/b.py", "src/x/y.py", "src/c d.py"])
    assert bound["path"] == r'"a.py" | "src/" ("b.py" | "x/" ("y.py")) | "\"src/c d.py\""'
    assert bound["dir"] == '"." | "src" | "src/x"'
    assert bound["call-open"] == r'"open" " " path (" " integer)? "\n"'
    assert bound["call-create"] == r'"create" " " word "\n" body'
    assert bound["call-rewrite-function"].startswith(r'"rewrite_function" " " path " " word "\n" ')
    assert "path" not in rules(None)["call-open"]
