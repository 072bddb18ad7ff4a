"""Events as turns: a reply of the model, its actions, their observations and what was said to it after them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Event,
    Message,
    ModelReplied,
    Observed,
    Resumed,
)


@dataclass(frozen=True, slots=True)
class Turn:
    """Events from one reply up to the next; what precedes the first reply is a turn without one.

    Attributes:
        events: In the order of the trajectory.
    """

    events: tuple[Event, ...]

    @property
    def reply(self) -> ModelReplied | None:
        """The reply that began it."""
        first = self.events[0] if self.events else None
        return first if isinstance(first, ModelReplied) else None

    @property
    def actions(self) -> list[ActionTaken]:
        """The actions, in order."""
        return [event for event in self.events if isinstance(event, ActionTaken)]

    @property
    def observations(self) -> list[Observed]:
        """The observations, in order."""
        return [event for event in self.events if isinstance(event, Observed)]

    @property
    def messages(self) -> list[Message]:
        """What was said to the model: before the first reply, or after this one."""
        return [event for event in self.events if isinstance(event, Message)]

    def pairs(self) -> list[tuple[ActionTaken, Observed | None]]:
        """Each action with its observation, matched by call identifier where there is one, else by order."""
        left = self.observations
        matched: list[tuple[ActionTaken, Observed | None]] = []
        for action in self.actions:
            own = next((o for o in left if action.call.id and o.call_id == action.call.id), None)
            if own is None:
                own = next((o for o in left if not action.call.id or not o.call_id), None)
            if own is not None:
                left.remove(own)
            matched.append((action, own))
        return matched


def turns(events: Iterable[Event]) -> list[Turn]:
    """The turns of a trajectory, the opening first."""
    found: list[list[Event]] = [[]]
    for event in events:
        if isinstance(event, ModelReplied):
            found.append([])
        found[-1].append(event)
    return [Turn(tuple(group)) for group in found if group]


def started(events: Iterable[Event]) -> AttemptStarted | None:
    """The first event that says what is attempted."""
    return next((event for event in events if isinstance(event, AttemptStarted)), None)


def ended(events: Iterable[Event]) -> AttemptEnded | None:
    """The event that says how it ended, if it did and did not go on after it."""
    last = None
    for event in events:
        if isinstance(event, AttemptEnded):
            last = event
        elif isinstance(event, Resumed):
            last = None
    return last


def final_patch(events: Iterable[Event]) -> str:
    """The patch that an attempt left: the submitted one, or the last known."""
    patch = ""
    for event in events:
        if isinstance(event, AttemptEnded) or event.type == "patch_changed":
            patch = str(getattr(event, "patch", ""))
    return patch
