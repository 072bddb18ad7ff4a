"""What a recorded attempt says about itself: whether it is over, of what task it is, with which settings it goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from agent.config import Config
from agent.config_files import load_config
from agent.status import Status
from tasks.task import Task
from trajectories.events import AttemptEnded, AttemptStarted, Event, Resumed
from trajectories.log import read_events
from trajectories.redact import MASK

#: Sections that may be given anew when an attempt is resumed; all else is as it was recorded.
_CHANGEABLE = ("limits", "model")


@dataclass(frozen=True)
class Recorded:
    """An attempt on disk.

    Attributes:
        started: Its first event.
        ended: How it ended, unless it was cut off or gone on with.
        events: All its events.
        withheld: Recorded settings that were left out because whoever wrote the file does not decide on them.
    """

    started: AttemptStarted
    ended: AttemptEnded | None
    events: Sequence[Event]
    withheld: tuple[str, ...] = ()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to go on with."""
        return self.ended is not None and not Status.of(self.ended.status).resumable

    @property
    def task(self) -> Task:
        """The task, as far as an agent may know it."""
        return Task.model_validate(self.started.task)


def read_attempt(trajectory: Path) -> Recorded | None:
    """The attempt of a trajectory file; ``None`` when there is none, or not even its first event is whole.

    Raises:
        UsageError: The file cannot be read, or is something else.
    """
    events = read_events(trajectory) if trajectory.exists() else []
    if not events:
        return None
    if not isinstance(events[0], AttemptStarted):
        raise UsageError(f"{trajectory} does not begin with the start of an attempt: it cannot be gone on with")
    ended: AttemptEnded | None = None
    for event in events:
        if isinstance(event, AttemptEnded):
            ended = event
        elif isinstance(event, Resumed):
            ended = None
    return Recorded(events[0], ended, events)


def resumed_config(recorded: Mapping[str, Any], settings: Sequence[str], flags: Mapping[str, Any]) -> Config:
    """The settings that an attempt goes on with: the recorded ones, and what is given anew of model and limits.

    Args:
        recorded: The configuration of the first event.
        settings: ``--set`` arguments.
        flags: Dotted keys with values; ``None`` values are left out.

    Raises:
        UsageError: Another section would change, or a secret is needed that is not recorded.
    """
    before = load_config(recorded=recorded)
    after = load_config(settings=settings, flags=flags, recorded=recorded)
    for section, values in after:
        was = getattr(before, section)
        changed = [key for key in type(values).model_fields if getattr(values, key) != getattr(was, key)]
        if changed and section not in _CHANGEABLE:
            raise UsageError(
                f"{section}.{changed[0]} cannot change in the middle of an attempt; only those of "
                f"{' and '.join(_CHANGEABLE)} can"
            )
        for key, value in values.model_dump(mode="json").items():
            if MASK in json.dumps(value):
                raise UsageError(f"{section}.{key} holds a secret, which is not recorded; give it again with --set")
    return after
