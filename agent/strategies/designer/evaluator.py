"""The designed tests as checks."""

from __future__ import annotations

from aci_tools.session import Session
from agent.strategies.bench import Bench
from agent.strategies.designer.design import Designer
from agent.strategies.designer.suite import Suite
from agent.strategies.evaluation import Check


class DesignedEvaluator:
    """A check for each designed test that counts.

    They are run from a file that is not part of the patch. Where the programmer must not see them, neither their texts
    nor what they find can be read from the checks.

    Args:
        designer: Who runs them.
        suite: The tests.
    """

    def __init__(self, designer: Designer, suite: Suite) -> None:
        self.designer, self.suite = designer, suite

    def prepare(self, bench: Bench) -> None:
        """They were validated when they were designed."""

    def evaluate(self, bench: Bench, session: Session, patch: str) -> list[Check]:
        """Run them."""
        if not self.suite.tests:
            return []
        outcomes = self.designer.run(session, self.suite, 0)
        hidden = bench.config.strategy.show_tests == "never"
        checks = []
        for number, test in enumerate(self.suite.tests, 1):
            outcome = outcomes.get(test.name)
            passed = outcome is not None and outcome.passed
            message = outcome.message if outcome is not None else "did not run"
            if hidden:
                checks.append(Check("designed", f"designed test {number}", passed, "" if passed else "failed"))
            else:
                checks.append(Check("designed", test.name, passed, "" if passed else message))
        return checks
