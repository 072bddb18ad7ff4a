"""Programmer and tester: tests are designed first, by another sub-agent, and judge what the programmer makes.

After AgentCoder (Huang et al., 2023).
"""

from __future__ import annotations

from typing import ClassVar

from agent.strategies.base import Brief, Candidate, Solver
from agent.strategies.bench import Bench
from agent.strategies.designer import DesignedEvaluator, Suite, design, designer_for, told
from agent.strategies.reflection import change_of, found_of
from agent.strategies.reflexion import failed


class ProgrammerTester:
    """Rounds of a programmer who is told what the executor found.

    The test designer sees the requirement and the repository as it was, never a candidate. The executor is plain code:
    it validates the tests on the base commit and runs those that count on each candidate. After a failure the next
    round's prompt has the failed change, what was found, and by ``strategy.show_tests`` the tests. It ends when nothing
    speaks against a candidate, or rounds or budget are used up.
    """

    name: ClassVar[str] = "programmer-tester"

    def solve(self, bench: Bench, brief: Brief, inner: Solver) -> Candidate:
        """See :class:`~agent.strategies.base.Strategy`."""
        settings = bench.config.strategy
        tests = told(designed(bench))
        brief = brief.with_remark(tests if settings.show_tests == "always" else "")
        given, best = brief, None
        for number in range(1, settings.rounds + 1):
            candidate = bench.evaluate(inner(bench, given.round(number, settings.rounds, settings.first_share)))
            if best is None or candidate.rank > best.rank:
                best = candidate
            if not failed(candidate):
                break
            feedback = f"The latest attempt failed, and is taken back. {change_of(candidate)}\n\n{found_of(candidate)}"
            brief = brief.without(candidate.patch)
            given = brief.with_remark(feedback if candidate.patch else "")
            given = given.with_remark(tests if settings.show_tests == "after_failure" else "")
        assert best is not None  # there is at least one round
        return best


def designed(bench: Bench) -> Suite:
    """The designed tests, which from now on judge every candidate of the attempt; designed when first asked for."""
    for evaluator in bench.evaluators:
        if isinstance(evaluator, DesignedEvaluator):
            return evaluator.suite
    designer = designer_for(bench)
    suite = design(bench, designer)
    if designer is not None:
        bench.evaluators.append(DesignedEvaluator(designer, suite))
    return suite
