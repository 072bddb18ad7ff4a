"""Another action in the place of a recorded one: the reply as the model would have written it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from aci_tools.errors import UsageError
from aci_tools.tools.documentation import DIVIDER, REPLACE, SEARCH, body_fields, inline_fields, takes_the_rest
from agent.formats import ActionFormat, FormatError, Tools
from trajectories.events import Call, ModelReplied


def reply_with(reply: ModelReplied, action: str, format: ActionFormat, tools: Tools) -> ModelReplied:
    """A reply that keeps its thought and takes another action.

    Args:
        reply: The recorded reply.
        action: ``{"name": …, "arguments": {…}}``, or a whole reply as the attempt's format has it.
        format: How the attempt's actions are written.
        tools: The tools that there are.

    Raises:
        UsageError: It is no well-formed action.
    """
    named = _named(action)
    if named is None:
        if format.name == "tool_calls":
            raise UsageError('--replace-action: write it as {"name": "...", "arguments": {...}}')
        edited = reply.model_copy(update={"content": action})
    else:
        id = reply.tool_calls[0]["id"] if reply.tool_calls else "call_fork"
        call = Call(id=id, name=named[0], arguments=named[1])
        thought = reply.content if format.name == "tool_calls" else _thought(reply, format, tools)
        edited = reply_of(reply, thought, [call], format, tools)
    try:
        parsed = format.parse(edited.model_copy(update={"finish_reason": "stop"}), tools)
    except FormatError as error:
        raise UsageError(f"--replace-action: {error.text}") from None
    if named is not None:
        got = parsed.calls[0].call.arguments
        # Text formats write a body as whole lines.
        if any(str(got.get(key)).rstrip("\n") != str(value).rstrip("\n") for key, value in named[1].items()):
            raise UsageError("--replace-action: this call cannot be written in one piece; give the whole reply as text")
    return edited.model_copy(update={"finish_reason": "tool_calls" if edited.tool_calls else "stop"})


def reply_of(
    reply: ModelReplied, thought: str, calls: Sequence[Call], format: ActionFormat, tools: Tools
) -> ModelReplied:
    """A reply with this thought and these calls, as a model writes them in a format.

    Args:
        reply: Has all else.
        thought: The text beside the calls.
        calls: One at most in formats of text.
        format: How they are written.
        tools: The tools that there are.

    Raises:
        UsageError: A call is of none of the tools.
    """
    if format.name == "tool_calls":
        native = [{"id": call.id, "name": call.name, "arguments": json.dumps(call.arguments)} for call in calls]
        finish = "tool_calls" if native else "stop"
        return reply.model_copy(update={"content": thought, "tool_calls": native, "finish_reason": finish})
    write, before, between = (_xml, "", "\n\n") if format.name == "xml" else (_fenced, "THOUGHT: ", "\n")
    parts = [thought and f"{before}{thought.strip()}", *(write(call.name, call.arguments, tools) for call in calls)]
    content = between.join(part for part in parts if part)
    return reply.model_copy(update={"content": content, "tool_calls": [], "finish_reason": "stop"})


def _named(action: str) -> tuple[str, dict[str, Any]] | None:
    try:
        data = json.loads(action)
    except (ValueError, RecursionError):
        return None
    if not isinstance(data, dict) or not isinstance(data.get("name"), str):
        return None
    arguments = data.get("arguments", {})
    return (data["name"], arguments) if isinstance(arguments, dict) else None


def _thought(reply: ModelReplied, format: ActionFormat, tools: Tools) -> str:
    try:
        return format.parse(reply, tools).thought
    except FormatError:
        return ""


def _xml(name: str, arguments: dict[str, Any], tools: Tools) -> str:
    given = {key: str(value) for key, value in arguments.items() if value is not None}
    values = "".join(f"<parameter={key}>{_between(value)}</parameter>\n" for key, value in given.items())
    return f"<function={name}>\n{values}</function>"


def _between(value: str) -> str:
    """A value of several lines stands on lines of its own."""
    return f"\n{value}\n" if "\n" in value else value


def _fenced(name: str, arguments: dict[str, Any], tools: Tools) -> str:
    """A command with its arguments by name, and its bodies below."""
    tool = next((tool for tool in tools if tool.tool_name() == name), None)
    if tool is None:
        raise UsageError(f"--replace-action: there is no tool {name}; {', '.join(t.tool_name() for t in tools)}")
    bodies = {key: str(arguments[key]) for key in body_fields(tool) if key in arguments}
    inline = {key: str(arguments[key]) for key in inline_fields(tool) if arguments.get(key) is not None}
    if len(bodies) == 1 and "" in bodies.values():  # below the command there would be an empty line
        inline, bodies = {**inline, **bodies}, {}
    head = " ".join([name, *(f"{key}={_quoted(value)}" for key, value in inline.items())])
    below = [_lines(value) for value in bodies.values()]
    if takes_the_rest(tool):
        text = " ".join([head, *bodies.values()])
    elif len(below) == 2:
        text = "\n".join([head, SEARCH, *below[0], DIVIDER, *below[1], REPLACE])
    else:
        text = "\n".join([head, *(line for lines in below for line in lines)])
    fence = max((len(run) for run in re.findall("`+", text)), default=2)
    marks = "`" * max(3, fence + 1)
    return f"{marks}\n{text}\n{marks}"


def _lines(body: str) -> list[str]:
    """The lines of a body; the end of the last one says nothing."""
    return body.removesuffix("\n").split("\n") if body else []


def _quoted(value: str) -> str:
    if re.fullmatch(r"[^\s\"'\\]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
