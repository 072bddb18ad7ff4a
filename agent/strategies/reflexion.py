"""Reflexion (Shinn et al., "Reflexion: Language Agents with Verbal Reinforcement Learning", 2023)."""

from __future__ import annotations

from typing import ClassVar

from agent.budget import AttemptOver
from agent.memory import Outcome
from agent.status import Status
from agent.strategies.base import Brief, Candidate, Solver
from agent.strategies.bench import Bench
from agent.strategies.long_term import Learnt, LongTermMemory
from agent.strategies.reflection import change_of, found_of, reflect

_EARLIER_TASK = "Learnt from an earlier task on this repository: {}"
_EARLIER_TRIAL = "Learnt from an earlier attempt that failed: {}"


class Reflexion:
    """Trials one after the other, each told what went wrong in those before.

    The actor is whatever it wraps; the evaluator is the bench's, plain code that never sees hidden tests; after a
    failed trial the model reads what the trial did and what the evaluation found, and writes a few sentences. The
    latest of them enter the next trial's prompt, which begins on a fresh copy of the repository. It ends when an
    evaluation passes, or nothing speaks against a submitted change, or trials or budget are used up.
    """

    name: ClassVar[str] = "reflexion"

    def solve(self, bench: Bench, brief: Brief, inner: Solver) -> Candidate:
        """See :class:`~agent.strategies.base.Strategy`."""
        memory = LongTermMemory(bench, brief.name)
        for text in memory.recall():
            brief = brief.with_lesson(_EARLIER_TASK.format(text), bench.config.strategy.reflections)
        learnt: list[Learnt] = []
        try:
            best = _trials(bench, brief, inner, learnt)
        except AttemptOver as over:
            if not over.status.resumable:
                memory.keep(learnt)
            raise
        memory.keep(learnt)
        return best


def failed(candidate: Candidate) -> bool:
    """Whether something speaks against a candidate: no change, a failed check, or no check and a forced end."""
    passed = candidate.evaluation.passed if candidate.evaluation is not None else None
    if not candidate.patch or passed is False:
        return True
    return passed is None and candidate.status != Status.SUBMITTED


def _trials(bench: Bench, brief: Brief, inner: Solver, learnt: list[Learnt]) -> Candidate:
    settings = bench.config.strategy
    lessons, remark = brief, ""
    best: Candidate | None = None
    for number in range(1, settings.trials + 1):
        given = lessons.with_remark(remark).round(number, settings.trials, settings.first_share)
        candidate = bench.evaluate(inner(bench, given))
        if best is None or candidate.rank > best.rank:
            best = candidate
        if learnt:
            learnt[-1].outcome = _outcome(candidate)
        if number == settings.trials or not failed(candidate):
            break
        text = reflect(bench, given.name, candidate, [each.text for each in learnt])
        if text:
            learnt.append(Learnt(text))
            lessons = lessons.with_lesson(_EARLIER_TRIAL.format(text), settings.reflections)
        lessons = lessons.without(candidate.patch)
        remark = _remark(candidate) if settings.show_change else ""
    assert best is not None  # there is at least one trial
    return best


def _outcome(candidate: Candidate) -> Outcome:
    if failed(candidate):
        return "failed"
    return "solved" if candidate.convincing else "unknown"


def _remark(candidate: Candidate) -> str:
    change = change_of(candidate)
    return f"The latest attempt failed, and is taken back. {change}\n\n{found_of(candidate)}" if change else ""
