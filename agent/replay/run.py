"""From a trajectory to what its replay showed: the computer, the actions one by one, the patch at the end."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from aci_tools.session import Session
from aci_tools.tools import TOOLS, toolset
from agent.progress import Voice
from agent.reopen import Reopening, Where, read_recorded, recorded_config, say_withheld, trajectory_file
from agent.replay import foreign
from agent.replay.entries import Entry, entries, final_patch
from agent.replay.origin import locate, playing, with_workdir
from agent.replay.player import Kind, Player, Result, counts
from agent.resume import Recorded
from trajectories.events import AttemptEnded, Event, ModelReplied, Observed, PatchChanged, Resumed
from trajectories.forks import last_step
from trajectories.log import EventLog
from trajectories.redact import Redactor
from trajectories.trees import begun_with

#: Asked before every action; whether to go on.
Pause = Callable[[Entry, Player], bool]


@dataclass(frozen=True)
class ReplayRequest:
    """What ``agent replay`` was asked.

    Attributes:
        trajectory: The file, or the directory that it is in.
        where: Where its repository and its computer come from.
        until: Step after which to stop; ``None``: the end.
        output: Directory for the trajectory of the replay itself; ``None``: it is not kept.
    """

    trajectory: Path
    where: Where = field(default_factory=Where)
    until: int | None = None
    output: Path | None = None


@dataclass(frozen=True)
class Replayed:
    """What a replay showed.

    Attributes:
        results: One for each action that was reached.
        patch: How the patch compares with the recorded one; ``None``: the replay was stopped before.
        patch_diff: A unified diff of the two patches.
        patch_now: The patch as it is now.
        notes: What was assumed, a sentence each.
    """

    results: list[Result]
    patch: Kind | None = None
    patch_diff: str = ""
    patch_now: str = ""
    notes: tuple[str, ...] = ()

    @property
    def divergence(self) -> Result | None:
        """The first action of which something else came; ``None`` where there is none."""
        return next((result for result in self.results if result.kind == "different"), None)

    @property
    def equal(self) -> bool:
        """Whether nothing differs but by chance."""
        return self.divergence is None and self.patch != "different"

    @property
    def counts(self) -> dict[str, int]:
        """How many actions there are of each kind."""
        return counts(self.results)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "actions": len(self.results),
            **self.counts,
            "patch": self.patch,
            "patch_diff": self.patch_diff,
            "divergence": self.divergence.as_json() if self.divergence else None,
            "results": [result.as_json() for result in self.results],
            "notes": list(self.notes),
        }


def replay(
    request: ReplayRequest,
    voice: Voice,
    *,
    pause: Pause = lambda entry, player: True,
    listener: Callable[[Result], None] = lambda result: None,
) -> Replayed:
    """Replay an attempt of the loop. Its trajectory is read, never written.

    What a strategy made of several trials is replayed by :func:`agent.replay.tree.replay_tree`.

    Args:
        request: What is asked.
        voice: Told what is waited for.
        pause: Asked before every action.
        listener: Told of every result.

    Raises:
        UsageError: It is no trajectory, or its repository cannot be found.
        InfrastructureError: The sandbox cannot be had, or was lost.
    """
    from aci_tools.sandbox.workspace import workspace

    recorded = read_recorded(request.trajectory, trust=request.where.trust)
    say_withheld(recorded, request.where, voice)
    check_step("--until", request.until, recorded)
    if request.output is not None and (request.output / "trajectory.jsonl").exists():
        raise UsageError(f"--output {request.output}: there is a trajectory already; choose another directory")
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(workspace())
        wanted, where = recorded_config(recorded.started.config), request.where
        notes: list[str] = []
        if foreign.format_of(recorded.started):
            recorded, where, notes = locate(recorded, where, scratch, voice)
            wanted = playing(with_workdir(wanted, recorded))
        reopening = Reopening(recorded, wanted, where, scratch, voice)
        begun = begun_with(recorded.started, trajectory_file(request.trajectory), Redactor.from_environment())
        player = _player(recorded, reopening, begun, stack)
        for note in notes:
            voice.say(note)
        replayed = _play(recorded, player, request.until, pause, listener)
        if request.output is not None:
            origin = str(trajectory_file(request.trajectory).resolve())
            _write(recorded, replayed, request.until, request.output, origin)
        voice.doing("removing the sandbox")
    return replace(replayed, notes=tuple(notes))


def check_step(option: str, step: int | None, recorded: Recorded, lowest: int = 1) -> None:
    """See that a step is one of an attempt.

    Raises:
        UsageError: It is not; the message says which there are.
    """
    last = last_step(recorded.events)
    if step is not None and not lowest <= step <= last:
        raise UsageError(f"{option} {step}: the attempt has the steps {lowest} to {last}")


def _player(recorded: Recorded, reopening: Reopening, initial_patch: str, stack: contextlib.ExitStack) -> Player:
    from agent.attempt import open_session

    config = reopening.config

    def open_one() -> Session:
        place = stack.enter_context(contextlib.closing(reopening.open()))
        failed = recorded.started.failed_patches
        return open_session(config, place.sandbox, place.task, place.base, initial_patch=initial_patch, failed=failed)

    root = str(recorded.started.sandbox.get("workdir") or "")
    redactor = Redactor.from_environment()
    begun = (recorded.started.parent or {}).get("imported") or {}
    if format := foreign.format_of(recorded.started) or begun.get("format"):
        player = foreign.ForeignPlayer(open_one(), list(TOOLS.values()), redactor, root)
        player.format, player.until = str(format), begun.get("steps")
        return player
    tools = toolset(recorded.started.tools or config.agent.tools)
    return Player(open_one(), tools, redactor, root, recorded.started.initial_patch, again=open_one)


def _play(
    recorded: Recorded, player: Player, until: int | None, pause: Pause, listener: Callable[[Result], None]
) -> Replayed:
    results: list[Result] = []
    for entry in entries(recorded.events):
        if until is not None and entry.step > until:
            break
        if not pause(entry, player):
            return Replayed(results)
        result = player.play(entry)
        results.append(result)
        listener(result)
    if until is not None and _ends_alone(recorded, until):
        return Replayed(results)
    kind, diff = player.patch(final_patch(recorded.events, until))
    return Replayed(results, kind, diff, player.redactor.text(player.session.patch_so_far or ""))


def _ends_alone(recorded: Recorded, until: int) -> bool:
    """Whether the record has no patch of a step: other agents record the one of the end only."""
    if not foreign.format_of(recorded.started) or any(isinstance(event, PatchChanged) for event in recorded.events):
        return False
    return until < last_step(recorded.events)


def _write(recorded: Recorded, replayed: Replayed, until: int | None, output: Path, origin: str) -> None:
    """Write the replay as a trajectory of its own: the recorded events, with the observations of now."""
    started = recorded.started
    parent = {"attempt_id": started.attempt_id, "seq": 0, "relation": "replay", "trajectory": origin}
    now = {result.entry.action.seq: result for result in replayed.results}
    left_out = _first_left_out(recorded, replayed, until)
    latest: Result | None = None
    with EventLog(output / "trajectory.jsonl") as log:
        log.append(started.model_copy(update={"attempt_id": secrets.token_hex(8), "parent": parent}))
        for event in recorded.events[1:]:
            if isinstance(event, ModelReplied) and left_out is not None and event.step >= left_out:
                break
            if isinstance(event, AttemptEnded):
                if event is not recorded.ended:  # it went on after it
                    continue
                if replayed.patch != "equal":
                    event = event.model_copy(update={"patch": replayed.patch_now})
            if event.type == "action":
                latest = now.get(event.seq)
                if latest is None:
                    break
            if (written := _now(event, latest)) is not None:
                log.append(written)


def _first_left_out(recorded: Recorded, replayed: Replayed, until: int | None) -> int | None:
    """The first step of which nothing was played, where the replay stopped before the end."""
    played = {result.entry.step for result in replayed.results}
    stops = [until + 1] if until is not None else []
    if (number := len(replayed.results)) < len(every := entries(recorded.events)):
        stops.append(every[number].step + (every[number].step in played))
    return min(stops, default=None)


def _now(event: Event, result: Result | None) -> Event | None:
    """An event as it would have been now; ``None``: it would not have been."""
    if isinstance(event, Resumed):
        return None
    if isinstance(event, Observed) and result is not None and result.now is not None:
        seen = result.now
        update = {"text": seen.text, "ok": seen.ok, "code": seen.code, "data": dict(seen.data), "done": seen.done}
        return event.model_copy(update={**update, "changed": result.changed})
    if isinstance(event, PatchChanged) and result is not None and result.patch is not None:
        return event.model_copy(update={"patch": result.patch})
    return event
