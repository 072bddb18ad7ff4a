"""ATIF 1.8: writing. What came as ATIF is written as it came, of the version that it was."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from trajectories.events import (
    AttemptEnded,
    AttemptStarted,
    Condensed,
    Evaluated,
    Event,
    Message,
    ModelReplied,
    Noted,
    Observed,
    PatchChanged,
    SubagentReplied,
    TrialEnded,
    TrialStarted,
    Usage,
)
from trajectories.exchange.atif import FORMAT, OURS
from trajectories.exchange.base import Context, Document, Trajectory, Tree
from trajectories.exchange.draft import file_of, files, pack
from trajectories.exchange.foreign import parts
from trajectories.exchange.source import as_mapping
from trajectories.exchange.turns import Turn, ended, started

VERSION = "ATIF-v1.8"
#: In place of the number of a step that was made here; such a document is numbered anew.
_UNNUMBERED: Any = object()


class AtifExporter:
    """One document an attempt; the trials of a strategy are embedded as sub-agents."""

    name = FORMAT
    summary = "ATIF 1.8, valid by Harbor's own models"
    tree: Tree = "whole"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """Attempts of embedded sub-agents are left out where their parent is there, which has them."""
        own = {trajectory.attempt for trajectory in trajectories}
        roots = [t for t in trajectories if not (_is_embedded(t) and _parent(t) in own)]
        documents = []
        for group in files(roots, FORMAT):
            written = [_Writing(trajectory, context) for trajectory in group]
            document = pack(group, FORMAT, [writing.document() for writing in written], ".atif.json")
            notes = tuple(note for writing in written for note in writing.notes)
            documents.append(Document(document.name, document.content, notes))
        return documents


class _Writing:
    """One attempt on its way into a document."""

    def __init__(self, trajectory: Trajectory, context: Context) -> None:
        self.trajectory, self.context = trajectory, context
        self.steps: list[dict[str, Any]] = []
        self.kept: dict[str, Any] | None = None
        self.notes: list[str] = []
        self.unknown: set[str] = set()
        self.embedded: list[_Writing] = []

    def document(self) -> dict[str, Any]:
        for turn, event, restored, _ in parts(self.trajectory.events, FORMAT, self.trajectory.patch):
            if restored is not None:
                self.steps.extend(as_mapping(step) for step in restored.get("step", []))
                if isinstance(event, AttemptStarted):
                    self.kept = as_mapping(next(iter(restored.get("document", [])), None))
            else:
                self._event(turn, event)
        if any(step.get("step_id") is _UNNUMBERED for step in self.steps):
            for number, step in enumerate(self.steps, 1):
                step["step_id"] = number
        if self.unknown:
            kinds = ", ".join(sorted(self.unknown))
            self.notes.append(f"{self.trajectory.name or self.trajectory.attempt}: ATIF has no place for {kinds}")
        if self.kept is not None:
            return {key: self.steps if key == "steps" else value for key, value in self.kept.items()}
        return self._fresh()

    def _event(self, turn: Turn, event: Event) -> None:
        if isinstance(event, ModelReplied):
            self.steps.append(_agent_step(turn, event))
        elif isinstance(event, Message):
            ours = {"purpose": event.purpose, **({"code": event.code} if event.code else {})}
            plain = event.purpose in ("system", "task")
            self._said(event, event.role, event.content, None if plain else ours)
        elif isinstance(event, Condensed):
            text = f"{len(event.seqs)} old observations left the prompt to save room."
            self._said(event, "system", text, {"condensed": event.seqs})
        elif isinstance(event, SubagentReplied):
            self.steps.append(_subagent_step(event))
        elif isinstance(event, TrialStarted):
            self._trial(event)
        elif isinstance(event, TrialEnded):
            said = f"Trial {event.name} ended after {event.steps} steps: {event.status}."
            self._said(event, "system", said, {"trial": event.name, "status": event.status, "patch": event.patch})
        elif isinstance(event, Evaluated):
            found = {"candidate": event.key.partition(":")[0], "passed": event.passed, "checks": event.checks}
            self._said(event, "system", event.text, {"evaluated": found})
        elif isinstance(event, Noted):
            self._said(event, "system", event.key, {"noted": event.data})
        elif not isinstance(event, AttemptStarted | AttemptEnded | PatchChanged) and event not in (
            *turn.actions,
            *turn.observations,
        ):
            self.unknown.add(f"events of type {event.type}")
        elif turn.reply is None and event in (*turn.actions, *turn.observations):
            self.unknown.add("actions without a reply")

    def _said(self, event: Event, source: str, text: str, ours: dict[str, Any] | None) -> None:
        step = {"step_id": _UNNUMBERED, **_time(event), "source": source, "message": text}
        self.steps.append({**step, "extra": {OURS: ours}} if ours else step)

    def _trial(self, event: TrialStarted) -> None:
        """A step that refers to the trial's own document, if its trajectory is there."""
        self._said(event, "system", f"Trial {event.name} begins.", {"trial": event.name, "brief": event.brief})
        own = next((t for t in self.trajectory.trials if t.path and t.path.parent.name == event.name), None)
        if own is None:
            self.notes.append(f"{self.trajectory.name or self.trajectory.attempt}: trial {event.name} is not here")
            return
        self.embedded.append(_Writing(own, self.context))
        reference = {"trajectory_id": own.attempt, "extra": {OURS: {"trial": event.name}}}
        self.steps[-1]["observation"] = {"results": [{"subagent_trajectory_ref": [reference]}]}

    def _fresh(self) -> dict[str, Any]:
        trajectory = self.trajectory
        first, last = started(trajectory.events), ended(trajectory.events)
        tools = first.tools if first else []
        agent: dict[str, Any] = {
            "name": "patchwright",
            "version": (first.versions.get("patchwright") if first else None) or "unknown",
        }
        if trajectory.model:
            agent["model_name"] = trajectory.model
        definitions = [
            {"type": "function", "function": self.context.tools[name]} for name in tools if name in self.context.tools
        ]
        if definitions:
            agent["tool_definitions"] = definitions
        ours: dict[str, Any] = {
            "attempt_id": trajectory.attempt,
            "task": {k: v for k, v in (first.task if first else {}).items() if k != "source"},
            "sandbox": dict(first.sandbox) if first else {},
            "patch": trajectory.patch,
            "ended": last is not None,
        }
        if last is not None:
            ours |= {"status": last.status, "detail": last.detail, "steps": last.steps, "duration": last.duration}
        verdict = self.context.verdict(trajectory)
        if verdict is not None:
            ours["verdict"] = {"resolved": verdict.resolved, "status": verdict.status}
            ours["reward"] = 1.0 if verdict.resolved else 0.0
        usage = last.usage if last else None
        metrics: dict[str, Any] = {"total_steps": len(self.steps)}
        if usage is not None:
            metrics["total_prompt_tokens"] = usage.prompt_tokens
            metrics["total_completion_tokens"] = usage.completion_tokens
            metrics["total_cached_tokens"] = usage.cached_tokens
            if usage.cost is not None:
                metrics["total_cost_usd"] = usage.cost
        return {
            "schema_version": VERSION,
            "session_id": trajectory.attempt or "unknown",
            "trajectory_id": trajectory.attempt or "unknown",
            "agent": agent,
            "steps": self.steps or [{"step_id": 1, "source": "system", "message": ""}],
            "final_metrics": metrics,
            **self._subagents(),
            "extra": {OURS: ours},
        }

    def _subagents(self) -> dict[str, Any]:
        if not self.embedded:
            return {}
        made = [each.document() for each in self.embedded]
        self.notes += [note for each in self.embedded for note in each.notes]
        return {"subagent_trajectories": made}


def _agent_step(turn: Turn, reply: ModelReplied) -> dict[str, Any]:
    """A reply with its actions and what they led to: one step of ATIF."""
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    facts: list[dict[str, Any]] = []
    thoughts: list[str] = []
    taken: set[str] = set()

    def add(observed: Observed, answers: dict[str, str]) -> None:
        results.append({**answers, "content": observed.text})
        fact = {"ok": observed.ok, "code": observed.code, "data": dict(observed.data)}
        facts.append({**fact, "duration": observed.duration, "changed": observed.changed})

    pairs = turn.pairs()
    for number, (action, observed) in enumerate(pairs, 1):
        id = action.call.id or f"call_{reply.step}_{number}"
        while id in taken:
            id = f"{id}_{number}"
        taken.add(id)
        calls.append({"tool_call_id": id, "function_name": action.call.name, "arguments": dict(action.call.arguments)})
        thoughts.append(action.thought)
        if observed is not None:
            add(observed, {"source_call_id": id})
    # Other agents record what became of a call that was never made an action.
    for observed in turn.observations:
        if all(observed is not known for _, known in pairs):
            add(observed, {})
    ours: dict[str, Any] = {"finish_reason": reply.finish_reason, "duration": reply.duration}
    if reply.retries:
        ours["retries"] = reply.retries
    if reply.tool_calls:
        ours["tool_calls"] = [dict(call) for call in reply.tool_calls]
    if facts:
        ours["results"] = facts
    if any(thought != (reply.content if n == 0 else "") for n, thought in enumerate(thoughts)):
        ours["thoughts"] = thoughts
    patch = next((event.patch for event in reversed(turn.events) if isinstance(event, PatchChanged)), None)
    if patch is not None:
        ours["patch"] = patch
    step: dict[str, Any] = {"step_id": _UNNUMBERED, **_time(reply), "source": "agent"}
    if reply.model:
        step["model_name"] = reply.model
    step["message"] = reply.content
    if reply.reasoning:
        step["reasoning_content"] = reply.reasoning
    if calls:
        step["tool_calls"] = calls
    if results:
        step["observation"] = {"results": results}
    return {**step, "metrics": _metrics(reply.usage), "extra": {OURS: ours}}


def _subagent_step(event: SubagentReplied) -> dict[str, Any]:
    """The call of a sub-agent that uses no tools: its answer, and beside it what it was asked."""
    step: dict[str, Any] = {"step_id": _UNNUMBERED, **_time(event), "source": "agent"}
    if event.model:
        step["model_name"] = event.model
    asked = {"key": event.key, "purpose": event.purpose, "messages": event.messages, "settings": event.settings}
    ours = {"subagent": asked, "finish_reason": event.finish_reason, "duration": event.duration}
    return {**step, "message": event.content, "metrics": _metrics(event.usage), "extra": {OURS: ours}}


def _metrics(usage: Usage) -> dict[str, Any]:
    known = {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
    }
    return known if usage.cost is None else {**known, "cost_usd": usage.cost}


def _time(event: Event) -> dict[str, str]:
    """The time of an event, if it is known."""
    if not event.time:
        return {}
    return {"timestamp": datetime.datetime.fromtimestamp(event.time, datetime.UTC).isoformat()}


def _is_embedded(trajectory: Trajectory) -> bool:
    return file_of(trajectory, FORMAT).get("container") == "embedded"


def _parent(trajectory: Trajectory) -> str:
    first = started(trajectory.events)
    return str(as_mapping(first.parent).get("attempt_id", "")) if first else ""
