"""A gate before a provider: when it tells one caller to wait, all wait, and then go no faster than it takes them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: Each answer makes the time between two calls shorter by this factor, and what is refused makes it twice as long.
_QUICKER = 0.97
#: Seconds between two calls below which the gate is open.
_OPEN = 0.002
_LONGEST = 10.0
#: Refusals within so many seconds are of calls made together, and count once.
_TOGETHER = 1.0
#: Seconds after which a caller asks again at the latest, since the gate may be open by then.
_PATIENCE = 5.0


class Pacer:
    """Holds callers back for as long as the provider asked for. From then on it lets them through one after the other,
    a little faster with every answer and at half the speed when the provider refuses again, until they are so fast
    that it is open: so many callers find the speed that a provider allows, and few calls are refused.

    Args:
        spacing: Seconds between two calls after the first refusal.
        clock: Says what time it is, in seconds.
    """

    def __init__(self, spacing: float = 0.2, clock: Callable[[], float] = time.monotonic) -> None:
        self._first, self._clock = spacing, clock
        self._lock = threading.Lock()
        self._spacing = 0.0
        self._slowed = self._until = self._next = self._line = float("-inf")

    def hold(self, seconds: float) -> None:
        """Let nobody through for so long."""
        with self._lock:
            now = self._clock()
            if now >= max(self._until, self._slowed + _TOGETHER):
                self._spacing = min(self._spacing * 2, _LONGEST) if self._spacing else self._first
                self._slowed = now
            self._until = max(self._until, now + seconds)

    def turn(self) -> None:
        """Wait until a call may be made."""
        while wait := self.wait():
            time.sleep(wait)

    def answered(self) -> None:
        """A call was answered: others may go a little faster, unless the provider has asked one to wait since."""
        with self._lock:
            if self._clock() >= self._until:
                self._spacing *= _QUICKER
                if self._spacing < _OPEN:
                    self._spacing = 0.0

    def wait(self) -> float:
        """Seconds after which to ask again; 0: it is the caller's turn."""
        with self._lock:
            now = self._clock()
            earliest = max(self._until, self._next) if self._spacing else self._until
            if now >= earliest:
                self._next = now + self._spacing
                return 0.0
            # Callers are told times one after the other: those who all came at once would ask again all at once.
            at = max(earliest, min(self._line, now + _PATIENCE))
            self._line = at + self._spacing
            return at - now
