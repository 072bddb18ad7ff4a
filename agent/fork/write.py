"""Another action in the place of a recorded one: the reply as the model would have written it."""

from __future__ import annotations

import json
import re
from typing import Any

from aci_tools.errors import UsageError
from aci_tools.tools.documentation import DIVIDER, REPLACE, SEARCH, body_fields, inline_fields, takes_the_rest
from agent.formats import ActionFormat, FormatError, Tools
from trajectories.events import ModelReplied


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
    elif format.name == "tool_calls":
        id = reply.tool_calls[0]["id"] if reply.tool_calls else "call_fork"
        call = {"id": id, "name": named[0], "arguments": json.dumps(named[1])}
        edited = reply.model_copy(update={"tool_calls": [call]})
    else:
        text = _xml(*named) if format.name == "xml" else _fenced(*named, tools)
        edited = reply.model_copy(update={"content": f"{_thought(reply, format, tools)}\n\n{text}".lstrip()})
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


def _named(action: str) -> tuple[str, dict[str, Any]] | None:
    try:
        data = json.loads(action)
    except ValueError:
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


def _xml(name: str, arguments: dict[str, Any]) -> str:
    values = "".join(f"<parameter={key}>{_between(str(value))}</parameter>\n" for key, value in arguments.items())
    return f"<function={name}>\n{values}</function>"


def _between(value: str) -> str:
    """A value of several lines stands on lines of its own."""
    return f"\n{value}\n" if "\n" in value else value


def _fenced(name: str, arguments: dict[str, Any], tools: Tools) -> str:
    """A command with its arguments by name, and its bodies below."""
    tool = next((tool for tool in tools if tool.tool_name() == name), None)
    if tool is None:
        raise UsageError(f"--replace-action: there is no tool {name}; {', '.join(t.tool_name() for t in tools)}")
    bodies = [str(arguments[key]) for key in body_fields(tool) if key in arguments]
    inline = [f"{key}={_quoted(str(arguments[key]))}" for key in inline_fields(tool) if arguments.get(key) is not None]
    head = " ".join([name, *inline])
    if takes_the_rest(tool):
        text = f"{head}\n{bodies[0]}" if bodies else head
    elif len(bodies) == 2:
        text = "\n".join([head, SEARCH, bodies[0], DIVIDER, bodies[1], REPLACE])
    else:
        text = "\n".join([head, *bodies])
    fence = max((len(run) for run in re.findall("`+", text)), default=2)
    marks = "`" * max(3, fence + 1)
    return f"{marks}\n{text}\n{marks}"


def _quoted(value: str) -> str:
    if re.fullmatch(r"[^\s\"'\\]+", value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
