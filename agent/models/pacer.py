"""A gate before a provider: when it tells one caller to wait, all wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pacer:
    """Holds callers back for as long as the provider asked for, and then lets them through one after the other until
    one of them was answered, so that it is not asked by all at the same moment again.

    Args:
        spacing: Seconds between two calls until then.
        clock: Says what time it is, in seconds.
    """

    def __init__(self, spacing: float = 0.2, clock: Callable[[], float] = time.monotonic) -> None:
        self._spacing, self._clock = spacing, clock
        self._lock = threading.Lock()
        self._open = True
        self._until = 0.0
        self._next = 0.0

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        with self._lock:
            self._open = False
            self._until = max(self._until, self._clock() + seconds)

    def turn(self) -> None:
        """Wait until a call may be made."""
        while wait := self.wait():
            time.sleep(wait)

    def answered(self) -> None:
        """A call was answered: whoever waits may go, unless the provider has asked another to wait since."""
        with self._lock:
            if not self._open and self._clock() >= self._until:
                self._open, self._next = True, 0.0

    def wait(self) -> float:
        """Seconds after which to ask again; 0: it is the caller's turn."""
        with self._lock:
            if self._open:
                return 0.0
            now = self._clock()
            wait = max(self._until, self._next) - now
            if wait > 0:
                return wait
            self._next = now + self._spacing
            return 0.0
