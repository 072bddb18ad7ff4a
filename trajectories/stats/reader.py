"""Reads trajectories for statistics: many and fast, so without building an event object for every line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NotRequired

from pydantic import Field, TypeAdapter
from typing_extensions import TypedDict

from trajectories.events import SchemaVersion, Time
from trajectories.log import TrajectoryError, reason
from trajectories.stats.commands import command_of, writes_files
from trajectories.trees import trial_file

#: Sums of them fit the 64 bits of a table, and JSON can say them.
Count = Annotated[int, Field(ge=-(2**53), le=2**53)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Event(TypedDict):
    """What is read of any event."""

    type: str
    time: NotRequired[Time | None]


class _Sandbox(TypedDict, total=False):
    workdir: str | None


class _Usage(TypedDict, total=False):
    prompt_tokens: Count | None
    completion_tokens: Count | None
    cached_tokens: Count | None
    cost: Finite | None


class _Call(TypedDict, total=False):
    id: str | None
    name: str | None
    arguments: dict[str, Any] | None


class _Fields(_Event, total=False):
    """What is read of the events that count. A field means the same in each of them, and may be absent or null."""

    attempt_id: str | None
    call: _Call | None
    call_id: str | None
    changed: bool | None
    code: str | None
    data: dict[str, Any] | None
    detail: str | None
    duration: Finite | None
    foreign: Any
    model: str | None
    name: str | None
    ok: bool | None
    patch: str | None
    purpose: str | None
    retries: Count | None
    sandbox: _Sandbox | None
    schema_version: SchemaVersion | None
    status: str | None
    step: Count | None
    steps: Count | None
    task: dict[str, Any] | None
    text: str | None
    trajectory: str | None
    usage: _Usage | None


_event: TypeAdapter[Any] = TypeAdapter(_Event)
_fields: TypeAdapter[_Fields] = TypeAdapter(_Fields)


@dataclass(slots=True)
class Action:
    """One action and what came of it.

    Attributes:
        tool: Name of the tool; ``""`` where only an observation is recorded.
        arguments: Its arguments.
        text: The observation; ``""`` if the attempt ended before it.
        ok: Whether the tool did what was asked.
        code: Why not.
        data: The tool's facts.
        seconds: Time that it took.
        time: Seconds since the epoch when the observation was recorded; 0 when unknown.
        changed: Whether it changed files.
        observed: Whether its observation is recorded.
    """

    tool: str = ""
    arguments: dict[str, Any] = field(default_factory=dict)
    call_id: str = ""
    text: str = ""
    ok: bool = True
    code: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    time: float = 0.0
    changed: bool = False
    observed: bool = False


@dataclass(slots=True)
class Step:
    """One model call with its actions.

    Attributes:
        number: From 1.
        trial: The trial that it is part of, where a strategy made some; ``""`` for the attempt itself.
        purpose: What a call of a sub-agent without tools was for; ``""`` for the step of an agent.
        cost: US dollars; ``None`` when no price is known.
        seconds: Time of the model call.
        correction: What kind of malformed action the reply was; ``""`` if it was well formed.
        nudged: Whether the agent was told that it repeats itself.
    """

    number: int
    model: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    cost: float | None = None
    seconds: float = 0.0
    retries: int = 0
    correction: str = ""
    nudged: bool = False
    trial: str = ""
    purpose: str = ""
    actions: list[Action] = field(default_factory=list)


@dataclass(slots=True)
class Recorded:
    """One attempt as its trajectory has it.

    Attributes:
        path: The trajectory file.
        task: What the first event says of the task.
        workdir: Where the repository stood in the sandbox; ``""`` when unknown.
        status: Why it ended; ``""`` if the trajectory has no end.
        patch: The last patch known.
        usage: The sums that the last event states.
        seconds: Wall time: as stated at the end, else between the first and the last event.
        condensed: How often old observations left the prompt.
        trials: The patches that a strategy's trials ended with, in their order; ``""`` for one that did not end.
        imported: Whether another agent recorded it.
    """

    path: Path
    attempt_id: str = ""
    task: dict[str, Any] = field(default_factory=dict)
    model: str = ""
    workdir: str = ""
    status: str = ""
    detail: str = ""
    patch: str = ""
    steps: list[Step] = field(default_factory=list)
    stated_steps: int = 0
    usage: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    condensed: int = 0
    trials: list[str] = field(default_factory=list)
    imported: bool = False


def read_attempt(path: Path) -> Recorded:
    """Read one trajectory; a torn last line and events of unknown types are passed over.

    Raises:
        TrajectoryError: It cannot be read, is empty, or a line before the last is not an event, or one with a field of
            the wrong type.
    """
    recorded = Recorded(path)
    times = [0.0, 0.0]
    seen = False
    for event in _lines(path):
        seen = True
        time = event.get("time") or 0.0
        times = [times[0] or time, time or times[1]]
        take = _TAKE.get(event["type"])
        if take is not None:
            take(recorded, event)
    if not seen:
        raise TrajectoryError(f"{path} holds no event; is it a trajectory?")
    recorded.seconds = recorded.seconds or times[1] - times[0]
    if recorded.imported:
        _guess_changes(recorded)
    return recorded


def _guess_changes(recorded: Recorded) -> None:
    """Other agents' records do not say whether a shell command changed files; its text tells mostly."""
    for step in recorded.steps:
        for action in step.actions:
            action.changed = action.changed or (action.ok and writes_files(command_of(action.arguments)))


def _lines(path: Path) -> Iterator[_Fields]:
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):  # the writer was killed in the middle of it
                    return
                try:
                    data = json.loads(line)
                    event: _Fields = _event.validate_python(data)
                    if event["type"] in _TAKE:
                        event = _fields.validate_python(data)
                except (ValueError, RecursionError) as error:
                    raise TrajectoryError(
                        f"{path}:{number} is not an event of a trajectory ({reason(error)})"
                    ) from None
                yield event
    except OSError as error:
        raise TrajectoryError(f"cannot read {path}: {error.strerror}") from None


def _step(recorded: Recorded, event: _Fields) -> Step:
    """The step that an event belongs to, made where its model call is not recorded."""
    number = event.get("step") or 0
    if recorded.steps and (number == recorded.steps[-1].number or not number):
        return recorded.steps[-1]
    recorded.steps.append(Step(number or 1))
    return recorded.steps[-1]


def _started(recorded: Recorded, event: _Fields) -> None:
    recorded.attempt_id = event.get("attempt_id") or ""
    recorded.task = event.get("task") or {}
    recorded.model = event.get("model") or ""
    recorded.imported = "foreign" in event
    recorded.workdir = (event.get("sandbox") or {}).get("workdir") or ""


def _replied(recorded: Recorded, event: _Fields) -> None:
    usage = event.get("usage") or {}
    recorded.steps.append(
        Step(
            number=event.get("step") or len(recorded.steps) + 1,
            model=event.get("model") or "",
            prompt_tokens=usage.get("prompt_tokens") or 0,
            completion_tokens=usage.get("completion_tokens") or 0,
            cached_tokens=usage.get("cached_tokens") or 0,
            cost=usage.get("cost"),
            seconds=event.get("duration") or 0.0,
            retries=event.get("retries") or 0,
            purpose=event.get("purpose") or "",
        )
    )


def _acted(recorded: Recorded, event: _Fields) -> None:
    call = event.get("call") or {}
    action = Action(call.get("name") or "", call.get("arguments") or {}, call.get("id") or "")
    _step(recorded, event).actions.append(action)


def _observed(recorded: Recorded, event: _Fields) -> None:
    actions = _step(recorded, event).actions
    waiting = [action for action in actions if not action.observed]
    call_id = event.get("call_id") or ""
    action = next((each for each in waiting if each.call_id == call_id), waiting[0] if waiting else None)
    if action is None:
        action = Action()
        actions.append(action)
    action.observed = True
    action.text = event.get("text") or ""
    action.ok = bool(event.get("ok", True))
    action.code = event.get("code") or ""
    action.data = event.get("data") or {}
    action.seconds = event.get("duration") or 0.0
    action.time = event.get("time") or 0.0
    action.changed = bool(event.get("changed"))


def _told(recorded: Recorded, event: _Fields) -> None:
    if event.get("purpose") == "correction":
        _step(recorded, event).correction = event.get("code") or "malformed"
    elif event.get("purpose") == "nudge":
        _step(recorded, event).nudged = True


def _patched(recorded: Recorded, event: _Fields) -> None:
    recorded.patch = event.get("patch") or ""


def _condensed(recorded: Recorded, event: _Fields) -> None:
    recorded.condensed += 1


def _ended(recorded: Recorded, event: _Fields) -> None:
    recorded.status = event.get("status") or "unknown"
    recorded.detail = event.get("detail") or ""
    recorded.patch = event.get("patch") or ""
    recorded.stated_steps = event.get("steps") or 0
    recorded.usage = dict(event.get("usage") or {})
    recorded.seconds = event.get("duration") or 0.0


def _tried(recorded: Recorded, event: _Fields) -> None:
    """The steps of a trial, which has a trajectory of its own; one that was lost has none."""
    recorded.trials.append("")
    file = trial_file(recorded.path.parent, event.get("trajectory") or "")
    if file is None:
        return
    trial = read_attempt(file)
    for step in trial.steps:
        step.trial = event.get("name") or ""
    recorded.steps.extend(trial.steps)
    recorded.condensed += trial.condensed
    recorded.workdir = recorded.workdir or trial.workdir


def _tried_out(recorded: Recorded, event: _Fields) -> None:
    if recorded.trials:
        recorded.trials[-1] = event.get("patch") or ""


def _resumed(recorded: Recorded, event: _Fields) -> None:
    recorded.status = recorded.detail = ""
    recorded.seconds = 0.0


_TAKE = {
    "attempt_started": _started,
    "message": _told,
    "model_replied": _replied,
    "action": _acted,
    "observation": _observed,
    "patch_changed": _patched,
    "condensed": _condensed,
    "attempt_ended": _ended,
    "resumed": _resumed,
    "trial_started": _tried,
    "trial_ended": _tried_out,
    "subagent_replied": _replied,
}
