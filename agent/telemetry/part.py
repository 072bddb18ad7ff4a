"""What one process did of an attempt becomes spans: its steps, the model's calls, the tools."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from agent.status import Status
from agent.strategies import SINGLE
from agent.telemetry import content
from agent.telemetry.conventions import in_process, of_model, of_request, of_usage
from agent.telemetry.spans import Emit, Place, Span, Value, span_id
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Condensed,
    Evaluated,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Resumed,
    SubagentReplied,
    Usage,
)
from trajectories.trees import RELATION, names_its_root


class _Step:
    """A step that is going on."""

    def __init__(self, reply: ModelReplied, id: int, start: float) -> None:
        self.id, self.start, self.end = id, start, reply.time
        self.attributes: dict[str, Value] = {"patchwright.step.number": reply.step}

    def told(self, message: Message) -> None:
        """Something that the agent was told because of what it did, by its kind."""
        if message.purpose in ("correction", "nudge"):
            self.attributes[f"patchwright.step.{message.purpose}"] = message.code or message.purpose


class Part:
    """One attempt of the loop, or the root of a strategy's tree, as far as one process did it.

    Args:
        started: Its first event.
        place: Where it belongs.
        emit: Told of spans.
        keep: Whether spans say what was said.
        begun: When this process began with it.
        more: What else is known of it.
        part: How often it was resumed before.
    """

    def __init__(
        self,
        started: AttemptStarted,
        place: Place,
        emit: Emit,
        keep: bool,
        begun: float,
        more: Mapping[str, Value] = MappingProxyType({}),
        part: int = 0,
    ) -> None:
        self.over = False
        self._started, self._place, self._emit, self._keep = started, place, emit, keep
        self._more, self._part = more, part
        self._id = self._part_id(part)
        self._last = self._begun = begun
        self._model: dict[str, Any] = started.config.get("model") or {}
        self._name = started.model
        self._step: _Step | None = None
        self._action: ActionTaken | None = None
        self._said: list[Message | Observed] = []
        self._usage = Usage(cost=None)
        self._steps = self._condensed = 0

    def resumed(self, event: Resumed, place: Place) -> Part:
        """The next part of the same attempt, by another process."""
        begun = event.time - event.duration
        part = Part(self._started, place, self._emit, self._keep, begun, self._more, self._part + 1)
        part._name = event.model or self._name
        part._action = self._action
        return part

    @property
    def inside(self) -> Place:
        """Where spans within this one belong."""
        return Place(self._place.trace, self._id)

    def add(self, event: Event) -> None:
        """Go on by an event of it."""
        if isinstance(event, ModelReplied):
            self._end_step()
            self._replied(event)
        elif isinstance(event, SubagentReplied):
            self._asked(event)
        elif isinstance(event, Evaluated):
            start = event.time - event.duration
            facts: dict[str, Value] = {"patchwright.evaluation.checks": len(event.checks)}
            if event.passed is not None:
                facts["patchwright.evaluation.passed"] = event.passed
            self._tell("evaluate", event, start, facts)
        elif isinstance(event, Condensed):
            self._condensed += 1
        elif isinstance(event, Message):
            self._keep_said(event)
            if self._step is not None:
                self._step.told(event)
        elif isinstance(event, ActionTaken):
            self._action = event
        elif isinstance(event, Observed):
            self._observed(event)
        elif isinstance(event, PatchChanged) and self._step is not None:
            self._step.attributes["patchwright.step.changed"] = True
        if self._step is not None and not isinstance(event, ModelReplied):
            self._step.end = event.time
        self._last = max(self._last, event.time)

    def end(self, ended: AttemptEnded | None = None) -> None:
        """It is over, or this process has done with it.

        Args:
            ended: Its last event; ``None`` if it was cut off without one.
        """
        self._end_step()
        self.over = True
        status = ended.status if ended is not None else str(Status.INTERRUPTED)
        facts = self._facts() | of_usage(self._usage)
        facts |= {
            "patchwright.attempt.status": status,
            "patchwright.attempt.steps": self._steps,
            "patchwright.attempt.condensed": self._condensed,
        }
        if ended is not None:
            facts["patchwright.patch.bytes"] = len(ended.patch.encode("utf-8", "surrogateescape"))
        self._emit(
            Span(
                name=self._title,
                place=self._place,
                id=self._id,
                start=self._begun,
                end=max(self._last, self._begun),
                attributes=facts,
                error=status if Status.of(status).infrastructure else "",
                links=((self._place.trace, self._part_id(self._part - 1)),) if self._part else (),
            )
        )

    def _part_id(self, part: int) -> int:
        return span_id(self._started.attempt_id, "part", part)

    @property
    def _strategy(self) -> str:
        config = self._started.config.get("agent") or {}
        return str(config.get("strategy") or SINGLE)

    @property
    def _is_tree(self) -> bool:
        return self._strategy != SINGLE and not names_its_root(self._started)

    @property
    def _title(self) -> str:
        return f"invoke_workflow {self._strategy}" if self._is_tree else "invoke_agent patchwright"

    def _facts(self) -> dict[str, Value]:
        started = self._started
        facts: dict[str, Value] = {
            "gen_ai.operation.name": "invoke_workflow" if self._is_tree else "invoke_agent",
            "gen_ai.agent.name": "patchwright",
            "gen_ai.agent.version": str(started.versions.get("patchwright", "")),
            "gen_ai.conversation.id": started.attempt_id,
            **of_model(self._name, self._model),
            **of_request(self._model, {}),
            "patchwright.task.id": str(started.task.get("id") or ""),
            "patchwright.attempt.id": started.attempt_id,
            "patchwright.attempt.part": self._part,
            "patchwright.sandbox.kind": str(started.sandbox.get("kind") or ""),
            **self._more,
        }
        if image := started.sandbox.get("image"):
            facts["patchwright.sandbox.image"] = str(image)
        if started.action_format:
            facts["patchwright.action_format"] = started.action_format
        if self._is_tree:
            facts["gen_ai.workflow.name"] = self._strategy
        parent = started.parent or {}
        if parent.get("relation") == RELATION:
            facts["patchwright.trial.name"] = str(parent.get("trial") or "")
        return facts

    def _replied(self, event: ModelReplied) -> None:
        start = max(event.time - event.duration, self._begun)
        self._step = _Step(event, span_id(self._started.attempt_id, "step", event.seq), start)
        self._steps += 1
        said = content.of_reply(event, self._said) if self._keep else {}
        self._said = []
        self._chat(event, start, Place(self._place.trace, self._step.id), said)

    def _asked(self, event: SubagentReplied) -> None:
        said = content.of_subagent(event) if self._keep else {}
        facts: dict[str, Value] = {**said, "patchwright.purpose": event.purpose}
        self._chat(event, max(event.time - event.duration, self._begun), self.inside, facts)

    def _chat(self, event: ModelReplied | SubagentReplied, start: float, place: Place, more: dict[str, Value]) -> None:
        self._usage += event.usage
        answered = event.model or self._name
        facts: dict[str, Value] = {
            "gen_ai.operation.name": "chat",
            "gen_ai.conversation.id": self._started.attempt_id,
            **of_model(self._name, self._model),
            **of_request(self._model, event.settings),
            "gen_ai.response.model": answered,
            "gen_ai.response.finish_reasons": [event.finish_reason],
            **of_usage(event.usage),
            "patchwright.model.retries": event.retries,
            **more,
        }
        name, client = f"chat {self._name}", not in_process(self._name)
        id = span_id(self._started.attempt_id, "event", event.seq)
        self._emit(Span(name, place, id, start, event.time, facts, client))

    def _observed(self, event: Observed) -> None:
        self._keep_said(event)
        action, self._action = self._action, None
        name = action.call.name if action is not None else "_OTHER"
        facts: dict[str, Value] = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.type": "function",
        }
        if event.call_id:
            facts["gen_ai.tool.call.id"] = event.call_id
        if self._keep:
            facts |= content.of_tool(action, event)
        error = "" if event.ok else event.code or "_OTHER"
        start = max(event.time - event.duration, self._begun)
        self._tell(f"execute_tool {name}", event, start, facts, error)

    def _tell(self, name: str, event: Event, start: float, facts: dict[str, Value], error: str = "") -> None:
        above = self._step.id if self._step is not None else self._id
        id = span_id(self._started.attempt_id, "event", event.seq)
        place = Place(self._place.trace, above)
        self._emit(Span(name, place, id, start, event.time, facts, error=error))

    def _keep_said(self, event: Message | Observed) -> None:
        if self._keep:
            self._said.append(event)

    def _end_step(self) -> None:
        step, self._step = self._step, None
        if step is not None:
            place = Place(self._place.trace, self._id)
            self._emit(Span("step", place, step.id, step.start, step.end, step.attributes))
