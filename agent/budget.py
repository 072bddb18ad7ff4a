"""What an attempt may spend, and what it has spent."""

from __future__ import annotations

import time

from agent.config import LimitsConfig
from agent.status import Status
from trajectories.events import Usage


class AttemptOver(Exception):
    """The attempt ends here, for this reason.

    Args:
        status: Why.
        detail: One line for a user.
    """

    def __init__(self, status: Status, detail: str = "") -> None:
        super().__init__(detail)
        self.status, self.detail = status, detail


class Budget:
    """Counts what model calls use. What a child spends is spent from its parent too.

    Args:
        limits: The `limits` section.
        parent: The budget that this one is a share of.

    Attributes:
        waited: Seconds of pauses.
    """

    def __init__(self, limits: LimitsConfig, parent: Budget | None = None) -> None:
        self.limits, self.parent = limits, parent
        self.steps = 0
        self.usage = Usage()
        self.fresh_tokens = 0
        self.began = time.monotonic()
        self.waited = 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since it was made, pauses left out."""
        return time.monotonic() - self.began

    def pause(self, seconds: float) -> None:
        """Leave out what a person took, here and in the parent."""
        self.began += seconds
        self.waited += seconds
        if self.parent is not None:
            self.parent.pause(seconds)

    def go_on(self, elapsed: float) -> None:
        """Set the clock of an attempt that is resumed.

        Args:
            elapsed: Seconds that it took before.
        """
        self.began = time.monotonic() - elapsed

    def recall(self, usage: Usage) -> None:
        """Count one model call that is recorded; whoever shares out the parent's budget has counted it there."""
        self.steps += 1
        self.usage += usage
        self.fresh_tokens += usage.prompt_tokens - usage.cached_tokens + usage.completion_tokens

    def spend(self, usage: Usage) -> None:
        """Count one model call."""
        self.recall(usage)
        if self.parent is not None:
            self.parent.spend(usage)

    def check(self) -> None:
        """Raise :class:`AttemptOver` when a limit, this one's or its parent's, is reached."""
        limits = self.limits
        if self.steps >= limits.steps:
            raise AttemptOver(Status.STEP_LIMIT, f"{self.steps} steps (limits.steps)")
        if limits.tokens is not None and self.fresh_tokens >= limits.tokens:
            raise AttemptOver(Status.TOKEN_LIMIT, f"{self.fresh_tokens:,} tokens (limits.tokens)")
        if limits.cost is not None and (self.usage.cost or 0.0) >= limits.cost:
            raise AttemptOver(Status.COST_LIMIT, f"${self.usage.cost:.2f} (limits.cost)")
        if limits.time is not None and self.elapsed >= limits.time:
            raise AttemptOver(Status.TIME_LIMIT, f"{self.elapsed:.0f} seconds (limits.time)")
        if self.parent is not None:
            self.parent.check()
