"""Native tool calls, as OpenAI's API defines them."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from aci_tools.output import whole_characters
from aci_tools.tools.describe import CallError, build, json_schema
from agent.formats.base import FormatError, ParsedCall, ParsedReply, ShownLine, Tools, Tried
from agent.models.base import ChatMessage
from trajectories.events import Call, ModelReplied


class ToolCalls:
    """The model calls tools through the provider's own mechanism; a reply may hold several calls, run in order."""

    name = "tool_calls"

    def instructions(self, tools: Tools) -> str:
        """The provider shows the tools; only the rule is said."""
        return "Every reply must call at least one tool. Say in a sentence or two why before you call it."

    def tool_schemas(self, tools: Tools) -> list[dict[str, Any]] | None:
        """Derived from the tools."""
        return [json_schema(tool) for tool in tools]

    def grammar(
        self, tools: Tools, paths: Sequence[str], shown: Sequence[ShownLine] = (), tried: Sequence[Tried] = ()
    ) -> str | None:
        """None: the server constrains its own tool calls."""
        return None

    def parse(self, reply: ModelReplied, tools: Tools) -> ParsedReply:
        """Every call must be well-formed, else none is run."""
        if not reply.tool_calls:
            if reply.finish_reason == "length":
                raise FormatError(
                    "cut-off", "Your reply reached the length limit before a call. Be brief and call a tool."
                )
            raise FormatError("no-action", "Your reply called no tool. Call one; call submit when the work is done.")
        calls = []
        for raw in reply.tool_calls:
            name = raw["name"]
            try:
                arguments = json.loads(raw["arguments"] or "{}")
            except (ValueError, RecursionError) as error:
                cut = " It was cut off by the length limit." if reply.finish_reason == "length" else ""
                why = f"The arguments of {name} are not valid JSON ({error}).{cut}"
                raise FormatError("bad-json", f"{why} Nothing was run.") from None
            if not isinstance(arguments, dict):
                raise FormatError("bad-json", f"The arguments of {name} must be a JSON object. Nothing was run.")
            try:
                tool = build(name, arguments, tools)
            except CallError as error:
                raise FormatError(error.code, f"{error.text} Nothing was run.") from None
            calls.append(ParsedCall(Call(id=raw["id"], name=name, arguments=tool.model_dump(mode="json")), tool))
        return ParsedReply(reply.content.strip(), calls)

    def reply_message(self, reply: ModelReplied) -> ChatMessage:
        """With its calls, as the API wants it back."""
        message: ChatMessage = {"role": "assistant", "content": reply.content}
        if reply.tool_calls:
            message["tool_calls"] = [
                {
                    "id": c["id"],
                    "type": "function",
                    "function": {"name": _valid_name(c["name"]), "arguments": _valid_arguments(c["arguments"])},
                }
                for c in reply.tool_calls
            ]
        return message

    def result_message(self, call_id: str, text: str) -> ChatMessage:
        """A tool message where it answers a call."""
        if call_id:
            return {"role": "tool", "tool_call_id": call_id, "content": text}
        return {"role": "user", "content": text}


# A provider refuses every later request of a conversation that holds a call which is not as its API has it.
def _valid_name(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "unknown"


def _valid_arguments(arguments: str) -> str:
    """As they were, where they are a JSON object."""
    arguments = whole_characters(arguments or "{}")
    try:
        if isinstance(json.loads(arguments), dict):
            return arguments
    except (ValueError, RecursionError):
        pass
    return json.dumps({"malformed": arguments})
