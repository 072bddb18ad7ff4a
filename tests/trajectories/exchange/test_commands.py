"""Other agents' commands as calls of our tools."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aci_tools.tools import TOOLS
from trajectories.events import Call
from trajectories.exchange.commands import NUMBERS, OUR_TOOLS, known_call, parse_command, render_command


def test_the_table_is_that_of_the_tools() -> None:
    assert {name: tuple(tool.model_fields) for name, tool in TOOLS.items()} == OUR_TOOLS
    for tool in TOOLS.values():
        for name, field in tool.model_fields.items():
            assert (field.annotation in (int, int | None)) == (name in NUMBERS)


@pytest.mark.parametrize(
    ("raw", "name", "arguments"),
    [
        ("open src/a.py 12\n", "open", {"path": "src/a.py", "line": 12}),
        ('open "my file.py"', "open", {"path": "my file.py"}),
        ("goto 40", "goto", {"line": 40}),
        ("scroll_down", "scroll_down", {}),
        ("create new.py", "create", {"path": "new.py", "text": "\n"}),
        ('search_dir "def x" src', "search_dir", {"term": "def x", "dir": "src"}),
        ("search_file foo a.py", "search_file", {"term": "foo", "path": "a.py"}),
        ("find_file '*.py'", "find_file", {"pattern": "*.py"}),
        ("edit 3:5\n    a = 1\nend_of_edit\n", "edit", {"start": 3, "end": 5, "text": "    a = 1\n"}),
        ("edit 3:5\n    a = 1\n\n\nend_of_edit\n", "edit", {"start": 3, "end": 5, "text": "    a = 1\n\n\n"}),
        ("edit 3:5\n\nend_of_edit\n", "edit", {"start": 3, "end": 5, "text": "\n"}),
        ("edit 3:3\nend_of_edit", "edit", {"start": 3, "end": 3, "text": ""}),
        ("edit 'a b' 'c'", "replace", {"path": "open.py", "old": "a b", "new": "c"}),
        ("insert 'x = 1' 4", "insert", {"line": 4, "path": "open.py", "text": "x = 1"}),
        ("submit\n", "submit", {}),
        ("str_replace_editor view /a.py --view_range 10 20", "open", {"path": "/a.py", "line": 10}),
        ("str_replace_editor create /a.py --file_text 'x\ny'", "create", {"path": "/a.py", "text": "x\ny"}),
        (
            "str_replace_editor str_replace /a.py --old_str 'a' --new_str 'b'",
            "replace",
            {"path": "/a.py", "old": "a", "new": "b"},
        ),
        ("str_replace_editor undo_edit /a.py", "undo", {"path": "/a.py"}),
    ],
)
def test_a_command_of_swe_agents_interface_is_a_call(raw: str, name: str, arguments: dict[str, Any]) -> None:
    call = parse_command(raw, "open.py", "id1")
    assert (call.id, call.name, call.arguments) == ("id1", name, arguments)


@pytest.mark.parametrize(
    "raw",
    ["ls -F\n", "open", "open a.py twelve", "goto", "edit", "create a.py b.py", "search_dir 'unclosed", "opener x", ""],
)
def test_anything_else_is_a_shell_command_as_it_was(raw: str) -> None:
    assert parse_command(raw) == Call(name="bash", arguments={"command": raw})


def test_a_path_is_not_cut_at_a_blank_and_a_newline_ends_no_command() -> None:
    assert parse_command('search_dir x "my dir"').arguments["dir"] == "my dir"
    assert parse_command("open a.py\nrm -rf b").name == "bash"


def test_native_calls_of_others_are_known() -> None:
    assert known_call("execute_bash", {"command": "ls", "is_input": "false"}).arguments == {"command": "ls"}
    assert known_call("finish", {"message": "done"}).name == "submit"
    strange = known_call("browse", {"url": "http://x"}, "i")
    assert strange == Call(id="i", name="browse", arguments={"url": "http://x"})
    broken = {"command": "insert", "path": "/a", "new_str": "x", "insert_line": "many"}
    assert known_call("str_replace_editor", broken).arguments == broken


texts = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=40)


@st.composite
def calls(draw: st.DrawFn) -> Call:
    name = draw(st.sampled_from(sorted(OUR_TOOLS)))
    fields = OUR_TOOLS[name]
    required = [f for f in fields if TOOLS[name].model_fields[f].is_required()]
    chosen = [f for f in fields if f in required or draw(st.booleans())]
    numbers = st.integers(0, 10**8)
    return Call(name=name, arguments={f: draw(numbers if f in NUMBERS else texts) for f in chosen})


@given(calls())
def test_a_rendered_call_is_read_back(call: Call) -> None:
    read = parse_command(render_command(call))
    if call.name == "bash":  # a shell command is what it says
        assert render_command(read) == render_command(call)
    elif call.name == "edit" and read != call:  # its text is lines
        assert render_command(read) == render_command(call)
        assert read.arguments == {**call.arguments, "text": f"{call.arguments['text']}\n"}
    else:
        assert read == call
