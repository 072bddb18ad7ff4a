"""Tables over many attempts. Plain data: a title, columns, values; how they look is the command line's matter."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from trajectories.stats.facts import GUARD_REFUSED
from trajectories.stats.failures import CLASSES
from trajectories.stats.rows import AttemptFacts, StepFacts

#: Steps of an attempt that are taken together when time and tokens are shown along its way.
STRETCHES = ((1, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, 10**9))


@dataclass(frozen=True, slots=True)
class Table:
    """A table.

    Attributes:
        name: Key in JSON.
        title: Heading.
        columns: Names of the columns; what ends in ``_share`` is a share from 0 to 1, in ``_s`` seconds.
        rows: Values: text, whole numbers, floats, or ``None`` for what is not known.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def as_dicts(self) -> list[dict[str, Any]]:
        """A mapping of columns to values for every row."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def tables(attempts: Sequence[AttemptFacts], steps: Sequence[StepFacts]) -> list[Table]:
    """Every table that has rows."""
    made = [
        failures(attempts),
        endings(attempts),
        trials(attempts),
        work(attempts),
        localisation(attempts),
        tools(steps),
        codes(steps),
        refusals(steps),
        stretches(steps),
    ]
    return [table for table in made if table.rows]


def failures(attempts: Sequence[AttemptFacts]) -> Table:
    """How many attempts are of each class of failure, in the order of the classes."""
    counts = Counter(row.failure for row in attempts)
    total = len(attempts)
    rows = [
        (each.__name__, counts[each.__name__], counts[each.__name__] / total, (each.__doc__ or "").strip())
        for each in CLASSES
        if counts[each.__name__]
    ]
    return Table("failures", "What became of the attempts", ("class", "attempts", "share", "meaning"), tuple(rows))


def endings(attempts: Sequence[AttemptFacts]) -> Table:
    """Why the attempts ended, and what of them was resolved."""
    groups = _grouped(attempts, lambda row: row.status or "no end")
    rows = [
        (
            status,
            len(members),
            sum(bool(row.patch_files) for row in members),
            sum(bool(row.resolved) for row in members),
            median(row.steps for row in members),
        )
        for status, members in groups
    ]
    columns = ("status", "attempts", "with_patch", "resolved", "steps_median")
    return Table("endings", "Why attempts ended", columns, tuple(rows))


def trials(attempts: Sequence[AttemptFacts]) -> Table:
    """What the trials of a strategy are worth: for each, by its number, how often its patch was the one handed in."""
    rows = []
    for number in range(1, max((row.trials for row in attempts), default=0) + 1):
        handed_in = [row for row in attempts if row.trial == number]
        begun = sum(row.trials >= number for row in attempts)
        rows.append((number, begun, len(handed_in), sum(bool(row.resolved) for row in handed_in)))
    return Table("trials", "Trials of a strategy", ("trial", "begun", "handed_in", "resolved"), tuple(rows))


def work(attempts: Sequence[AttemptFacts]) -> Table:
    """How the attempts worked: where the first edit came, repeats, malformed actions, their own tests."""
    edited = [row for row in attempts if row.first_edit is not None]

    def some(name: str, members: Sequence[AttemptFacts], of: Sequence[AttemptFacts] = attempts) -> tuple[Any, ...]:
        return name, len(members), len(members) / len(of) if of else None, None

    def spread(name: str, values: Sequence[float]) -> tuple[Any, ...]:
        return name, sum(values), None, median(values) if values else None

    rows = [
        some("changed a file", edited),
        ("step of the first edit", None, None, median(row.first_edit or 0 for row in edited) if edited else None),
        spread("edits", [row.edits for row in attempts]),
        some("ran tests", [row for row in attempts if row.own_tests_ok is not None]),
        some("ran tests after the last edit", [row for row in edited if row.tested_after_edit], edited),
        some("last run of tests passed", [row for row in attempts if row.own_tests_ok]),
        some("repeated an action", [row for row in attempts if row.repeats]),
        spread("repeated actions", [row.repeats for row in attempts]),
        spread("malformed replies", [row.malformed for row in attempts]),
        spread("edits that the guard refused", [row.refusals for row in attempts]),
        some("had the prompt condensed", [row for row in attempts if row.condensed]),
    ]
    columns = ("what", "count", "attempts_share", "median_an_attempt")
    return Table("work", "How attempts worked", columns, tuple(rows))


def localisation(attempts: Sequence[AttemptFacts]) -> Table:
    """Of the files and functions that the known solutions change: how many were named, opened or seen, and edited."""
    known = [row for row in attempts if row.gold_files]
    with_functions = [row for row in known if row.gold_functions]
    levels: list[tuple[str, list[AttemptFacts], Callable[[AttemptFacts], float]]] = [
        ("files named", known, lambda row: (row.gold_named or 0) / (row.gold_files or 1)),
        ("files opened", known, lambda row: (row.gold_opened or 0) / (row.gold_files or 1)),
        ("functions seen", with_functions, lambda row: (row.gold_seen or 0) / (row.gold_functions or 1)),
        ("files edited", known, lambda row: (row.gold_edited or 0) / (row.gold_files or 1)),
    ]
    rows = []
    for name, members, recall in levels:
        values = [recall(row) for row in members]
        if values:
            mean = sum(values) / len(values)
            rows.append((name, len(values), mean, sum(v == 1 for v in values) / len(values), _split(members, recall)))
    columns = ("what", "attempts", "recall_share", "all_share", "unresolved_recall_share")
    return Table("localisation", "Places that the known solution changes", columns, tuple(rows))


def tools(steps: Sequence[StepFacts]) -> Table:
    """Calls of each tool, their failures, and the time and tokens of the steps that chose it."""
    rows = []
    for tool, members in _grouped([step for step in steps if step.call], lambda row: row.tool or "unknown"):
        bad = sum(not row.ok for row in members)
        rows.append(
            (
                tool,
                len(members),
                bad,
                bad / len(members),
                sum(row.changed for row in members),
                sum(row.repeated for row in members),
                sum(row.tool_seconds for row in members),
                sum(row.model_seconds for row in members),
                sum(row.prompt_tokens for row in members),
                sum(row.completion_tokens for row in members),
            )
        )
    columns = ("tool", "calls", "failed", "failed_share", "changed", "repeated", "tool_s", "model_s", "read", "written")
    return Table("tools", "Tools", columns, tuple(rows))


def codes(steps: Sequence[StepFacts]) -> Table:
    """How tools failed, and how replies were malformed."""
    counts = Counter((row.tool or "unknown", row.code or "failed") for row in steps if row.call and not row.ok)
    counts.update(("(malformed reply)", row.correction) for row in steps if row.correction)
    rows = [(tool, code, count) for (tool, code), count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]
    return Table("codes", "Failures of tools", ("tool", "code", "times"), tuple(rows))


def refusals(steps: Sequence[StepFacts]) -> Table:
    """Edits that the guard refused, by tool, and what the agent did next."""
    rows = []
    for tool, members in _grouped([row for row in steps if row.code == GUARD_REFUSED], lambda row: row.tool):
        following = Counter(row.followed_by for row in members)
        after = [row.landed_after for row in members if row.landed_after is not None]
        counts = (following[name] for name in ("landed", "refused", "same", "failed", "else", "end"))
        rows.append((tool, len(members), *counts, len(after) / len(members), median(after) if after else None))
    columns = (
        "tool",
        "refused",
        "landed",
        "again",
        "same",
        "failed",
        "else",
        "end",
        "landed_later_share",
        "actions_until",
    )
    return Table("refusals", "Edits that the guard refused, and what came next", columns, tuple(rows))


def stretches(steps: Sequence[StepFacts]) -> Table:
    """Time and tokens of a step along the way of an attempt: means over the steps of each stretch."""
    rows = []
    for first, last in STRETCHES:
        members = [row for row in steps if first <= row.step <= last]
        calls = len({(row.trajectory, row.step) for row in members})
        if not calls:
            continue
        read = sum(row.prompt_tokens for row in members)
        rows.append(
            (
                f"{first}–{last}" if last < 10**9 else f"{first}–",
                len({row.trajectory for row in members}),
                calls,
                sum(row.model_seconds for row in members) / calls,
                sum(row.tool_seconds for row in members) / calls,
                read / calls,
                sum(row.completion_tokens for row in members) / calls,
                sum(row.cached_tokens for row in members) / read if read else None,
                sum(not row.ok for row in members) / len(members),
            )
        )
    columns = ("steps", "attempts", "calls", "model_s", "tool_s", "read", "written", "cached_share", "failed_share")
    return Table("stretches", "A step, along the way", columns, tuple(rows))


def _split(members: Sequence[AttemptFacts], recall: Callable[[AttemptFacts], float]) -> float | None:
    """Mean recall of the attempts that a verdict says did not resolve their task."""
    values = [recall(row) for row in members if row.resolved is False]
    return sum(values) / len(values) if values else None


def _grouped(rows: Iterable[Any], key: Callable[[Any], str]) -> list[tuple[str, list[Any]]]:
    """The rows by a key, the largest group first."""
    groups: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
