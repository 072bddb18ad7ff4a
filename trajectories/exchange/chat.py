"""Fine-tuning data: OpenAI's chat format, and ShareGPT's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from trajectories.exchange.base import Context, Document, Trajectory, Tree, encode_lines
from trajectories.exchange.conversation import ChatMessage, conversation
from trajectories.exchange.turns import started

_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "tool"}


class OpenAIExporter:
    """A line an attempt: ``messages``, and ``tools`` where the model called tools natively."""

    name = "openai"
    summary = "chat fine-tuning JSON Lines, OpenAI messages with tool calls"
    tree: Tree = "trials"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class; attempts without a reply teach nothing and are left out."""
        rows, left_out = [], 0
        for trajectory in trajectories:
            messages = trained(trajectory)
            if messages:
                tools = offered(trajectory, messages, context)
                rows.append({"messages": messages, **({"tools": tools} if tools else {})})
            else:
                left_out += 1
        return [Document("chat.jsonl", encode_lines(rows), _left_out(left_out))]


class ShareGptExporter:
    """A line an attempt: ``conversations`` of system, human, gpt and tool, who take turns.

    Native calls are written into the text in ``<tool_call>`` tags and their answers in ``<tool_response>`` tags, as the
    Hermes function-calling data sets do.
    """

    name = "sharegpt"
    summary = "chat fine-tuning JSON Lines, ShareGPT conversations"
    tree: Tree = "trials"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class; attempts without a reply teach nothing and are left out."""
        rows, left_out = [], 0
        for trajectory in trajectories:
            messages = trained(trajectory)
            if not messages:
                left_out += 1
                continue
            tools = offered(trajectory, messages, context)
            row: dict[str, Any] = {"id": trajectory.attempt, "conversations": _spoken(messages)}
            rows.append({**row, "tools": json.dumps(tools)} if tools else row)
        return [Document("sharegpt.jsonl", encode_lines(rows), _left_out(left_out))]


def trained(trajectory: Trajectory) -> list[ChatMessage]:
    """The messages up to the model's last; none where it never replied."""
    messages = conversation(trajectory.events)
    last = max((i for i, message in enumerate(messages) if message["role"] == "assistant"), default=-1)
    return messages[: last + 1]


def offered(trajectory: Trajectory, messages: Sequence[ChatMessage], context: Context) -> list[dict[str, Any]]:
    """Schemas of the tools that the model could call natively, as far as they are known."""
    if not any("tool_calls" in message for message in messages):
        return []
    first = started(trajectory.events)
    names = list(first.tools) if first else []
    return [{"type": "function", "function": context.tools[name]} for name in names if name in context.tools]


def _spoken(messages: Sequence[ChatMessage]) -> list[dict[str, str]]:
    spoken: list[dict[str, str]] = []
    for message in messages:
        who, text = _SPEAKERS[message["role"]], message["content"]
        for call in message.get("tool_calls", ()):
            function = call["function"]
            told = json.dumps({"name": function["name"], "arguments": _arguments(function["arguments"])})
            text = f"{text}\n<tool_call>\n{told}\n</tool_call>".lstrip("\n")
        if who == "tool":
            text = f"<tool_response>\n{text}\n</tool_response>"
        same_side = {"human", "tool"} if who in ("human", "tool") else {who}
        if spoken and spoken[-1]["from"] in same_side and who != "system":
            spoken[-1]["value"] += f"\n\n{text}"
        else:
            spoken.append({"from": who, "value": text})
    return spoken


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _left_out(count: int) -> tuple[str, ...]:
    return (f"{count} attempts without a reply of a model are left out",) if count else ()
