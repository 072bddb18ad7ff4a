"""Replay of an attempt that a strategy spent: each trial from its own beginning, one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from agent.progress import Voice
from agent.reopen import read_recorded, trajectory_file
from agent.replay.player import Result
from agent.replay.run import Pause, Replayed, ReplayRequest, replay
from trajectories.trees import Trial, is_tree, trials


@dataclass(frozen=True)
class TreeReplayed:
    """What the replay of all trials showed.

    Attributes:
        trials: The trials by name, in the order in which they began.
        missing: Trials whose trajectories are gone.
    """

    trials: dict[str, Replayed]
    missing: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether nothing differs but by chance."""
        return all(each.equal for each in self.trials.values())

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        told = {name: each.as_json() for name, each in self.trials.items()}
        return {"equal": self.equal, "trials": told, "missing": list(self.missing)}


def trials_to_play(trajectory: Path) -> list[Trial]:
    """The trials of an attempt, in the order in which they began; none where it is no strategy's.

    Raises:
        UsageError: There is no trajectory.
    """
    events = read_recorded(trajectory).events
    return trials(events, trajectory_file(trajectory).parent) if is_tree(events) else []


def replay_tree(
    request: ReplayRequest,
    found: list[Trial],
    voice: Voice,
    *,
    pause: Pause = lambda entry, player: True,
    listener: Callable[[Result], None] = lambda result: None,
) -> TreeReplayed:
    """Replay the trials of an attempt, each in a sandbox of its own that is as it was when the trial began.

    What plain code and sub-agents did between the trials is not done again: no file of a trial comes from it but the
    changes that it began with, which are recorded.

    Args:
        request: What is asked; the trajectories of the replays go to a directory each, by the trial's name.
        found: The trials.
        voice: Told what is waited for.
        pause: Asked before every action; where it says no, nothing more is replayed.
        listener: Told of every result.

    Raises:
        UsageError: No trial has a trajectory, ``until`` is given, or a repository cannot be found.
        InfrastructureError: A sandbox cannot be had, or was lost.
    """
    there = {trial.name: trial.path for trial in found if trial.path is not None}
    missing = tuple(trial.name for trial in found if trial.path is None)
    if not there:
        raise UsageError(f"{request.trajectory}: its trials are not here, so nothing can be replayed")
    if request.until is not None:
        names = ", ".join(str(path.parent) for path in there.values())
        raise UsageError(f"--until: steps are counted by trial, so name the trial: {names}")
    voice.say(f"an attempt of {len(found)} trials: each is replayed from its own beginning")
    for name in missing:
        voice.say(f"trial {name} is left out: its trajectory is not here", "yellow")
    played: dict[str, Replayed] = {}
    for name, path in there.items():
        voice.say(f"trial {name}", "bold")
        output = request.output / name if request.output is not None else None
        one = replace(request, trajectory=path, output=output)
        played[name] = replay(one, voice, pause=pause, listener=listener)
        if played[name].patch is None:  # stopped before its end
            break
    return TreeReplayed(played, missing)
