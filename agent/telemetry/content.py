"""What was said, in the form that the conventions give it. Only where `telemetry.content` asks for it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from agent.telemetry.spans import Value
from trajectories.events import ActionTaken, Message, ModelReplied, Observed, SubagentReplied


def of_reply(event: ModelReplied, since: Sequence[Message | Observed]) -> dict[str, Value]:
    """A call's prompt, as far as it is new since the call before, and its reply.

    Args:
        event: The reply.
        since: What was put before the model since its last reply.
    """
    parts = [*_reasoning(event.reasoning), *_text(event.content)]
    for call in event.tool_calls:
        arguments: Any = str(call.get("arguments", ""))
        with contextlib.suppress(ValueError, RecursionError):
            arguments = json.loads(arguments)
        parts.append({"type": "tool_call", "id": call.get("id"), "name": call.get("name"), "arguments": arguments})
    return _said([_given(each) for each in since], parts, event.finish_reason)


def of_subagent(event: SubagentReplied) -> dict[str, Value]:
    """What a sub-agent was asked and answered."""
    asked = [
        {"role": str(message.get("role", "")), "parts": _text(str(message.get("content") or ""))}
        for message in event.messages
    ]
    return _said(asked, _text(event.content), event.finish_reason)


def of_tool(action: ActionTaken | None, event: Observed) -> dict[str, Value]:
    """Arguments and result of a tool."""
    found: dict[str, Value] = {"gen_ai.tool.call.result": _json(event.text)}
    if action is not None:
        found["gen_ai.tool.call.arguments"] = _json(action.call.arguments)
    return found


def _given(event: Message | Observed) -> dict[str, Any]:
    if isinstance(event, Message):
        return {"role": event.role, "parts": _text(event.content)}
    return {"role": "tool", "parts": [{"type": "tool_call_response", "id": event.call_id, "response": event.text}]}


def _said(asked: list[dict[str, Any]], parts: Iterable[dict[str, Any]], finish_reason: str) -> dict[str, Value]:
    reply = {"role": "assistant", "parts": list(parts), "finish_reason": finish_reason}
    return {"gen_ai.input.messages": _json(asked), "gen_ai.output.messages": _json([reply])}


def _text(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "content": text}] if text else []


def _reasoning(text: str) -> list[dict[str, Any]]:
    return [{"type": "reasoning", "content": text}] if text else []


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
