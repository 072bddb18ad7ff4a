"""The evaluators that a configuration names; loaded when used. A new one is a module with a class, and a line below."""

from __future__ import annotations

from importlib import import_module

from agent.config import Config
from agent.strategies.evaluation import Evaluator

_EVALUATORS = {"examples": ("examples", "ExamplesEvaluator"), "regression": ("regression", "RegressionEvaluator")}


def evaluators(config: Config) -> list[Evaluator]:
    """What judges candidates, in the configured order."""
    found: list[Evaluator] = []
    for name in config.strategy.evaluators:
        if name in _EVALUATORS:
            module, kind = _EVALUATORS[name]
            found.append(getattr(import_module(f"agent.strategies.{module}"), kind)())
    return found
