"""The events of an attempt that is recorded, those of its trials among them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from pathlib import Path

from trajectories.events import Event
from trajectories.log import TrajectoryError, read_events
from trajectories.trees import is_tree, trials


def recorded(trajectory: Path) -> list[tuple[Event, bool]]:
    """What is recorded of an attempt so far: nothing if there is no such file, or none that can be read.

    Args:
        trajectory: The file of the attempt, or of the root of its tree.
    """
    if not trajectory.is_file():
        return []
    try:
        root = read_events(trajectory)
        paths = (
            [trial.path for trial in trials(root, trajectory.parent) if trial.path is not None] if is_tree(root) else []
        )
        return in_order(root, [read_events(path) for path in paths])
    except TrajectoryError:
        return []


def in_order(root: Sequence[Event], trials: Sequence[Sequence[Event]]) -> list[tuple[Event, bool]]:
    """Events in the order in which they happened, and whether each is of a trial."""

    def marked(events: Sequence[Event], of_trial: bool) -> Iterator[tuple[Event, bool]]:
        return ((event, of_trial) for event in events)

    sources = [marked(root, False), *(marked(events, True) for events in trials)]
    return list(heapq.merge(*sources, key=lambda pair: pair[0].time))
