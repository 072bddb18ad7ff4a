"""SWE-agent's two lists brought together: the steps, and the history that the model was shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trajectories.exchange.source import as_text


def steps_told(history: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps that a history tells of, for files that have no list of them."""
    steps: list[dict[str, Any]] = []
    for message in history:
        if message.get("role") == "assistant":
            steps.append(
                {"response": message.get("content"), "thought": message.get("thought"), "action": message.get("action")}
            )
        elif steps and "observation" not in steps[-1]:
            steps[-1]["observation"] = as_text(message.get("content"))
    return steps


def match_replies(steps: Sequence[dict[str, Any]], history: Sequence[dict[str, Any]]) -> list[int | None]:
    """For each step the place of its reply in the history, in order; ``None`` where it is not there."""
    replies = [i for i, m in enumerate(history) if m.get("role") == "assistant" and not m.get("is_demo")]
    found: list[int | None] = []
    behind = 0
    for step in steps:
        wanted = (step.get("response"), step.get("action"))
        place = next(
            (
                at
                for at in range(behind, len(replies))
                if wanted[0] == history[replies[at]].get("content")
                or (wanted[1] and wanted[1] == history[replies[at]].get("action"))
            ),
            None,
        )
        if place is None:
            found.append(None)
        else:
            found.append(replies[place])
            behind = place + 1
    return found


def asks(message: dict[str, Any]) -> bool:
    """Whether a message may be the task: the user's own, and no demonstration."""
    return message.get("role") == "user" and not message.get("is_demo")
