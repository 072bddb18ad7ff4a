"""A trajectory as chat messages in OpenAI's form, as far as what happened in it was said."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trajectories.events import Event, Message, ModelReplied, Observed
from trajectories.exchange.turns import Turn, turns

ChatMessage = dict[str, Any]
_NO_RESULT = "(no result was recorded)"


def conversation(events: Sequence[Event]) -> list[ChatMessage]:
    """The messages, each tool call answered.

    Steps that were copied from an earlier trajectory are left out, as ATIF asks of training data. What followed the
    last reply stays, so that what ended the attempt can be seen.
    """
    messages: list[ChatMessage] = []
    for turn in turns(events):
        messages.extend(_turn(turn))
    return messages


def _turn(turn: Turn) -> list[ChatMessage]:
    messages: list[ChatMessage] = []
    open_calls: list[str] = []
    if turn.reply is not None and _copied(turn.reply):
        return []
    for event in turn.events:
        match event:
            case ModelReplied():
                calls = _calls(turn, event)
                messages.append(
                    {"role": "assistant", "content": event.content, **({"tool_calls": calls} if calls else {})}
                )
                open_calls = [call["id"] for call in calls]
            case Observed():
                id = event.call_id if event.call_id in open_calls else open_calls[0] if open_calls else ""
                messages.append(_answer(id, event.text))
                open_calls = [call for call in open_calls if call != id]
            case Message() if not _copied(event):
                if event.purpose == "correction" and open_calls:
                    messages.extend(_answer(id, event.content) for id in open_calls)
                    open_calls = []
                else:
                    messages.append({"role": event.role, "content": event.content})
            case _:
                pass
    if open_calls:
        # Right behind the other answers: between a call and its answer no other message may stand.
        at = max(i for i, message in enumerate(messages) if message["role"] in ("assistant", "tool")) + 1
        messages[at:at] = [_answer(id, _NO_RESULT) for id in open_calls]
    return messages


def _calls(turn: Turn, reply: ModelReplied) -> list[dict[str, Any]]:
    """The reply's native calls, with identifiers that are unique in the turn."""
    made: list[dict[str, Any]] = []
    for number, call in enumerate(reply.tool_calls, 1):
        id = str(call.get("id") or f"call_{reply.step}_{number}")
        function = {"name": str(call.get("name", "")), "arguments": str(call.get("arguments", "{}"))}
        made.append({"id": id, "type": "function", "function": function})
    return made


def _answer(id: str, text: str) -> ChatMessage:
    return {"role": "tool", "tool_call_id": id, "content": text} if id else {"role": "user", "content": text}


def _copied(event: Event) -> bool:
    return bool((event.model_extra or {}).get("copied"))
