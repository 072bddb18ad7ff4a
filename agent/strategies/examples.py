"""The issue's own examples as checks."""

from __future__ import annotations

from aci_tools.session import Session
from agent.strategies.bench import Bench
from agent.strategies.evaluation import Check


class ExamplesEvaluator:
    """The issue's own examples: each gives what the issue says, or at least nothing that it does not mention."""

    def prepare(self, bench: Bench) -> None:
        """Run them on the base commit."""
        with bench.at() as session:
            self._examples = session.examples

    def evaluate(self, bench: Bench, session: Session, patch: str) -> list[Check]:
        """A check for each example that says something."""
        examples = self._examples
        now = examples.run(session.sandbox) if examples.examples else None
        if now is None or len(now) != len(examples.examples):
            return []
        return [
            Check(
                "examples",
                one.example.source,
                one.right,
                "" if one.right else f"gives {one.output or 'nothing'}, {one.wanted}",
            )
            for one in examples.judge(now)
        ]
