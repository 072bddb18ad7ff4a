"""The simulation of runs on many machines: nothing is lost or made twice, and more help until something is full."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

pytest.importorskip("simpy", reason="simpy is not installed (pip install --group simulation)")

from benchmarks.simulation.images import Cache, images_of
from benchmarks.simulation.measured import MEASURED, Call, Layer, Measured
from benchmarks.simulation.provider import Allowance, Limits
from benchmarks.simulation.setup import Node, Setup, jobs_of
from benchmarks.simulation.world import simulate

TASKS = 120


@pytest.fixture(scope="module")
def measured() -> Measured:
    chance = random.Random(7)
    attempts = [
        [
            Call(prompt=2000 + 900 * n, cached=1500 + 800 * n, completion=chance.randint(20, 600), seconds=4.0)
            for n in range(chance.randint(5, 12))
        ]
        for _ in range(5)
    ]
    images = [
        [Layer(name="base", mb=300), Layer(name=f"env-{n // 5}", mb=150), Layer(name=f"repo-{n}", mb=40)]
        for n in range(30)
    ]
    return Measured(
        conditions={}, attempts=attempts, commands=[0.1, 0.2, 0.5, 3.0], images=images, starts=[0.4], ends=[0.1],
        evaluations=[3.0, 9.0], step=0.01, begin=1.0, process_mb=200, attempt_mb=1, containers_mb=[300], squeeze=0.4,
        unpack=100, hand_out=1e-5, hub=1e-4,
    )  # fmt: skip


@pytest.mark.parametrize("nodes", [1, 4])
@pytest.mark.parametrize("tokens", [float("inf"), 4e5])
def test_all_tasks_are_done_once_and_tokens_add_up(measured: Measured, nodes: int, tokens: float) -> None:
    jobs = jobs_of(measured, TASKS)
    setup = Setup(nodes=nodes, node=Node(slots=8), limits=Limits(tokens=tokens), cluster=nodes > 1, retries=1000)
    outcome = simulate(measured, setup, jobs)
    calls = [call for job in jobs for call in job.calls]
    used = outcome.use
    assert (used.done, outcome.failed) == (TASKS, 0)
    assert (used.calls, outcome.accepted) == (len(calls), len(calls))
    assert used.prompt == sum(call.prompt for call in calls)
    assert used.completion == sum(call.completion for call in calls)
    assert all(0 <= share <= 1.01 for share in outcome.shares.values()), outcome.shares


def test_more_nodes_are_quicker_until_something_is_full(measured: Measured) -> None:
    def run(nodes: int, limits: Limits) -> tuple[float, str]:
        setup = Setup(nodes=nodes, node=Node(slots=4), limits=limits, retries=1000)
        outcome = simulate(measured, setup, jobs_of(measured, TASKS))
        return outcome.seconds, outcome.bottleneck

    free = [run(nodes, Limits()) for nodes in (1, 2, 4, 8)]
    assert [seconds for seconds, _ in free] == sorted((seconds for seconds, _ in free), reverse=True)
    assert free[0][0] > 1.8 * free[1][0]
    assert free[0][1] == "slots"
    needed = sum(call.prompt - call.cached + call.completion for job in jobs_of(measured, TASKS) for call in job.calls)
    limits = Limits(tokens=needed / 30, burst=1.0)  # half an hour at the least
    many = [run(nodes, limits)[0] for nodes in (8, 16)]
    assert min(many) >= 29.9 * 60


def test_the_same_seed_gives_the_same_run(measured: Measured) -> None:
    setup = Setup(nodes=3, node=Node(slots=4), limits=Limits(tokens=4e5))
    first, second = (simulate(measured, setup, jobs_of(measured, 40)) for _ in range(2))
    assert first == second


def test_a_provider_that_allows_little_is_what_limits_a_run(measured: Measured) -> None:
    setup = Setup(nodes=8, node=Node(slots=16), limits=Limits(requests=60, burst=5), further=0)
    outcome = simulate(measured, setup, jobs_of(measured, TASKS))
    assert outcome.bottleneck == "provider"
    assert outcome.refused
    assert outcome.shares["provider"] > 0.8
    impatient = simulate(measured, replace(setup, retries=0), jobs_of(measured, TASKS))
    assert impatient.failed == impatient.refused > 0
    assert impatient.failed + impatient.use.done == TASKS


def test_a_cluster_pulls_what_tasks_share_once_a_node(measured: Measured) -> None:
    jobs = jobs_of(measured, 30)
    apart = sum(layer.mb for job in jobs for layer in job.image)
    outcome = simulate(measured, Setup(nodes=1, node=Node(slots=8)), jobs)
    assert outcome.use.pulled == outcome.disk == 300 + 6 * 150 + 30 * 40
    spread = simulate(measured, Setup(nodes=3, node=Node(slots=8)), jobs_of(measured, 30))
    assert outcome.use.pulled < spread.use.pulled < apart


def test_a_small_disk_drops_what_was_used_least_recently_and_pulls_it_again(measured: Measured) -> None:
    setup = Setup(nodes=1, node=Node(slots=2, disk=1.0), ahead=0)
    outcome = simulate(measured, setup, [*jobs_of(measured, 30), *jobs_of(measured, 30)])
    assert outcome.disk < 1200
    assert outcome.use.pulled > 300 + 6 * 150 + 30 * 40


def test_layers_in_use_stay() -> None:
    cache = Cache(100)
    first, second = [Layer(name="a", mb=80)], [Layer(name="b", mb=80)]
    cache.hold(first)
    cache.add(first)
    cache.hold(second)
    cache.add(second)
    assert not cache.lacking([*first, *second])
    cache.release(first)
    third = [Layer(name="c", mb=10)]
    cache.hold(third)
    cache.add(third)
    assert cache.lacking(first) == first
    assert not cache.lacking([*second, *third])


def test_further_tasks_share_only_the_lowest_layer(measured: Measured) -> None:
    images = images_of(measured.images, 60)
    first, again = images[0], images[30]
    assert first[0] == again[0]
    assert not {layer.name for layer in first[1:]} & {layer.name for layer in again[1:]}


def test_a_provider_says_when_to_come_again() -> None:
    now = 0.0
    allowance = Allowance(Limits(requests=60, burst=2), lambda: now)
    assert [allowance.ask(1), allowance.ask(1), allowance.ask(1)] == [0, 0, 1]
    now = 1.0
    assert allowance.ask(1) == 0
    assert (allowance.accepted, allowance.refused) == (3, 1)
    tokens = Allowance(Limits(tokens=600, burst=60), lambda: now)
    assert tokens.ask(5000) == 0  # more than fits is let in when all is there
    assert tokens.ask(1) == pytest.approx(441, abs=1)


def test_the_committed_measurements_can_be_simulated() -> None:
    measured = Measured.read(MEASURED)
    outcome = simulate(measured, replace(Setup(), nodes=2), jobs_of(measured, 20))
    assert outcome.use.done == 20
