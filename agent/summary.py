"""The summary of a run: outcomes from trajectories and verdicts, and how they are shown."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from agent.tables import duration, print_table, shown
from tasks.metrics import Group, Outcome, Share, Summary, summarize

if TYPE_CHECKING:
    from trajectories.stats import AttemptFacts
    from trajectories.verdicts import Verdict

#: Columns of a table of groups; ``lost`` counts what infrastructure decided.
_GROUPED = ("attempts", "resolved", "%", "95 %", "lost", "cost", "steps", "p90", "time_s", "p90_s")
_NAMED = 5


def summary_of_run(directory: Path) -> Summary:
    """The numbers of a run, from what lies in its directory.

    Raises:
        UsageError: There is no trajectory in it.
    """
    from trajectories.stats import gather

    return summarize(outcomes(gather([directory], steps=False).attempts))


def outcomes(attempts: Iterable[AttemptFacts]) -> list[Outcome]:
    """What metrics need of the facts of attempts."""
    return [
        Outcome(
            task=row.task,
            attempt=row.attempt,
            repo=row.repo,
            model=row.model,
            status=row.status or "no end",
            verdict=row.verdict,
            resolved=row.resolved,
            infrastructure=row.infrastructure,
            passed=row.tests_passed,
            tests=row.tests,
            choice=choice(row),
            cost=row.cost,
            prompt_tokens=row.prompt_tokens,
            completion_tokens=row.completion_tokens,
            cached_tokens=row.cached_tokens,
            steps=row.steps,
            seconds=row.seconds,
        )
        for row in attempts
    ]


def outcomes_of_verdicts(verdicts: Iterable[Verdict]) -> list[Outcome]:
    """What metrics need of predictions of which nothing but the verdict is known."""
    return [
        Outcome(
            task=verdict.task,
            model=verdict.model,
            verdict=verdict.status,
            resolved=verdict.resolved,
            infrastructure=verdict.infrastructure,
            passed=len(verdict.passed),
            tests=verdict.tests,
        )
        for verdict in verdicts
    ]


def choice(row: AttemptFacts) -> float:
    """How much an attempt speaks for its own patch, for n@k.

    0: it has none; 1: it has one, but did not submit it or saw its own tests fail; 2: it submitted one; 3: and its own
    tests passed after the last edit.
    """
    if not row.patch_files:
        return 0
    if not row.status.startswith("submitted") or row.own_tests_ok is False:
        return 1
    return 3 if row.own_tests_ok and row.tested_after_edit else 2


def print_summary(summary: Summary, stream: TextIO | None = None) -> None:
    """Print the numbers of a run: over everything, by repository, by why attempts ended, by model if several."""
    stream = stream or sys.stdout
    print_table("Summary", ("", " "), overview(summary), stream)
    for title, groups in (("By repository", summary.repositories), ("By model", summary.models)):
        if len(groups) > 1:
            print_groups(title, groups, stream)
    print_groups("By why the attempts ended", summary.statuses, stream)


def overview(summary: Summary) -> list[tuple[str, str]]:
    """The numbers over everything: what, and how much, in words."""
    whole = summary.all
    rows = [("attempts", shown(whole.attempts))]
    if whole.resolved.of:
        rows.append(("resolved", _share(whole.resolved)))
        for mean in (*summary.pass_at, *summary.n_at):
            if mean.value is not None and len(summary.pass_at) > 1:
                short = f"; fewer attempts: {_some(mean.left_out)}" if mean.left_out else ""
                low, high = mean.interval
                over = f"95 %: {low:.1%} to {high:.1%}; {_tasks(mean.tasks)}"
                rows.append((mean.name, f"{mean.value:.1%} ({over}{short})"))
        rows.append(("test-case average", shown(whole.test_case_average, "share")))
        rows.append(("strict accuracy", _share(whole.strict_accuracy)))
    if summary.unjudged:
        rows.append(("without a verdict", f"{len(summary.unjudged)}: {_some(summary.unjudged)}"))
    if summary.infrastructure:
        rows.append(("infrastructure failed", f"{len(summary.infrastructure)}: {_some(summary.infrastructure)}"))
    unpriced = (
        f", {whole.unpriced} of the attempts without a price" if whole.unpriced and whole.cost is not None else ""
    )
    each = f", {shown(whole.cost_per_resolved, 'cost')} for each resolved attempt" if whole.cost_per_resolved else ""
    rows.append(("cost", ("unknown" if whole.cost is None else shown(whole.cost, "cost")) + each + unpriced))
    cached = f", {whole.cached_share:.1%} of the read ones cached" if whole.cached_share is not None else ""
    rows.append(("tokens", f"{whole.prompt_tokens:,} read, {whole.completion_tokens:,} written{cached}"))
    rows.append(("steps", f"median {shown(whole.steps_median)}, p90 {shown(whole.steps_p90)}"))
    rows.append(("wall time", f"median {duration(whole.seconds_median)}, p90 {duration(whole.seconds_p90)}"))
    return rows


def print_groups(title: str, groups: Sequence[Group], stream: TextIO | None = None) -> None:
    """Print one row a group."""
    print_table(title, ("", *_GROUPED), [_row(group) for group in groups], stream)


def _row(group: Group) -> tuple[Any, ...]:
    low, high = group.resolved.interval
    judged = bool(group.resolved.of)
    return (
        group.name,
        group.attempts,
        f"{group.resolved.count} of {group.resolved.of}" if judged else "–",
        group.resolved.value,
        f"{low:.0%} to {high:.0%}" if judged else "–",
        group.infrastructure,
        group.cost,
        group.steps_median,
        group.steps_p90,
        group.seconds_median,
        group.seconds_p90,
    )


def _share(share: Share) -> str:
    low, high = share.interval
    return f"{share.value:.1%} ({share.count} of {_tasks(share.of)}; 95 %: {low:.1%} to {high:.1%})"


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _tasks(count: int) -> str:
    return f"{count} task{'' if count == 1 else 's'}"
