"""The value of a step: the share of continuations from it that resolve the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class StepValue:
    """What forks say about a step.

    Attributes:
        attempt_id: The attempt that was forked.
        step: Its step.
        resolved: Forks that resolve the task.
        judged: Forks with a verdict on their patch; those that the infrastructure broke say nothing.
    """

    attempt_id: str
    step: int
    resolved: int
    judged: int

    @classmethod
    def of(cls, attempt_id: str, step: int, verdicts: Sequence[bool | None]) -> StepValue:
        """Of verdicts; ``None`` stands for none."""
        judged = [verdict for verdict in verdicts if verdict is not None]
        return cls(attempt_id, step, sum(judged), len(judged))

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; ``None`` where nothing was judged."""
        return self.resolved / self.judged if self.judged else None

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the share (Wilson)."""
        from tasks.metrics import wilson_interval

        return wilson_interval(self.resolved, self.judged)

    def as_json(self) -> dict[str, Any]:
        """For ``--json`` and ``value.json``."""
        low, high = self.interval
        return {
            "attempt_id": self.attempt_id,
            "step": self.step,
            "resolved": self.resolved,
            "judged": self.judged,
            "value": self.value,
            "low": low,
            "high": high,
        }

    def __str__(self) -> str:
        if self.value is None:
            return f"value of step {self.step}: unknown, no fork was judged"
        low, high = self.interval
        of = f"{self.resolved} of {self.judged} forks resolve the task"
        return f"value of step {self.step}: {self.value:.2f} ({of}; 95 % interval {low:.2f} to {high:.2f})"
