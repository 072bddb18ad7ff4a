"""Attempts that a strategy spends: a root trajectory, and beside it one for each trial."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trajectories.events import AttemptEnded, AttemptStarted, Event, TrialEnded, TrialStarted
from trajectories.redact import MASK, Redactor

#: How the first event of a trial names what it is to the attempt that it is part of.
RELATION = "trial"
_DIRECTORY = "trials"


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial of an attempt.

    Attributes:
        name: Its path in the tree, such as ``2.1``.
        path: Its trajectory; ``None`` where that is gone.
        started: What it was given.
        ended: How it ended; ``None`` if it was cut off.
    """

    name: str
    path: Path | None
    started: TrialStarted
    ended: TrialEnded | None = None


def is_tree(events: Iterable[Event]) -> bool:
    """Whether the events are those of an attempt that a strategy spent."""
    return any(isinstance(event, TrialStarted) for event in events)


def trials(events: Iterable[Event], directory: Path) -> list[Trial]:
    """The trials of an attempt, in the order in which they began.

    Args:
        events: Those of the root.
        directory: Where its file is.
    """
    found: dict[str, Trial] = {}
    for event in events:
        if isinstance(event, TrialStarted):
            found[event.name] = Trial(event.name, trial_file(directory, event.trajectory), event)
        elif isinstance(event, TrialEnded) and (begun := found.get(event.name)):
            found[event.name] = Trial(event.name, begun.path, begun.started, event)
    return list(found.values())


def chosen(events: Iterable[Event], directory: Path) -> Trial | None:
    """The trial whose patch is the attempt's: of several the last, and of an attempt without an end none."""
    known = list(events)
    ended = next((event for event in reversed(known) if isinstance(event, AttemptEnded)), None)
    if ended is None:
        return None
    made = reversed(trials(known, directory))
    return next((trial for trial in made if trial.ended and trial.ended.patch == ended.patch), None)


def trial_file(directory: Path, named: str) -> Path | None:
    """The trajectory that a root names, if it is there and lies below the root: a record may be anyone's."""
    file = directory / named
    try:
        inside = file.resolve().parent.is_relative_to(directory.resolve() / _DIRECTORY)
        return file if inside and file.is_file() else None
    except (OSError, ValueError):
        return None


def root_of(path: Path) -> Path | None:
    """The root of a trial's tree, by its place ``<attempt>/trials/<name>/trajectory.jsonl``; ``None`` for others."""
    root = root_place(path)
    return root if path.parent.parent.name == _DIRECTORY and root.is_file() else None


def root_place(path: Path) -> Path:
    """Where the root of a trial's tree is, if the path is a trial's."""
    return path.parent.parent.parent / path.name


def is_trial(path: Path) -> bool:
    """Whether a trajectory is one of a strategy's trials, by its place."""
    return root_of(path) is not None


def begun_with(started: AttemptStarted, path: Path, redactor: Redactor) -> str:
    """The changes that a trial began with, as they were where that is known.

    They are the patch of an earlier trial. What is recorded lacks whatever looks like a secret, also in the lines
    around a change, without which it does not apply; the patch that is kept beside the earlier trial has it.

    Args:
        started: The first event of the trial.
        path: Its trajectory.
        redactor: The one through which it was recorded.
    """
    recorded = started.initial_patch
    if MASK not in recorded or not is_trial(path):
        return recorded
    for file in path.parent.parent.glob("*/patch.diff"):
        patch = file.read_bytes().decode("utf-8", "surrogateescape")
        if redactor.text(patch) == recorded:
            return patch
    return recorded


def names_its_root(started: AttemptStarted | None) -> str:
    """The id of the attempt that a trial is part of, as its first event says it; ``""`` for what is no trial."""
    parent = (started.parent if started else None) or {}
    return str(parent.get("attempt_id") or "") if parent.get("relation") == RELATION else ""
