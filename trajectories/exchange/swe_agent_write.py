"""Writes SWE-agent's ``.traj``: of attempts that came from one as it was, of all others as SWE-agent 1.x would."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange.base import Context, Document, Trajectory, Tree, encode, file_name
from trajectories.exchange.commands import parse_command, render_command
from trajectories.exchange.draft import file_of, files, pack
from trajectories.exchange.foreign import parts, raw_of
from trajectories.exchange.source import as_list, as_mapping, as_text
from trajectories.exchange.swe_agent import FORMAT
from trajectories.exchange.swe_agent_queries import Unpacked
from trajectories.exchange.turns import Turn, ended, started

#: Our statuses in SWE-agent's words.
_EXIT = {
    "submitted": "submitted",
    "cost_limit": "exit_cost",
    "token_limit": "exit_cost",
    "step_limit": "exit_cost",
    "time_limit": "exit_total_execution_time",
    "format_limit": "exit_format",
    "context_overflow": "exit_context",
    "model_error": "exit_api",
    "sandbox_lost": "exit_environment_error",
}


class SweAgentExporter:
    """One ``.traj`` an attempt; the attempts of a retried run together, as they came."""

    name = FORMAT
    summary = "SWE-agent .traj"
    tree: Tree = "chosen"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class."""
        documents = []
        for group in files(trajectories, FORMAT):
            values = [_Writing(trajectory).document() for trajectory in group]
            origin = file_of(group[0], FORMAT)
            if origin.get("container") == "attempts" and len(group) == origin.get("count"):
                run = _run(group[0], values)
                documents.append(Document(file_name(str(origin.get("name"))), encode(run)))
            else:
                documents.append(pack(group, FORMAT, values, ".traj"))
        return documents


def _run(first: Trajectory, values: list[dict[str, Any]]) -> dict[str, Any]:
    """The document of a retried run: its attempts, and the best one again."""
    kept: dict[str, Any] = {}
    for _, event, restored, _ in parts(first.events, FORMAT, first.patch):
        if isinstance(event, AttemptStarted) and restored:
            kept = as_mapping(next(iter(restored.get("run", [])), None))
    run: dict[str, Any] = {"attempts": values, **as_mapping(kept.get("rest"))}
    for key, index in as_mapping(kept.get("same")).items():
        if isinstance(index, int) and 0 <= index < len(values) and key in values[index]:
            run[key] = values[index][key]
    return run


class _Writing:
    """One attempt on its way into a document."""

    def __init__(self, trajectory: Trajectory) -> None:
        self.trajectory = trajectory
        self.steps: list[dict[str, Any]] = []
        self.history: list[Any] = []
        self.asked: list[tuple[dict[str, Any], Any]] = []
        self.kept: dict[str, Any] = {}

    def document(self) -> dict[str, Any]:
        for turn, event, restored, _ in parts(self.trajectory.events, FORMAT, self.trajectory.patch):
            if isinstance(event, ModelReplied):
                self._reply(turn, restored)
            if restored is not None:
                self.history.extend(restored.get("history", []))
                if isinstance(event, AttemptStarted):
                    self.kept = as_mapping(next(iter(restored.get("document", [])), None))
            else:
                self.history.extend(_said(turn, event))
        asked = Unpacked(self.history)
        for step, packed in self.asked:
            step.update(asked.unpack(packed))
        return self._assembled()

    def _reply(self, turn: Turn, restored: dict[str, list[Any]] | None) -> None:
        made = _fresh_steps(turn)
        for item in (restored or {}).get("step", [])[:1]:
            kept = as_mapping(item)
            action = turn.actions[0] if turn.actions else None
            if action is not None and as_text(kept.get("action")) != _raw(action):
                kept["action"] = _raw(action)  # the call was edited since
            made = [kept, *made[1:]]
            for packed in (restored or {}).get("query", []):
                self.asked.append((kept, packed))
        self.steps.extend(made)

    def _assembled(self) -> dict[str, Any]:
        if self.kept:
            rest, lists = as_mapping(self.kept.get("rest")), as_mapping(self.kept.get("lists"))
            whole: dict[str, Any] = {**rest}
            for key, value in (("trajectory", self.steps), ("history", self.history)):
                if key in lists:
                    whole[key] = value if lists[key] == "kept" or value else None
            return {str(key): whole[key] for key in as_list(self.kept.get("order")) if key in whole}
        return {
            "trajectory": self.steps,
            "history": self.history,
            "info": _info(self.trajectory),
            "replay_config": None,
            "environment": "main",
        }


def _fresh_steps(turn: Turn) -> list[dict[str, Any]]:
    """A step an action: SWE-agent runs one at a time."""
    reply = turn.reply
    response = reply.content if reply else ""
    made = []
    for number, (action, observed) in enumerate(turn.pairs()):
        made.append(
            {
                "action": _raw(action),
                "observation": observed.text if observed else "",
                "response": response if number == 0 else "",
                "thought": action.thought,
                "execution_time": observed.duration if observed else 0.0,
                "state": _state(observed),
                "query": [],
                "extra_info": {},
            }
        )
    if not made:
        said = next((message.content for message in turn.messages), "")
        blank = {"action": "", "observation": said, "response": response, "thought": response}
        made = [{**blank, "execution_time": 0.0, "state": {}, "query": [], "extra_info": {}}]
    return made


def _said(turn: Turn, event: Event) -> list[dict[str, Any]]:
    """What an event of ours is in the history."""
    match event:
        case Message():
            kind = "system_prompt" if event.purpose == "system" else "observation"
            return [{"role": event.role, "content": event.content, "agent": "main", "message_type": kind}]
        case ModelReplied():
            action = turn.actions[0] if turn.actions else None
            calls = [
                {"id": c["id"], "type": "function", "function": {"name": c["name"], "arguments": c["arguments"]}}
                for c in event.tool_calls
            ]
            return [
                {
                    "role": "assistant",
                    "content": event.content,
                    "thought": action.thought if action else event.content,
                    "action": _raw(action) if action else "",
                    "agent": "main",
                    "tool_calls": calls or None,
                    "message_type": "action",
                    "thinking_blocks": [{"type": "thinking", "thinking": event.reasoning}] if event.reasoning else None,
                }
            ]
        case Observed():
            seen: dict[str, Any] = {
                "role": "tool" if event.call_id else "user",
                "content": event.text,
                "agent": "main",
                "message_type": "observation",
            }
            return [{**seen, "tool_call_ids": [event.call_id]} if event.call_id else seen]
    return []


def _raw(action: ActionTaken) -> str:
    """The action's text: as it was written, unless the call was edited since."""
    raw = raw_of(action)
    if raw is None:
        return render_command(action.call)
    meant = parse_command(raw, str(action.call.arguments.get("path") or ""))
    unchanged = (meant.name, meant.arguments) == (action.call.name, action.call.arguments)
    return raw if unchanged else render_command(action.call)


def _state(observed: Observed | None) -> dict[str, str]:
    data = observed.data if observed else {}
    state = {"working_dir": data.get("cwd"), "open_file": data.get("path")}
    return {key: value for key, value in state.items() if isinstance(value, str)}


def _info(trajectory: Trajectory) -> dict[str, Any]:
    last: AttemptEnded | None = ended(trajectory.events)
    first = started(trajectory.events)
    status = last.status if last else "interrupted"
    exit_status = _EXIT.get(status, "exit_error")
    if trajectory.patch and exit_status != "submitted":
        exit_status = f"submitted ({exit_status})"
    usage = last.usage if last else None
    return {
        "submission": trajectory.patch,
        "exit_status": exit_status,
        "model_stats": {
            "instance_cost": (usage.cost if usage else None) or 0.0,
            "tokens_sent": usage.prompt_tokens if usage else 0,
            "tokens_received": usage.completion_tokens if usage else 0,
            "api_calls": last.steps if last else 0,
        },
        **({"patchwright_version": first.versions.get("patchwright", "")} if first else {}),
    }
