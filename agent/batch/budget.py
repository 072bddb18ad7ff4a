"""What a whole run may spend."""

from __future__ import annotations

import threading

from agent.batch.stop import Stop
from agent.budget import AttemptOver, Budget
from agent.config import LimitsConfig
from agent.status import Status
from trajectories.events import Usage


class RunBudget(Budget):
    """Counts what all attempts of a run use, and ends them when it is enough or when the run is stopped.

    Args:
        cost_limit: US dollars; ``None`` for no limit.
        stop: Set when the run is to be stopped.
    """

    def __init__(self, cost_limit: float | None, stop: Stop) -> None:
        super().__init__(LimitsConfig())
        self.cost_limit = cost_limit
        self._stop = stop
        self._lock = threading.Lock()

    def spend(self, usage: Usage) -> None:
        """Count one model call, or the sum of several that an earlier process made."""
        with self._lock:
            super().spend(usage)

    @property
    def exhausted(self) -> bool:
        """Whether nothing is left."""
        return self.cost_limit is not None and (self.usage.cost or 0.0) >= self.cost_limit

    def check(self) -> None:
        """Raise :class:`AttemptOver` when the run is stopped or has spent what it may."""
        if self._stop:
            raise AttemptOver(Status.INTERRUPTED, "interrupted")
        if self.exhausted:
            raise AttemptOver(Status.RUN_LIMIT, f"the run has spent ${self.usage.cost:.2f} (--cost-limit)")
