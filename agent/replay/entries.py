"""The actions of a trajectory, each with what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Event, Observed, PatchChanged


@dataclass
class Entry:
    """A recorded action.

    Attributes:
        number: From 1, over the whole attempt.
        action: The action.
        observed: What came of it; ``None``: the attempt ended before that was known.
        patch: The patch after it; ``None`` where the action changed no file.
    """

    number: int
    action: ActionTaken
    observed: Observed | None = None
    patch: str | None = None

    @property
    def step(self) -> int:
        """The step that it belongs to."""
        return self.action.step


def entries(events: Iterable[Event]) -> list[Entry]:
    """The actions in order, over all processes that worked on the attempt."""
    found: list[Entry] = []
    for event in events:
        if isinstance(event, ActionTaken):
            found.append(Entry(len(found) + 1, event))
        elif isinstance(event, Observed) and (entry := _answered(found, event)) is not None:
            entry.observed = event
        elif isinstance(event, PatchChanged) and found:
            found[-1].patch = event.patch
    return found


def _answered(found: list[Entry], observed: Observed) -> Entry | None:
    """The action that an observation answers: other agents record the actions of a reply before what came of them."""
    waiting = [entry for entry in found if entry.step == observed.step and entry.observed is None]
    named = (entry for entry in waiting if observed.call_id and entry.action.call.id == observed.call_id)
    return next(named, waiting[0] if waiting else None)


def final_patch(events: Iterable[Event], until: int | None = None) -> str:
    """The patch at the end, or at the end of a step."""
    patch = ""
    for event in events:
        if isinstance(event, AttemptStarted):
            patch = event.initial_patch
        reached = until is None or (isinstance(event, PatchChanged) and event.step <= until)
        if isinstance(event, PatchChanged | AttemptEnded) and reached:
            patch = event.patch
    return patch
