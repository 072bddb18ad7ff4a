"""Two runs on the same tasks: who resolved what, and whether the difference may be chance."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from tasks.metrics.outcome import Outcome, Share, first_counted


def mcnemar_exact(only_a: int, only_b: int) -> float:
    """The two-sided p-value of McNemar's exact test: how often chance alone parts two equals at least so far.

    Only the tasks that one of the two resolves say anything; under equality each of them falls to either with 1/2.
    McNemar, "Note on the sampling error of the difference between correlated proportions or percentages", Psychometrika
    12 (1947), with the binomial distribution in place of the chi-squared one, so that few tasks do no harm.

    Args:
        only_a: Tasks that only the first resolved.
        only_b: Tasks that only the second resolved.
    """
    trials = only_a + only_b
    tail = sum(math.comb(trials, i) for i in range(min(only_a, only_b) + 1))
    return float(min(1.0, 2 * tail / 2**trials))


@dataclass(frozen=True, slots=True)
class Paired:
    """Two runs, task by task. A task counts by its first counted attempt in each.

    Attributes:
        both: Tasks that both resolved.
        only_a: Tasks that only the first resolved.
        only_b: Tasks that only the second resolved.
        neither: Tasks that neither resolved.
        p_value: McNemar's, exact and two-sided.
        left_out: Tasks that are not compared, each with the reason.
        a: What the compared attempts of the first took: ``cost`` (``None`` if a price is unknown), ``steps``,
            ``tokens``, ``seconds``, summed.
        b: The same of the second.
    """

    both: tuple[str, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    neither: tuple[str, ...]
    p_value: float
    left_out: dict[str, str]
    a: dict[str, float | None]
    b: dict[str, float | None]

    @property
    def tasks(self) -> int:
        """How many tasks are compared."""
        return len(self.both) + len(self.only_a) + len(self.only_b) + len(self.neither)

    @property
    def resolved(self) -> tuple[Share, Share]:
        """What each resolved of the tasks compared."""
        return (
            Share(len(self.both) + len(self.only_a), self.tasks),
            Share(len(self.both) + len(self.only_b), self.tasks),
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return asdict(self)


def compare_outcomes(a: Iterable[Outcome], b: Iterable[Outcome]) -> Paired:
    """Compare two runs on the tasks that both have a verdict for."""
    rows_a, rows_b = list(a), list(b)
    chosen_a, chosen_b = first_counted(rows_a), first_counted(rows_b)
    cells: dict[tuple[bool, bool], list[str]] = {(x, y): [] for x in (True, False) for y in (True, False)}
    shared = sorted(chosen_a.keys() & chosen_b.keys())
    for task in shared:
        cells[bool(chosen_a[task].resolved), bool(chosen_b[task].resolved)].append(task)
    everything = sorted({row.task for row in rows_a} | {row.task for row in rows_b})
    return Paired(
        both=tuple(cells[True, True]),
        only_a=tuple(cells[True, False]),
        only_b=tuple(cells[False, True]),
        neither=tuple(cells[False, False]),
        p_value=mcnemar_exact(len(cells[True, False]), len(cells[False, True])),
        left_out={
            task: "; ".join(filter(None, (_why(rows_a, task, "A"), _why(rows_b, task, "B"))))
            for task in everything
            if task not in chosen_a or task not in chosen_b
        },
        a=_spent([chosen_a[task] for task in shared]),
        b=_spent([chosen_b[task] for task in shared]),
    )


def _why(rows: list[Outcome], task: str, name: str) -> str:
    """Why a run has no counted attempt on a task; ``""`` if it has one."""
    mine = [row for row in rows if row.task == task]
    if any(row.counted for row in mine):
        return ""
    if not mine:
        return f"not in {name}"
    failed = [row for row in mine if row.infrastructure]
    return f"infrastructure in {name} ({failed[0].verdict or failed[0].status})" if failed else f"no verdict in {name}"


def _spent(rows: list[Outcome]) -> dict[str, float | None]:
    costs = [row.cost for row in rows if row.cost is not None]
    return {
        "cost": sum(costs) if rows and len(costs) == len(rows) else None,
        "steps": sum(row.steps for row in rows),
        "tokens": sum(row.prompt_tokens + row.completion_tokens for row in rows),
        "seconds": sum(row.seconds for row in rows),
    }
