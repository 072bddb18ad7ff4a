"""Doing something after every one of many events, without its taking more and more of the time."""

from __future__ import annotations

import time
from collections.abc import Callable

_SHARE = 0.05  # of the time


class Seldom:
    """Does something at once, or leaves it to a later time: it never takes more than a twentieth of the time.

    A file that holds what came of every attempt is as long as the run: written after each of ten thousand attempts, the
    writing would take longer than the attempts.

    Args:
        do: What is done.
        clock: Tells the time in seconds.
    """

    def __init__(self, do: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._do, self._clock = do, clock
        self._not_before = float("-inf")
        self._due = False

    def ask(self) -> None:
        """Do it, if it was not done too shortly before."""
        self._due = True
        if self._clock() >= self._not_before:
            self.now()

    def now(self) -> None:
        """Do it."""
        self._due = False
        began = self._clock()
        self._do()
        ended = self._clock()
        self._not_before = ended + (ended - began) * (1 / _SHARE - 1)

    def at_last(self) -> None:
        """Do it if that was left to a later time."""
        if self._due:
            self.now()
