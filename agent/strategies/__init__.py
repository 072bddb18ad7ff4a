"""Strategies: how attempts are spent on a task. A new one is a module with a class, and a line below."""

from __future__ import annotations

import difflib
from importlib import import_module

from aci_tools.errors import UsageError
from agent.strategies.base import Brief, Candidate, Solver, Strategy, single
from agent.strategies.evaluation import Check, Evaluation, Evaluator

__all__ = ["Brief", "Candidate", "Check", "Evaluation", "Evaluator", "Solver", "Strategy", "compose", "names", "parse"]

SINGLE = "single"
#: Module and class of each, by name; loaded when used.
_STRATEGIES = {
    "best-of-n": ("best_of_n", "BestOfN"),
    "repair-loop": ("repair_loop", "RepairLoop"),
    "programmer-tester": ("programmer_tester", "ProgrammerTester"),
    "reflexion": ("reflexion", "Reflexion"),
}


def names() -> list[str]:
    """What an expression can name."""
    return [SINGLE, *sorted(_STRATEGIES)]


def parse(expression: str) -> list[Strategy]:
    """The strategies of an expression such as ``best-of-n+reflexion``, the outermost first, ``single`` left out.

    Raises:
        UsageError: A name is unknown or stands there twice.
    """
    found: list[Strategy] = []
    for part in expression.split("+"):
        name = part.strip()
        if name == SINGLE:
            continue
        if name not in _STRATEGIES:
            near = difflib.get_close_matches(name, names(), n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(names())}"
            raise UsageError(f"no strategy {name!r}; {hint}")
        if any(strategy.name == name for strategy in found):
            raise UsageError(f"strategy {expression}: {name} stands there twice")
        module, kind = _STRATEGIES[name]
        found.append(getattr(import_module(f"{__name__}.{module}"), kind)())
    return found


def compose(strategies: list[Strategy]) -> Solver:
    """One solver that is the strategies, each around the next, and a single attempt in the middle."""
    solver: Solver = single
    for strategy in reversed(strategies):
        solver = _around(strategy, solver)
    return solver


def _around(strategy: Strategy, inner: Solver) -> Solver:
    return lambda bench, brief: strategy.solve(bench, brief, inner)
