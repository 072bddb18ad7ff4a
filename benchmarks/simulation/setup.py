"""What is simulated: a cluster, a provider, a number of tasks."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.simulation.images import images_of
from benchmarks.simulation.measured import Call, Layer, Measured
from benchmarks.simulation.provider import Limits


@dataclass(frozen=True)
class Node:
    """A machine that makes attempts.

    Attributes:
        slots: Attempts side by side: the ``sandbox`` resource of a Ray node, the workers of one machine.
        cores: Processor cores.
        memory: GB of memory.
        disk: GB for images.
        network: MB a second from the registry.
        price: US dollars an hour.
    """

    slots: int = 32
    cores: int = 16
    memory: int = 64
    disk: float = 500.0
    network: float = 300.0
    price: float = 0.77


@dataclass(frozen=True)
class Prices:
    """US dollars for a million tokens: read, read from the cache, written."""

    fresh: float = 2.0
    cached: float = 0.2
    written: float = 12.0


@dataclass(frozen=True)
class Setup:
    """A run.

    Attributes:
        nodes: How many machines.
        node: What each of them is.
        registry: MB a second that the registry gives to all together.
        limits: What the provider allows.
        retries: Tries of a call after refusals (``model.retries``).
        further: Tries of attempts that infrastructure made fail (``--retries``).
        further_wait: Seconds before the first of those (``--retry-wait``).
        prices: Of tokens.
        ahead: Sandboxes that a process makes ready beyond those in use.
        cluster: Whether it is the engine of a cluster, which has several processes on a node, and a hub that they ask;
            else it is that of one machine, which has one process.
        evaluate: Whether patches are judged in the run.
        seed: What chance begins with.
    """

    nodes: int = 1
    node: Node = field(default_factory=Node)
    registry: float = 2000.0
    limits: Limits = field(default_factory=Limits)
    retries: int = 8
    further: int = 2
    further_wait: float = 30.0
    prices: Prices = field(default_factory=Prices)
    ahead: int = 2
    cluster: bool = True
    evaluate: bool = True
    seed: int = 1


@dataclass(eq=False)
class Job:
    """An attempt to be made.

    Attributes:
        image: Layers that it needs, the lowest first.
        calls: The calls of the model.
        commands: Processor seconds of the command after each.
        start: Seconds until its sandbox is there.
        end: Seconds to remove it.
        evaluation: Processor seconds of judging its patch.
        made: Calls that were made.
    """

    image: Sequence[Layer]
    calls: Sequence[Call]
    commands: Sequence[float]
    start: float
    end: float
    evaluation: float
    made: int = 0


def jobs_of(measured: Measured, tasks: int, seed: int = 1) -> list[Job]:
    """Attempts drawn from what was measured; the same for the same seed, however many machines make them."""
    chance = random.Random(seed)
    jobs = []
    for image in images_of(measured.images, tasks):
        calls = chance.choice(measured.attempts)
        jobs.append(
            Job(
                image,
                calls,
                chance.choices(measured.commands, k=len(calls)),
                chance.choice(measured.starts),
                chance.choice(measured.ends),
                chance.choice(measured.evaluations),
            )
        )
    return jobs
