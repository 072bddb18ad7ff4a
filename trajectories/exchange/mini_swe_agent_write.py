"""Writes mini-swe-agent's trajectories: what came from it as it was, all others as version 2 would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trajectories.events import AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange.base import Context, Document, Trajectory, Tree
from trajectories.exchange.commands import render_command
from trajectories.exchange.draft import pack
from trajectories.exchange.foreign import parts
from trajectories.exchange.mini_swe_agent import FORMAT
from trajectories.exchange.source import as_mapping
from trajectories.exchange.turns import Turn, ended

#: Our statuses as the names of its exceptions.
_EXIT = {
    "submitted": "Submitted",
    "step_limit": "LimitsExceeded",
    "cost_limit": "LimitsExceeded",
    "token_limit": "LimitsExceeded",
    "time_limit": "TimeExceeded",
    "format_limit": "RepeatedFormatError",
    "interrupted": "UserInterruption",
    "context_overflow": "ContextWindowExceededError",
    "sandbox_lost": "EnvironmentError",
}


class MiniSweAgentExporter:
    """One ``.traj.json`` an attempt."""

    name = FORMAT
    summary = "mini-swe-agent .traj.json (version 2)"
    tree: Tree = "chosen"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class."""
        return [pack([t], FORMAT, [_document(t)], ".traj.json") for t in trajectories]


def _document(trajectory: Trajectory) -> Any:
    messages: list[Any] = []
    kept: Any = None
    imported = False
    for turn, event, restored, _ in parts(trajectory.events, FORMAT, trajectory.patch):
        if restored is not None:
            messages.extend(restored.get("message", []))
            if isinstance(event, AttemptStarted):
                imported, kept = True, next(iter(restored.get("document", [])), None)
        else:
            messages.extend(_said(turn, event))
    if imported and kept is None:
        return messages
    if imported:
        return {key: messages if key == "messages" else value for key, value in as_mapping(kept).items()}
    info = _info(trajectory)
    extra = {"exit_status": info["exit_status"], "submission": info["submission"]}
    messages.append({"role": "exit", "content": trajectory.patch or info["exit_status"], "extra": extra})
    return {
        "info": info,
        "messages": messages,
        "trajectory_format": "mini-swe-agent-1.1",
        "instance_id": trajectory.task,
    }


def _said(turn: Turn, event: Event) -> list[dict[str, Any]]:
    """The messages that an event of ours is. Every action is a shell command there; ours are written as one line."""
    match event:
        case Message():
            return [{"role": event.role, "content": event.content}]
        case ModelReplied():
            actions = [
                {"command": render_command(a.call), **({"tool_call_id": a.call.id} if a.call.id else {})}
                for a in turn.actions
            ]
            made: dict[str, Any] = {"role": "assistant", "content": event.content}
            if event.tool_calls:
                made["tool_calls"] = [
                    {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                    for c in event.tool_calls
                ]
            if event.reasoning:
                made["reasoning_content"] = event.reasoning
            usage = event.usage
            made["extra"] = {
                "actions": actions,
                "cost": usage.cost or 0.0,
                "timestamp": event.time,
                "response": {
                    "model": event.model,
                    "usage": {
                        "prompt_tokens": usage.prompt_tokens,
                        "completion_tokens": usage.completion_tokens,
                        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
                    },
                },
            }
            return [made]
        case Observed():
            extra: dict[str, Any] = {"raw_output": event.text, "timestamp": event.time}
            code = event.data.get("exit_code")
            extra["returncode"] = code if isinstance(code, int) else int(not event.ok)
            if event.call_id:
                return [{"role": "tool", "tool_call_id": event.call_id, "content": event.text, "extra": extra}]
            return [{"role": "user", "content": event.text, "extra": extra}]
    return []


def _info(trajectory: Trajectory) -> dict[str, Any]:
    last = ended(trajectory.events)
    status = last.status if last else "interrupted"
    return {
        "model_stats": {
            "instance_cost": (last.usage.cost if last else None) or 0.0,
            "api_calls": last.steps if last else 0,
        },
        "config": {"model": {"model_name": trajectory.model}},
        "mini_version": "",
        "exit_status": _EXIT.get(status, status),
        "submission": trajectory.patch,
    }
