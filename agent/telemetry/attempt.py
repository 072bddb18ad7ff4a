"""An attempt's events become spans; trials nest in their attempt.

The same code follows an attempt that runs and reads one that is recorded. A span is told when it is over. Its times are
those of the events, and its id comes from the attempt's id and the event's number, so that it is the same either way.
What one process did of an attempt is a span of its own: of an attempt that was resumed there are several, in one trace,
each with a link to the one before.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeGuard

from agent.telemetry.part import Part
from agent.telemetry.spans import Emit, Place, Span, Value
from trajectories.events import AttemptEnded, AttemptStarted, Event, Resumed, TrialEnded
from trajectories.trees import names_its_root


class AttemptSpans:
    """Follows an attempt, with the trials that a strategy makes of it.

    Args:
        place: Where it belongs.
        emit: Told of every span.
        keep: Whether spans say what was said.
        more: What else is known of the attempt.
    """

    def __init__(
        self, place: Place, emit: Emit, *, keep: bool = False, more: Mapping[str, Value] = MappingProxyType({})
    ) -> None:
        self._place, self._tell, self._keep, self._more = place, emit, keep, more
        self._root: Part | None = None
        self._trial: Part | None = None
        #: Whether a trial is to be gone on with, because the attempt is and the trial has not ended.
        self._trial_waits = False
        self._silent = False

    @property
    def begun(self) -> bool:
        """Whether it is known how the attempt began."""
        return self._root is not None

    def catch_up(self, events: Iterable[tuple[Event, bool]]) -> None:
        """Take in what earlier processes recorded, and told.

        Args:
            events: In the order in which they happened; and whether each is of a trial.
        """
        self._silent = True
        for event, of_trial in events:
            self.add(event, of_trial)
        self._silent = self._trial_waits = False

    def add(self, event: Event, of_trial: bool | None = None) -> None:
        """Go on by an event of the attempt or of a trial.

        Args:
            event: The event.
            of_trial: Whether it is of a trial; ``None``: found out by what came before.
        """
        if isinstance(event, AttemptStarted):
            self._begin(event)
        elif isinstance(event, Resumed):
            self._resume(event, self._trial_waits if of_trial is None else of_trial)
        elif isinstance(event, TrialEnded):
            self._trial = None
        part = self._trial if _runs(self._trial) and of_trial is not False else self._root
        if part is None or part.over:
            return
        part.add(event)
        if isinstance(event, AttemptEnded):
            if part is self._root and _runs(self._trial):
                self._trial.end()
            part.end(event)
            self._trial_waits = False

    def close(self) -> None:
        """This process has done with it: what is going on was cut off."""
        for part in (self._trial, self._root):
            if _runs(part):
                part.end()

    def _begin(self, started: AttemptStarted) -> None:
        if names_its_root(started) and _runs(self._root):
            self._trial = Part(started, self._root.inside, self._emit, self._keep, started.time)
            self._trial_waits = False
        else:
            self._root = Part(started, self._place, self._emit, self._keep, started.time, self._more)

    def _resume(self, event: Resumed, of_trial: bool) -> None:
        if of_trial and self._trial is not None and _runs(self._root):
            if not self._trial.over:
                self._trial.end()
            self._trial = self._trial.resumed(event, self._root.inside)
            self._trial_waits = False
            return
        self.close()
        if self._root is None:  # what was recorded before is out of reach
            unknown = AttemptStarted(attempt_id=secrets.token_hex(8), time=event.time, model=event.model)
            self._root = Part(unknown, self._place, self._emit, self._keep, event.time, self._more)
        else:
            self._root = self._root.resumed(event, self._place)
        self._trial_waits = self._trial is not None

    def _emit(self, span: Span) -> None:
        if not self._silent:
            self._tell(span)


def _runs(part: Part | None) -> TypeGuard[Part]:
    return part is not None and not part.over
