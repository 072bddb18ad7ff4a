"""The choice itself: candidates stand in one order, and the reason is what parts the first from the second."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from itertools import groupby
from typing import Any

from agent.budget import AttemptOver
from agent.status import Status
from agent.strategies.base import Candidate
from agent.strategies.bench import Bench
from agent.strategies.selection.look import Look, look
from agent.strategies.selection.verifier import own_logprob, verified
from tasks.grading.patches import sections
from tasks.metrics import in_turn


@dataclass(frozen=True, slots=True, order=True)
class Standing:
    """How a candidate stands, compared field by field; the greater is the better.

    Attributes:
        changed: Whether it holds a change.
        convincing: Whether something could be checked, and all of it is as it should be.
        regressions: Minus the number of regression tests that fail.
        examples: Examples that give what they should.
        designed: Validated designed tests that pass.
        agreement: Log-sum-exp, over the candidates with the same results, of how probable they are.
        alike: Candidates whose change has the same syntax tree.
        submitted: Whether it was submitted, and not cut off by a limit.
        size: Minus the lines of its patch that are added or removed.
        earlier: Minus its number.
    """

    changed: bool
    convincing: bool
    regressions: int
    examples: int
    designed: int
    agreement: float = 0.0
    alike: int = 0
    submitted: bool = False
    size: int = 0
    earlier: int = 0

    @property
    def executed(self) -> tuple[bool, bool, int, int, int]:
        """What running it says."""
        return self.changed, self.convincing, self.regressions, self.examples, self.designed


#: Why a candidate stands before others, by the first field in which they differ, with its value and the best of theirs.
_REASONS = {
    "changed": "it holds a change",
    "convincing": "all of its checks passed",
    "regressions": "fewer regression tests fail ({mine} against {theirs})",
    "examples": "more examples give what they should ({mine} against {theirs})",
    "designed": "more designed tests pass ({mine} against {theirs})",
    "agreement": "more speaks for what it does (log-sum-exp over those that agree: {mine} against {theirs})",
    "alike": "more candidates made its change ({mine} against {theirs})",
    "submitted": "it was submitted, not cut off",
    "size": "it changes fewer lines ({mine} against {theirs})",
    "earlier": "it came first",
}


def select(bench: Bench, key: str, candidates: Sequence[Candidate]) -> Candidate:
    """The best of some evaluated candidates; what it was chosen by, and why, is recorded.

    Execution comes first: regressions, then examples and designed tests. Of those that are equal in it, the ones that
    give the same results, also for generated inputs, speak for each other; then the ones whose change is the same; then
    the smaller patch is taken.

    Args:
        bench: What it works with.
        key: What tells this choice from the others of the attempt, such as ``selection/1``.
        candidates: At least one.

    Raises:
        SandboxError: The sandbox is lost for good.
    """
    standings = [_executed(candidate) for candidate in candidates]
    facts: list[dict[str, Any]] = [{} for _ in candidates]
    best = max(standings).executed
    top = [place for place, each in enumerate(standings) if each.executed == best]
    groups = list(range(len(candidates)))
    if any(candidate.patch for candidate in candidates) and (len(top) > 1 or not bench.config.strategy.stop_early):
        looks = [look(bench, each) if each.patch else Look("") for each in candidates]
        signatures = [
            (standing.executed, _behaviour(candidate, seen))
            for standing, candidate, seen in zip(standings, candidates, looks, strict=True)
        ]
        groups = [signatures.index(each) for each in signatures]
        forms = Counter(seen.form for seen in looks)
        logs = _probabilities(bench, candidates, top, len({looks[place].form for place in top}) > 1)
        for place, seen in enumerate(looks):
            together = [logs[other] for other, group in enumerate(groups) if group == groups[place]]
            # Rounded, so that the order of adding makes no difference.
            agreement = round(_log_sum_exp(together), 9)
            standings[place] = replace(standings[place], agreement=agreement, alike=forms[seen.form])
            facts[place] = {"group": candidates[groups[place]].name, "form": seen.form, "log_probability": logs[place]}
    standings = [
        replace(each, submitted=candidate.status == Status.SUBMITTED, size=-_size(candidate.patch), earlier=-place)
        for place, (each, candidate) in enumerate(zip(standings, candidates, strict=True))
    ]
    order = sorted(range(len(candidates)), key=lambda place: standings[place], reverse=True)
    bench.once(
        key,
        lambda: {
            "chosen": candidates[order[0]].name,
            "reason": _reason([standings[place] for place in order]),
            "ranking": [candidates[place].name for place in _ranking(order, standings, groups)],
            "candidates": {
                candidate.name: {**asdict(each), **more}
                for candidate, each, more in zip(candidates, standings, facts, strict=True)
            },
        },
    )
    return candidates[order[0]]


def _executed(candidate: Candidate) -> Standing:
    checks = candidate.evaluation.checks if candidate.evaluation is not None else ()
    failed = Counter(check.kind for check in checks if not check.passed)
    passed = Counter(check.kind for check in checks if check.passed)
    return Standing(
        changed=bool(candidate.patch),
        convincing=candidate.convincing,
        regressions=-failed["regression"],
        examples=passed["examples"],
        designed=passed["designed"],
    )


def _behaviour(candidate: Candidate, seen: Look) -> object:
    """What is equal for candidates that do the same; where nothing is known of what they do, for the same change."""
    failed = frozenset(candidate.evaluation.failed if candidate.evaluation is not None else ())
    return (failed, seen.outputs) if failed or seen.outputs else seen.form


def _probabilities(bench: Bench, candidates: Sequence[Candidate], top: list[int], differ: bool) -> list[float]:
    """The logarithm of how probable each candidate is; 0 for all where nothing is known of one that matters."""
    own = [own_logprob(candidate) for candidate in candidates]
    compared = all(own[place] is not None for place in top)
    logs = [each if compared and each is not None else 0.0 for each in own]
    if not differ:
        return logs
    try:
        verdicts = {place: math.log(verified(bench, candidates[place])) for place in top}
    except AttemptOver as over:
        if over.status.resumable:
            raise
        return logs  # a verdict on some of them only would be no comparison
    return [log + verdicts.get(place, 0.0) for place, log in enumerate(logs)]


def _log_sum_exp(values: Sequence[float]) -> float:
    most = max(values)
    return most + math.log(sum(math.exp(value - most) for value in values))


def _size(patch: str) -> int:
    """Lines added or removed."""
    hunks = [line for section in sections(patch) for line in section.text.partition("\n@@ ")[2].splitlines()[1:]]
    return sum(line.startswith(("+", "-")) for line in hunks)


def _reason(standings: Sequence[Standing]) -> str:
    """What parts the first from all others: what from those that are worst off, and so on to the nearest."""
    first = asdict(standings[0])
    clauses: dict[str, str] = {}
    for other in map(asdict, standings[1:]):
        field = next(name for name in first if first[name] != other[name])
        shown = [f"{value:.3f}" if field == "agreement" else str(abs(value)) for value in (first[field], other[field])]
        clauses.setdefault(field, _REASONS[field].format(mine=shown[0], theirs=shown[1]))
    return "; ".join(clauses[name] for name in _REASONS if name in clauses) or "it is the only candidate"


def _ranking(order: list[int], standings: Sequence[Standing], groups: Sequence[int]) -> list[int]:
    """The order in which several would be submitted: of equals in execution, one of each group in turn (AlphaCode)."""
    ranking: list[int] = []
    for _, equals in groupby(order, key=lambda place: standings[place].executed):
        members: dict[int, list[int]] = {}
        for place in equals:
            members.setdefault(groups[place], []).append(place)
        ranking += in_turn(members.values())
    return ranking
