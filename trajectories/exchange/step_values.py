"""Values of steps, as forks measured them: the share of continuations from a step that resolve the task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trajectories.exchange.base import Context, Trajectory
from trajectories.exchange.turns import ended, started
from trajectories.stats.facts import INFRASTRUCTURE


@dataclass(frozen=True, slots=True)
class StepValue:
    """What forks say about a step.

    Attributes:
        step: The last step that they share with the attempt; 0: they share its opening only.
        model: What made the continuations.
        resolved: Forks that resolve the task.
        judged: Forks with a verdict on their patch.
    """

    step: int
    model: str
    resolved: int
    judged: int

    def as_json(self) -> dict[str, Any]:
        """With the share itself."""
        share = round(self.resolved / self.judged, 6)
        return {
            "step": self.step,
            "value": share,
            "resolved": self.resolved,
            "judged": self.judged,
            "model": self.model,
        }


def step_values(trajectories: Sequence[Trajectory], context: Context) -> tuple[dict[str, list[StepValue]], list[str]]:
    """The values of steps of the trajectories that others among them were forked from.

    As `agent fork` counts: a fork that the infrastructure ended, or could not judge, says nothing. A fork that goes on
    from something else than the attempt has at that step (a remark, another action, …) says nothing of that step.

    Returns:
        By the attempt's id, in the order of the steps; and notes on what is left out.
    """
    counts: dict[tuple[str, int, str], list[bool]] = {}
    unlike = 0
    attempts = {trajectory.attempt: trajectory for trajectory in trajectories}
    for trajectory in attempts.values():
        first, last = started(trajectory.events), ended(trajectory.events)
        parent = (first.parent if first else None) or {}
        origin, step = parent.get("attempt_id"), parent.get("step")
        if parent.get("relation") != "fork" or origin not in attempts or not isinstance(step, int):
            continue
        if parent.get("changed"):
            unlike += 1
            continue
        verdict = context.verdict(trajectory)
        if last is None or last.status in INFRASTRUCTURE or verdict is None or verdict.infrastructure:
            continue
        counts.setdefault((origin, step, trajectory.model), []).append(verdict.resolved)
    found: dict[str, list[StepValue]] = {}
    for (origin, step, model), resolved in sorted(counts.items()):
        found.setdefault(origin, []).append(StepValue(step, model, sum(resolved), len(resolved)))
    changed = f"{unlike} forks that change something at their step are not counted for its value"
    return found, [changed] if unlike else []
