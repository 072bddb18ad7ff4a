"""What an attempt needs, from the measurements alone; and how many slots a provider's limit keeps busy."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from benchmarks.simulation.measured import Call, Measured
from benchmarks.simulation.setup import Node, Prices
from benchmarks.simulation.tables import Row

#: Attempts that a process of a cluster makes at a time.
_OF_PROCESS = 8


def tokens_of(calls: Sequence[Call]) -> int:
    """Tokens of an attempt that count for a provider's limit."""
    return sum(call.prompt - call.cached + call.completion for call in calls)


def cost_of(calls: Sequence[Call], prices: Prices) -> float:
    """US dollars."""
    return sum(
        (call.prompt - call.cached) * prices.fresh + call.cached * prices.cached + call.completion * prices.written
        for call in calls
    ) / 1e6  # fmt: skip


def cores_seconds(measured: Measured, calls: Sequence[Call]) -> float:
    """Processor seconds of an attempt with so many calls, and of its evaluation."""
    once = sum(statistics.fmean(values) for values in (measured.starts, measured.ends, measured.evaluations))
    return once + len(calls) * (statistics.fmean(measured.commands) + measured.step)


def seconds_of(measured: Measured, calls: Sequence[Call]) -> float:
    """Seconds that an attempt with these calls holds its slot."""
    return sum(call.seconds for call in calls) + cores_seconds(measured, calls)


def needs(measured: Measured, prices: Prices) -> list[Row]:
    """Rows that say what an attempt needs."""
    attempts = measured.attempts
    cpu = [cores_seconds(measured, calls) for calls in attempts]
    seconds = [seconds_of(measured, calls) for calls in attempts]
    process = measured.process_mb / _OF_PROCESS + measured.attempt_mb
    layers: list[list[float]] = [[image[place].mb for image in measured.images] for place in (0, -1)]
    between = [sum(layer.mb for layer in image[1:-1]) for image in measured.images]
    shared = len({tuple(layer.name for layer in image[:-1]) for image in measured.images})
    return [
        ("", "median", "mean", "most"),
        _row("calls of the model", [len(calls) for calls in attempts]),
        _row("tokens that count for limits", [tokens_of(calls) for calls in attempts]),
        _row("US dollars for tokens", [cost_of(calls, prices) for calls in attempts], 2),
        _row("minutes in a slot, with evaluation", [value / 60 for value in seconds], 1),
        _row("cores used", [used / value for used, value in zip(cpu, seconds, strict=True)], 3),
        _row("command, s", measured.commands, 2),
        _row("sandbox ready, from an image that is there, s", measured.starts, 2),
        _row("evaluation, s", measured.evaluations, 1),
        _row("memory of a container at its peak, page cache included, MB", measured.containers_mb),
        _row(f"memory of the runtime, {_OF_PROCESS} attempts in a process, MB", [process]),
        _row("lowest layer of an image, MB", layers[0]),
        _row(f"layers above it ({shared} for {len(measured.images)} tasks), MB", between),
        _row("the task's own layer, MB", layers[1]),
    ]


def slots(measured: Measured, limits: Sequence[float], node: Node, prices: Prices) -> list[Row]:
    """Rows that say how many slots limits of tokens a minute keep busy."""
    tokens = statistics.fmean(tokens_of(calls) for calls in measured.attempts)
    minutes = statistics.fmean(seconds_of(measured, calls) for calls in measured.attempts) / 60
    cost = statistics.fmean(cost_of(calls, prices) for calls in measured.attempts)
    rows: list[Row] = [("tokens a minute", "slots", "nodes", "attempts an hour", "tokens cost an hour")]
    for limit in limits:
        busy, an_hour = limit * minutes / tokens, limit * 60 / tokens
        rows.append(
            (f"{limit:,.0f}", f"{busy:,.0f}", f"{math.ceil(busy / node.slots)}", f"{an_hour:,.0f}",
             f"${cost * an_hour:,.0f}")
        )  # fmt: skip
    return rows


def _row(name: str, values: Sequence[float], digits: int = 0) -> Row:
    figures = (statistics.median(values), statistics.fmean(values), max(values))
    return (name, *(f"{figure:,.{digits}f}" for figure in figures))
