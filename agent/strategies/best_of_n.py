"""Best of n: several candidates with other seeds and a higher temperature, of which one is selected."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from agent.budget import AttemptOver
from agent.strategies.base import Brief, Candidate, Solver
from agent.strategies.bench import Bench
from agent.strategies.selection import select

#: Most of the budget that is kept for a verifier that is a model, and what of it is kept if there are steps enough.
_MOST_KEPT, _KEPT = 0.5, 0.1


class BestOfN:
    """Make candidates one after the other, and select one.

    The first convincing one ends the search (``strategy.stop_early``). The first is made at the configured temperature,
    the others at ``strategy.candidate_temperature``, each with a seed of its own and with the settings of the next of
    ``strategy.variants``. They share the budget equally, but for the first if ``strategy.first_share`` says so.
    """

    name: ClassVar[str] = "best-of-n"

    def solve(self, bench: Bench, brief: Brief, inner: Solver) -> Candidate:
        """See :class:`~agent.strategies.base.Strategy`."""
        settings = bench.config.strategy
        brief_of_all = replace(brief, share=brief.share * (1 - _kept(bench)))
        found: list[Candidate] = []
        for number in range(1, settings.candidates + 1):
            part = brief_of_all.round(number, settings.candidates, settings.first_share)
            if number > 1 and brief.temperature is None:
                part = replace(part, temperature=settings.candidate_temperature)
            if settings.variants:
                variant = settings.variants[(number - 1) % len(settings.variants)]
                part = replace(part, settings={**part.settings, **variant})
            try:
                found.append(bench.evaluate(inner(bench, part)))
            except AttemptOver as over:
                if over.status.resumable or not found:
                    raise
                left = _left_by(bench, part)
                found += [bench.evaluate(left)] if left is not None else []
                break
            if settings.stop_early and found[-1].convincing:
                break
        return select(bench, f"selection/{brief.name}".rstrip("/"), found)


def _kept(bench: Bench) -> float:
    """The share of the budget that is kept for the verifier: a call for each candidate."""
    settings = bench.config.strategy
    if settings.verifier != "model":
        return 0.0
    return min(_MOST_KEPT, max(_KEPT, settings.candidates / bench.config.limits.steps))


def _left_by(bench: Bench, part: Brief) -> Candidate | None:
    """The best that an inner strategy had made when the budget ended."""
    made = [each for each in bench.candidates if each.name == part.name or each.name.startswith(f"{part.name}.")]
    return max(made, key=lambda each: each.rank, default=None)
