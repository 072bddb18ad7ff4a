"""What a person takes is not the attempt's time."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

from agent.budget import Budget
from agent.formats.base import ParsedCall
from agent.human.base import Companion, Review


class OffTheClock:
    """A companion whose time does not count for an attempt.

    Args:
        companion: Who is beside it.
        budget: The attempt's, whose clock stands still meanwhile.
    """

    def __init__(self, companion: Companion, budget: Budget) -> None:
        self._companion, self._budget = companion, budget
        self._waited = 0.0

    def review(self, parsed: ParsedCall, thought: str) -> Review:
        """See :class:`~agent.human.base.Companion`."""
        with self._paused():
            return self._companion.review(parsed, thought)

    def remark(self) -> str:
        """See :class:`~agent.human.base.Companion`."""
        with self._paused():
            return self._companion.remark()

    def waited(self) -> float:
        """Seconds since it was last asked for, to be recorded with the next event."""
        waited, self._waited = self._waited, 0.0
        return round(waited, 3)

    @contextlib.contextmanager
    def _paused(self) -> Iterator[None]:
        if not self._companion.present:  # else what the scheduler takes would be recorded as somebody's time
            yield
            return
        began = time.monotonic()
        try:
            yield
        finally:
            waited = time.monotonic() - began
            self._budget.pause(waited)
            self._waited += waited
