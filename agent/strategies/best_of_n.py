"""Best of n: several candidates with other seeds and a higher temperature; the first convincing one ends the search."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from agent.budget import AttemptOver
from agent.strategies.base import Brief, Candidate, Solver
from agent.strategies.bench import Bench


class BestOfN:
    """Make candidates one after the other, and take the best."""

    name: ClassVar[str] = "best-of-n"

    def solve(self, bench: Bench, brief: Brief, inner: Solver) -> Candidate:
        """See :class:`~agent.strategies.base.Strategy`."""
        settings = bench.config.strategy
        found: list[Candidate] = []
        for number in range(1, settings.candidates + 1):
            part = brief.child(number, share=1 / (settings.candidates - number + 1), seed=number - 1)
            if number > 1 and brief.temperature is None:
                part = replace(part, temperature=settings.candidate_temperature)
            try:
                found.append(bench.evaluate(inner(bench, part)))
            except AttemptOver as over:
                if over.status.resumable or not found:
                    raise
                break
            if found[-1].convincing:
                break
        return max(found, key=lambda candidate: candidate.rank)
