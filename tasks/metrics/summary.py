"""The summary of a run: what was resolved, how surely, at what cost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tasks.metrics.estimators import bootstrap_interval, n_at_k, pass_at_k, percentile
from tasks.metrics.outcome import Outcome, Share, first_counted


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean over tasks, such as pass@k.

    Attributes:
        name: Such as ``pass@2``.
        value: 0 to 1; ``None`` where no task has attempts enough.
        interval: Its 95 % interval, by the bootstrap over tasks.
        tasks: Tasks that it is the mean of.
        left_out: Tasks with a verdict, but with fewer counted attempts than it needs.
    """

    name: str
    value: float | None
    interval: tuple[float, float]
    tasks: int
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Group:
    """Some of the attempts of a run, or all.

    Attributes:
        name: What they have in common.
        attempts: How many.
        infrastructure: Those that infrastructure decided; they stand in no denominator and no median.
        unjudged: Those without a verdict.
        resolved: Tasks resolved of tasks counted; a task counts by its first counted attempt.
        test_case_average: Mean over tasks of the share of judging tests passed: APPS, Hendrycks et al. 2021
            (arXiv:2105.09938, section 4). A task counts by its first counted attempt.
        strict_accuracy: Tasks of which every judging test passed, of the same source.
        cost: US dollars, of all attempts whose price is known; ``None`` if none is.
        unpriced: Attempts whose price is not known.
        cost_per_resolved: What the counted attempts cost, by how many of them resolved their task; ``None`` if none.
        prompt_tokens: Tokens read by all attempts, cached ones included.
        completion_tokens: Tokens written.
        cached_share: Share of the prompt tokens that came from a cache; ``None`` where nothing was read.
        steps_median: Of the attempts that infrastructure did not decide, as the three below.
        steps_p90: Nine of ten took at most so many.
        seconds_median: Wall time.
        seconds_p90: Wall time that nine of ten kept within.
    """

    name: str
    attempts: int
    infrastructure: int
    unjudged: int
    resolved: Share
    test_case_average: float | None
    strict_accuracy: Share
    cost: float | None
    unpriced: int
    cost_per_resolved: float | None
    prompt_tokens: int
    completion_tokens: int
    cached_share: float | None
    steps_median: float | None
    steps_p90: float | None
    seconds_median: float | None
    seconds_p90: float | None


@dataclass(frozen=True, slots=True)
class Summary:
    """The numbers of a run.

    Attributes:
        all: Over everything.
        pass_at: pass@k by rising k.
        n_at: n@k by rising n, k being the most counted attempts that a task has.
        repositories: By repository.
        statuses: By why the attempts ended.
        models: By model.
        infrastructure: The attempts that infrastructure decided, as ``task`` or ``task (attempt 2)`` with the reason.
        unjudged: The attempts without a verdict, likewise.
    """

    all: Group
    pass_at: tuple[Mean, ...]
    n_at: tuple[Mean, ...]
    repositories: tuple[Group, ...]
    statuses: tuple[Group, ...]
    models: tuple[Group, ...]
    infrastructure: tuple[str, ...]
    unjudged: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON values, shares with their value and interval."""
        return asdict(self, dict_factory=_without_classes) | {
            "all": _group(self.all),
            "repositories": [_group(group) for group in self.repositories],
            "statuses": [_group(group) for group in self.statuses],
            "models": [_group(group) for group in self.models],
        }


def summarize(outcomes: Iterable[Outcome], ks: Sequence[int] | None = None) -> Summary:
    """The numbers of a run.

    Attempts that infrastructure decided are left out of every denominator and named; what they cost is counted.

    Args:
        outcomes: Every attempt of the run.
        ks: The k of pass@k; by default the powers of two up to the most attempts of a task, and that number.
    """
    rows = sorted(outcomes, key=lambda each: (each.task, each.attempt))
    attempts: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        if row.counted:
            attempts[row.task].append(row)
    most = max(map(len, attempts.values()), default=0)
    chosen = _powers(most) if ks is None else ks
    several = len({row.attempt for row in rows}) > 1
    return Summary(
        all=_measure("all", rows),
        pass_at=tuple(_pass_at(attempts, k) for k in chosen),
        n_at=tuple(_n_at(attempts, n, most) for n in _powers(most) if n < most),
        repositories=_by(rows, lambda row: row.repo),
        statuses=_by(rows, lambda row: row.status),
        models=_by(rows, lambda row: row.model),
        infrastructure=tuple(
            f"{_name(row, several)}: {row.verdict or row.status}" for row in rows if row.infrastructure
        ),
        unjudged=tuple(_name(row, several) for row in rows if row.resolved is None and not row.infrastructure),
    )


def _measure(name: str, rows: Sequence[Outcome]) -> Group:
    counted = list(first_counted(rows).values())
    valid = [row for row in rows if not row.infrastructure]
    costs = [row.cost for row in rows if row.cost is not None]
    judged = [row for row in rows if row.counted]
    wins = sum(bool(row.resolved) for row in judged)
    read = sum(row.prompt_tokens for row in rows)
    return Group(
        name=name,
        attempts=len(rows),
        infrastructure=len(rows) - len(valid),
        unjudged=sum(row.resolved is None for row in valid),
        resolved=Share(sum(bool(row.resolved) for row in counted), len(counted)),
        test_case_average=sum(row.share for row in counted) / len(counted) if counted else None,
        strict_accuracy=Share(sum(row.strict for row in counted), len(counted)),
        cost=sum(costs) if costs else None,
        unpriced=len(rows) - len(costs),
        cost_per_resolved=sum(row.cost or 0 for row in judged) / wins if costs and wins else None,
        prompt_tokens=read,
        completion_tokens=sum(row.completion_tokens for row in rows),
        cached_share=sum(row.cached_tokens for row in rows) / read if read else None,
        steps_median=_at([row.steps for row in valid], 0.5),
        steps_p90=_at([row.steps for row in valid], 0.9),
        seconds_median=_at([row.seconds for row in valid], 0.5),
        seconds_p90=_at([row.seconds for row in valid], 0.9),
    )


def _pass_at(attempts: dict[str, list[Outcome]], k: int) -> Mean:
    def one(rows: list[Outcome]) -> float:
        return pass_at_k(len(rows), sum(bool(row.resolved) for row in rows), k)

    return _mean(f"pass@{k}", attempts, k, one)


def _n_at(attempts: dict[str, list[Outcome]], n: int, k: int) -> Mean:
    def one(rows: list[Outcome]) -> float:
        ranked = sorted(rows, key=lambda row: (-row.choice, row.attempt))
        return n_at_k([bool(row.resolved) for row in ranked], n, k)

    return _mean(f"{n}@{k}", attempts, k, one)


def _mean(name: str, attempts: dict[str, list[Outcome]], k: int, one: Callable[[list[Outcome]], float]) -> Mean:
    values = [one(rows) for rows in attempts.values() if len(rows) >= k]
    left_out = tuple(task for task, rows in attempts.items() if len(rows) < k)
    value = sum(values) / len(values) if values else None
    return Mean(name, value, bootstrap_interval(values), len(values), left_out)


def _by(rows: Sequence[Outcome], key: Callable[[Outcome], str]) -> tuple[Group, ...]:
    groups: dict[str, list[Outcome]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    measured = [_measure(name or "unknown", members) for name, members in groups.items()]
    return tuple(sorted(measured, key=lambda group: (-group.attempts, group.name)))


def _powers(most: int) -> list[int]:
    """The powers of two up to a number, and the number."""
    return sorted({*(1 << i for i in range(most.bit_length())), most} - {0}) if most else []


def _at(values: Sequence[float], share: float) -> float | None:
    return percentile(values, share) if values else None


def _name(row: Outcome, several: bool) -> str:
    return f"{row.task} (attempt {row.attempt})" if several else row.task


def _group(group: Group) -> dict[str, Any]:
    shares = {"resolved": _share(group.resolved), "strict_accuracy": _share(group.strict_accuracy)}
    return asdict(group) | shares


def _share(share: Share) -> dict[str, Any]:
    return {"count": share.count, "of": share.of, "value": share.value, "interval": list(share.interval)}


def _without_classes(items: list[tuple[str, Any]]) -> dict[str, Any]:
    return {key: list(value) if isinstance(value, tuple) else value for key, value in items}
