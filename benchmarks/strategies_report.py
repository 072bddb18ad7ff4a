"""The table of strategies.py: what each arm solved and what it spent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tasks.metrics import mcnemar_exact, wilson_interval

Row = dict[str, Any]
COLUMNS = ("95 %", "steps a task", "tokens written", "tokens a solved task", "of them fresh", "seconds a task")


def figures(rows: Sequence[Row], arms: Iterable[str]) -> list[Row]:
    """A row for each arm and set of tasks, and one for each arm and all of them.

    Fresh tokens are those that the model had to read or write: without those read from the prompt cache.
    """
    sets = list(dict.fromkeys(row["set"] for row in rows))
    found = []
    for arm in arms:
        for name in [*sets, "all"] if len(sets) > 1 else sets:
            of_arm = [row for row in rows if row["arm"] == arm and name in ("all", row["set"])]
            if of_arm:
                found.append({"arm": arm, "set": name, **_sums(of_arm)})
    return found


def _sums(rows: Sequence[Row]) -> Row:
    solved = sum(row["resolved"] for row in rows)
    total = {key: sum(row[key] for row in rows) for key in ("prompt_tokens", "cached_tokens", "completion_tokens")}
    tokens = total["prompt_tokens"] + total["completion_tokens"]
    fresh = tokens - total["cached_tokens"]
    return {
        "tasks": len(rows),
        "solved": solved,
        "interval": wilson_interval(solved, len(rows)),
        **total,
        "steps": sum(row["steps"] for row in rows),
        "seconds": sum(row["seconds"] for row in rows),
        "tokens_a_solved_task": tokens / solved if solved else None,
        "fresh_tokens_a_solved_task": fresh / solved if solved else None,
    }


def table_lines(table: Sequence[Row]) -> Iterator[str]:
    """It as Markdown: an arm a row, what it solved of each set, and what it spent on all of them."""
    by_arm: dict[str, dict[str, Row]] = {}
    for row in table:
        by_arm.setdefault(row["arm"], {})[row["set"]] = row
    sets = list(dict.fromkeys(row["set"] for row in table))
    yield f"| arm | {' | '.join([*sets, *COLUMNS])} |"
    yield f"| --- {'| ---: ' * (len(sets) + len(COLUMNS))}|"
    for arm, rows in by_arm.items():
        solved = [f"{rows[name]['solved']} of {rows[name]['tasks']}" if name in rows else "" for name in sets]
        *_, of_all = rows.values()
        yield f"| {' | '.join([f'`{arm}`', *solved, *_spent(of_all)])} |"


def pairings(rows: Sequence[Row], arms: Iterable[str], base: str) -> list[Row]:
    """Every other arm beside ``base``: tasks that one of the two solves alone, and what chance says of that.

    ``p`` is McNemar's exact test on the tasks that both have tried.
    """
    solved = {(row["arm"], row["task"]): bool(row["resolved"]) for row in rows}
    tried = sorted({row["task"] for row in rows})
    found = []
    for arm in arms:
        both = [task for task in tried if (arm, task) in solved and (base, task) in solved]
        if arm == base or not both:
            continue
        alone = sum(solved[arm, task] > solved[base, task] for task in both)
        base_alone = sum(solved[arm, task] < solved[base, task] for task in both)
        p = mcnemar_exact(alone, base_alone)
        found.append({"arm": arm, "base": base, "tasks": len(both), "alone": alone, "base_alone": base_alone, "p": p})
    return found


def pairing_lines(table: Sequence[Row], base: str) -> Iterator[str]:
    """It as Markdown."""
    yield f"| arm | solved by it alone | by `{base}` alone | tasks | p |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for row in table:
        yield f"| `{row['arm']}` | {row['alone']} | {row['base_alone']} | {row['tasks']} | {row['p']:.2g} |"


def _spent(row: Row) -> list[str]:
    low, high = row["interval"]
    return [
        f"{100 * low:.0f}–{100 * high:.0f} %",
        f"{row['steps'] / row['tasks']:.1f}",
        f"{row['completion_tokens']:,}",
        _count(row["tokens_a_solved_task"]),
        _count(row["fresh_tokens_a_solved_task"]),
        f"{row['seconds'] / row['tasks']:.0f}",
    ]


def _count(value: float | None) -> str:
    return "–" if value is None else f"{value:,.0f}"
