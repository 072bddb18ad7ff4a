"""A provider's limits: so many requests and tokens a minute, else 429 and a time to come again."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

#: Seconds of a refusal.
REFUSAL = 0.1


@dataclass(frozen=True)
class Limits:
    """What a provider allows; ``inf`` for no limit.

    Attributes:
        requests: Requests a minute.
        tokens: Tokens a minute, read and written; those from the cache do not count.
        burst: Seconds whose allowance may be used at once.
    """

    requests: float = math.inf
    tokens: float = math.inf
    burst: float = 60.0


@dataclass
class Allowance:
    """What is left of a provider's limits: two buckets that fill all the time, as Anthropic and others describe theirs.

    Args:
        limits: The limits.
        clock: Says what time it is, in seconds.

    Attributes:
        accepted: Requests that were let in.
        refused: Requests that were not.
    """

    limits: Limits
    clock: Callable[[], float]
    accepted: int = 0
    refused: int = 0
    _left: dict[str, float] = field(default_factory=dict)
    _seen: float = 0.0

    def __post_init__(self) -> None:
        self._left = {name: self._most(name) for name in ("requests", "tokens")}
        self._seen = self.clock()

    def ask(self, tokens: float) -> float:
        """Let a request in.

        Args:
            tokens: Tokens that count.

        Returns:
            0, or the seconds after which to come again, as ``Retry-After`` says it: whole, and one at least.
        """
        now = self.clock()
        wait = 0.0
        for name, wanted in (("requests", 1.0), ("tokens", tokens)):
            rate = getattr(self.limits, name) / 60
            if math.isinf(rate):
                continue
            most = self._most(name)
            self._left[name] = min(most, self._left[name] + (now - self._seen) * rate)
            lacking = min(wanted, most) - self._left[name]  # what is more than fits is let in when all is there
            wait = max(wait, lacking / rate)
        self._seen = now
        if wait > 1e-9:
            self.refused += 1
            return max(1.0, math.ceil(wait))
        self.accepted += 1
        self._left["requests"] -= 1
        self._left["tokens"] -= tokens
        return 0.0

    def _most(self, name: str) -> float:
        most: float = getattr(self.limits, name) / 60 * self.limits.burst
        return max(most, 1.0)
