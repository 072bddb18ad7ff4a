"""Action formats: what is asked of a model, what is understood, and what a malformed reply is answered with."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from aci_tools.tools import TOOLS, toolset
from agent.formats import FORMATS, FormatError, ShownLine, Tried, make_format
from trajectories.events import Call, ModelReplied

TOOLSET = toolset(["open", "goto", "rewrite_function", "bash", "submit"])
FENCED = "THOUGHT: look\n```\n{}\n```"
CODE = "def f(a):\n    return a  # <tag> & 'quotes'\n"


def reply(content: str = "", *calls: tuple[str, str], finish: str = "stop") -> ModelReplied:
    raw = [{"id": f"c{n}", "name": name, "arguments": arguments} for n, (name, arguments) in enumerate(calls)]
    return ModelReplied(step=1, content=content, tool_calls=raw, finish_reason=finish)


def xml(tool: str, **parameters: str) -> str:
    inner = "".join(f"<parameter={key}>{value}</parameter>\n" for key, value in parameters.items())
    return f"I look.\n\n<function={tool}>\n{inner}</function>"


def refused(format: str, wrong: ModelReplied) -> FormatError:
    with pytest.raises(FormatError) as error:
        make_format(format).parse(wrong, TOOLSET)
    return error.value


@pytest.mark.parametrize("name", ["thought_action", "xml"])
def test_text_formats_explain_every_tool_in_the_prompt(name: str) -> None:
    tools = list(TOOLS.values())
    instructions = make_format(name).instructions(tools)
    assert make_format(name).tool_schemas(tools) is None
    for tool in tools:
        assert tool.tool_name() in instructions
        for field in tool.model_fields.values():
            assert field.description
            assert field.description in instructions


def test_native_calls_leave_the_tools_to_the_provider() -> None:
    schemas = make_format("tool_calls").tool_schemas(TOOLSET)
    assert schemas is not None
    assert [schema["name"] for schema in schemas] == [tool.tool_name() for tool in TOOLSET]
    assert json.loads(json.dumps(schemas)) == schemas


GOOD = {
    "tool_calls": reply("I look.", ("rewrite_function", json.dumps({"path": "a.py", "name": "f", "code": CODE}))),
    "thought_action": reply(FENCED.format(f"rewrite_function a.py f\n{CODE.rstrip()}").replace("look", "I look.")),
    "xml": reply(xml("rewrite_function", path="a.py", name="f", code=f"\n{CODE}\n")),
}


@pytest.mark.parametrize("name", GOOD)
def test_the_same_call_is_understood_in_every_format(name: str) -> None:
    parsed = make_format(name).parse(GOOD[name], TOOLSET)
    assert parsed.thought == "I look."
    (only,) = parsed.calls
    assert only.call.name == "rewrite_function"
    arguments = only.call.arguments
    assert {**arguments, "code": arguments["code"].rstrip("\n")} == {"path": "a.py", "name": "f", "code": CODE.rstrip()}
    assert only.tool.model_dump() == only.call.arguments


@pytest.mark.parametrize("name", GOOD)
def test_a_reply_stands_in_the_conversation_as_it_was(name: str) -> None:
    message = make_format(name).reply_message(GOOD[name])
    assert message["role"] == "assistant"
    assert message["content"] == GOOD[name].content
    if name == "tool_calls":
        (raw,) = message["tool_calls"]
        assert raw == {
            "id": "c0",
            "type": "function",
            "function": {"name": "rewrite_function", "arguments": GOOD[name].tool_calls[0]["arguments"]},
        }


@pytest.mark.parametrize(
    ("name", "arguments", "there"),
    [
        ("bash", '{"command": "ls', ("bash", {"malformed": '{"command": "ls'})),
        ("bash", '["ls"]', ("bash", {"malformed": '["ls"]'})),
        ("bash", "", ("bash", {})),
        ("functions.bash", '{"command": "ls"}', ("functions_bash", {"command": "ls"})),
        ("", "{}", ("unknown", {})),
        ("bash", '{"command": "\ud83d"}', ("bash", {"command": "\ufffd"})),
    ],
)
def test_a_malformed_call_stands_in_the_conversation_as_one_that_a_provider_takes(
    name: str, arguments: str, there: tuple[str, dict[str, str]]
) -> None:
    (raw,) = make_format("tool_calls").reply_message(reply("", (name, arguments)))["tool_calls"]
    assert (raw["function"]["name"], json.loads(raw["function"]["arguments"])) == there


def test_results_answer_their_call_where_calls_have_names() -> None:
    native = make_format("tool_calls")
    assert native.result_message("c0", "x") == {"role": "tool", "tool_call_id": "c0", "content": "x"}
    assert native.result_message("", "x") == {"role": "user", "content": "x"}
    assert make_format("xml").result_message("", "x") == {"role": "user", "content": "x"}


def test_one_reply_may_hold_several_native_calls() -> None:
    parsed = make_format("tool_calls").parse(
        reply("Both.", ("open", '{"path": "a.py"}'), ("bash", '{"command": "ls"}')), TOOLSET
    )
    assert [(c.call.id, c.call.name) for c in parsed.calls] == [("c0", "open"), ("c1", "bash")]


def test_a_call_without_arguments_needs_no_json() -> None:
    (only,) = make_format("tool_calls").parse(reply("", ("submit", "")), TOOLSET).calls
    assert only.call.arguments == {}


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (reply("I am done."), "no-action", "called no tool"),
        (reply("I think", finish="length"), "cut-off", "length limit"),
        (reply("", ("opn", '{"path": "a.py"}')), "unknown-tool", "Did you mean open?"),
        (reply("", ("open", "{}")), "missing-argument", "open needs path"),
        (reply("", ("goto", '{"line": "far"}')), "bad-argument", "goto: line"),
        (reply("", ("open", '{"path": "a.py", "lin": 3}')), "extra-argument", "no argument lin. Did you mean line?"),
        (reply("", ("open", '{"path": "a.py"')), "bad-json", "not valid JSON"),
        (reply("", ("open", '{"path": "a.p'), finish="length"), "bad-json", "cut off by the length limit"),
        pytest.param(reply("", ("open", "[" * 100_000)), "bad-json", "not valid JSON", id="deep"),
        (reply("", ("open", '{"path": "a\\ud83d.py"}')), "bad-argument", "half a character"),
        (reply("", ("open", '["a.py"]')), "bad-json", "must be a JSON object"),
        (reply("", ("open", '{"path": "a.py"}'), ("bash", "{}")), "missing-argument", "Nothing was run"),
    ],
)
def test_malformed_native_calls_are_corrected(wrong: ModelReplied, code: str, says: str) -> None:
    error = refused("tool_calls", wrong)
    assert (error.code, says in error.text) == (code, True), error.text


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (reply("I am done."), "no-action", "has no command"),
        (reply("THOUGHT: x\n```\n```"), "no-action", "empty"),
        (reply("THOUGHT: x\n```\nopen a.py"), "unclosed", "closing line of backticks is missing"),
        (reply("THOUGHT: x\n```\nopen a", finish="length"), "unclosed", "length limit"),
        (reply("```\nopen a.py\n```\nthen\n```\nsubmit\n```"), "two-actions", "has 2 commands"),
        (reply("```\nopen a.py\n```\nthen\n```\nsubmit"), "two-actions", "has 2 commands"),
        (reply(FENCED.format("opn a.py")), "unknown-tool", "Did you mean open?"),
        (reply(FENCED.format("open")), "missing-argument", "open needs path"),
        (reply(FENCED.format("goto far")), "bad-argument", "goto: line"),
        (reply(FENCED.format("goto 3 4")), "extra-argument", "goto"),
        (reply(FENCED.format("rewrite_function a.py f")), "missing-argument", "on the lines below the command"),
        (reply(FENCED.format("open a.py\nsubmit")), "two-actions", "one command only"),
    ],
)
def test_malformed_fenced_commands_are_corrected(wrong: ModelReplied, code: str, says: str) -> None:
    error = refused("thought_action", wrong)
    assert (error.code, says in error.text) == (code, True), error.text


@pytest.mark.parametrize(
    ("wrong", "code", "says"),
    [
        (reply("I am done."), "no-action", "has no call"),
        (reply("<function=open>\n<parameter=path>a.py</parameter>"), "unclosed", "</function> is missing"),
        (reply("<function=open>\n<para", finish="length"), "unclosed", "length limit"),
        (reply("<function=open>\n<parameter=path>a.py\n</function>"), "unclosed", "</parameter> is missing"),
        (reply(xml("open", path="a.py") + xml("submit")), "two-actions", "has 2 calls"),
        (reply(xml("opn", path="a.py")), "unknown-tool", "Did you mean open?"),
        (reply(xml("open")), "missing-argument", "open needs path"),
        (reply(xml("goto", line="far")), "bad-argument", "goto: line"),
        (reply("<function=open>\na.py\n</function>"), "bad-argument", "outside the parameters"),
    ],
)
def test_malformed_tags_are_corrected(wrong: ModelReplied, code: str, says: str) -> None:
    error = refused("xml", wrong)
    assert (error.code, says in error.text) == (code, True), error.text


@pytest.mark.parametrize("name", FORMATS)
def test_a_correction_holds_nothing_that_could_be_run(name: str) -> None:
    """A small model copies what it reads; a correction must not itself be an action."""
    error = refused(name, reply("I am done."))
    with pytest.raises(FormatError):
        make_format(name).parse(reply(error.text), TOOLSET)


@pytest.mark.parametrize("name", ["thought_action", "xml"])
def test_values_keep_their_text(name: str) -> None:
    command = "printf '%s\\n' \"$HOME\" | grep -c '<a>' && echo '=== & >'"
    text = FENCED.format(f"bash {command}") if name == "thought_action" else xml("bash", command=command)
    (only,) = make_format(name).parse(reply(text), TOOLSET).calls
    assert only.call.arguments == {"command": command}


def test_grammars_exist_where_the_text_is_ours() -> None:
    grammars: dict[str, Any] = {name: make_format(name).grammar(TOOLSET, ["a b.py"]) for name in FORMATS}
    assert grammars["tool_calls"] is None
    for name in ("thought_action", "xml"):
        rules = [line.partition(" ::= ")[0] for line in grammars[name].splitlines()]
        assert rules[0] == "root"
        assert len(rules) == len(set(rules)), "a rule is defined twice"


def test_a_command_that_holds_fences_stands_between_longer_ones() -> None:
    text = "THOUGHT: document it\n````\ncreate README.md\n# Usage\n```\nmake\n```\n````"
    tools = toolset(["create", "submit"])
    (parsed,) = make_format("thought_action").parse(reply(text), tools).calls
    assert parsed.call.arguments["text"] == "# Usage\n```\nmake\n```\n"


BLOCK = toolset(["rewrite", "submit"])


def test_a_block_of_code_goes_to_the_tool_that_takes_only_code() -> None:
    said = f"It subtracts.\n\n```python\n{CODE.rstrip()}\n```\nThat is all.\n"
    parsed = make_format("code_block").parse(reply(said), BLOCK)
    assert parsed.thought == "It subtracts."
    (only,) = parsed.calls
    assert only.call.name == "rewrite"
    assert only.call.arguments == {"code": CODE.rstrip()}


def test_of_several_blocks_the_longest_counts() -> None:
    said = f"The line\n```\nreturn a - b\n```\nis wrong.\n```python\n{CODE}```\n"
    (only,) = make_format("code_block").parse(reply(said), BLOCK).calls
    assert only.call.arguments["code"] == CODE.rstrip()


@pytest.mark.parametrize("said", ["submit", " Submit.\n", "`submit`"])
def test_the_word_alone_submits(said: str) -> None:
    (only,) = make_format("code_block").parse(reply(said), BLOCK).calls
    assert only.call.name == "submit"


@pytest.mark.parametrize(
    ("said", "code"),
    [("I would submit it.", "no-action"), ("```python\ndef f():", "unclosed"), ("```\n```", "no-action")],
)
def test_a_reply_without_code_is_told_so(said: str, code: str) -> None:
    with pytest.raises(FormatError) as error:
        make_format("code_block").parse(reply(said), BLOCK)
    assert error.value.code == code


LINES = toolset(["replace_line", "rewrite", "submit"])


def test_a_line_is_named_by_its_number_and_its_text() -> None:
    said = "src/a b.py, line 12 is:\n```python\nreturn a - b\n```\nIt must be:\n```python\nreturn a + b\n```"
    (only,) = make_format("line_or_block").parse(reply(said), LINES).calls
    assert only.call.name == "replace_line"
    wanted = {"path": "src/a b.py", "line": 12, "old": "return a - b", "new": "return a + b"}
    assert only.call.arguments == wanted


def test_where_one_line_is_not_enough_a_block_of_code_counts() -> None:
    (only,) = make_format("line_or_block").parse(reply(f"```python\n{CODE}```"), LINES).calls
    assert only.call.name == "rewrite"


def test_its_grammar_is_bound_to_the_lines_that_were_shown() -> None:
    shown = [ShownLine("a.py", 1, "def f(a, b):"), ShownLine("a.py", 2, '    return "-"'), ShownLine("a.py", 3, "")]
    grammar = make_format("line_or_block").grammar(LINES, ["a.py"], shown)
    assert grammar is not None
    assert "line 1 is" not in grammar, "a head without a default value"
    assert '"a.py, line 2 is:\\n```python\\nreturn \\"-\\"\\n```\\n"' in grammar
    assert "line 3" not in grammar
    assert grammar.startswith("root ::= line0\n")


def test_a_line_may_have_to_be_one_of_several() -> None:
    said = "a.py, line 2 is:\n```python\nx = 1\n```\nIt must be:\n```python\nx = 2\n```\n"
    said += "".join(f"Or else:\n```python\n{code}\n```\n" for code in ("x = 3\ny = 4", "x = 2"))
    parsed = make_format("line_or_block").parse(reply(said), LINES)
    assert [each.call.arguments["new"] for each in parsed.calls] == ["x = 2", "x = 3\ny = 4"]
    assert {each.call.arguments["old"] for each in parsed.calls} == {"x = 1"}
    assert parsed.alternatives


def line_call(line: int) -> Call:
    return Call(name="replace_line", arguments={"path": "a.py", "line": line})


def test_a_block_begins_with_a_definition_that_was_shown() -> None:
    shown = [
        ShownLine("a.py", 1, "class A:"),
        ShownLine("a.py", 2, "    async def f(self):"),
        ShownLine("a.py", 3, "x"),
    ]
    grammar = make_format("line_or_block").grammar(LINES, ["a.py"], shown, [Tried(line_call(1))]) or ""
    assert '("class A:" | "async def f(") [^`\\n]*' in grammar
    assert "before{0,3}" not in (
        make_format("line_or_block").grammar(LINES, ["a.py"], shown[2:], [Tried(line_call(1))]) or ""
    )


def offered(shown: list[ShownLine], *tried: int) -> list[int]:
    """The numbers of the lines that are offered when it is a line's turn, after lines and a block in turn."""
    calls = [call for line in tried for call in (line_call(line), Call(name="rewrite"))]
    turns = [Tried(call, step=step) for step, call in enumerate(calls, 1)]
    grammar = make_format("line_or_block").grammar(LINES, ["a.py"], shown, turns) or ""
    return [line.number for line in shown if f"line {line.number} is" in grammar]


def test_lines_that_run_in_wrong_examples_only_come_first_each_once() -> None:
    shown = [ShownLine("a.py", number, f"x = {number}", suspect=number > 1) for number in (1, 2, 3)]
    assert offered(shown) == [2, 3]
    assert offered(shown, 3) == [2]
    assert offered(shown, 3, 2) == [1]


def test_lines_tried_last_are_not_offered_as_far_as_there_are_others() -> None:
    shown = [ShownLine("a.py", number, f"x = {number}") for number in range(1, 8)]
    assert offered(shown, 1, 2, 3, 4, 5, 6) == [1, 7]
    assert offered(shown[:3], 1, 2, 3) == [1, 2]
    assert offered(shown[:2], 1, 2, 1) == [2]


def test_line_and_block_take_turns_and_after_a_copy_come_three_lines() -> None:
    shown = [ShownLine("a.py", number, f"x = {number}") for number in range(1, 9)]
    copy, block = Tried(Call(name="rewrite"), futile=True), Tried(Call(name="rewrite"))

    def turn(*replies: Tried) -> str:
        # Of a line's alternatives each was a call.
        tried = [replace(reply, step=step) for step, reply in enumerate(replies) for _ in range(3)]
        grammar = make_format("line_or_block").grammar(LINES, ["a.py"], shown, tried) or ""
        return "line" if "It must be" in grammar else "block"

    one, two, three, four = (Tried(line_call(number)) for number in range(1, 5))
    assert [turn(), turn(one), turn(one, block), turn(one, block, two)] == ["line", "block", "line", "block"]
    assert [turn(one, copy, two), turn(one, copy, two, three)] == ["line", "line"]
    assert turn(one, copy, two, three, four) == "block"
    assert offered(shown[:2], 1, 2, 1, 2) == []  # each twice: a block is what is left
