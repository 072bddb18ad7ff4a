"""The simulation: nodes with slots take tasks from a queue, as engines of `agent batch` do, in simulated time."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Generator, Sequence
from typing import Any

import simpy

from agent.models.pacer import Pacer
from benchmarks.simulation.images import Cache
from benchmarks.simulation.measured import Measured
from benchmarks.simulation.outcome import Outcome, Use
from benchmarks.simulation.provider import REFUSAL, Allowance
from benchmarks.simulation.setup import Job, Setup

#: What happens to somebody, with waits for simulated time or others between.
Course = Generator[simpy.Event, Any, Any]

#: Seconds after which a command on a core lets others on it.
SLICE = 5.0
#: Tasks at the head of the queue among which the one for a node is looked for.
CHOICE = 64
#: Attempts that a process of a cluster makes at a time.
OF_PROCESS = 8
#: Calls of the hub for a step: may it ask the model, was it answered, what did it cost.
HUB_CALLS = 3


def simulate(measured: Measured, setup: Setup, jobs: Sequence[Job]) -> Outcome:
    """Make all attempts.

    Args:
        measured: For what is the same for all attempts.
        setup: On what they are made.
        jobs: The attempts, in order.
    """
    return _World(measured, setup, jobs).run()


class _Machine:
    """A node, with the sandboxes that it makes ahead."""

    def __init__(self, world: _World) -> None:
        node = world.setup.node
        self.cores = simpy.Resource(world.time, node.cores)
        self.process = simpy.Resource(world.time, 1)
        self.link = simpy.Resource(world.time, 1)
        self.most_ahead = world.setup.ahead * (math.ceil(node.slots / OF_PROCESS) if world.setup.cluster else 1)
        self.makers = simpy.Resource(world.time, max(1, self.most_ahead))
        self.cache = Cache(node.disk * 1000)
        self.coming: dict[str, simpy.Event] = {}
        self.ahead: deque[tuple[Job, simpy.Event]] = deque()


class _World:
    def __init__(self, measured: Measured, setup: Setup, jobs: Sequence[Job]) -> None:
        self.measured, self.setup, self.jobs = measured, setup, jobs
        self.time = simpy.Environment()
        self.streams = max(1, round(setup.registry / setup.node.network))
        self.stream = min(setup.node.network, setup.registry)
        self.registry = simpy.Resource(self.time, self.streams)
        self.allowance = Allowance(setup.limits, lambda: self.time.now)
        self.gate = _Gate(self.time)
        self.machines = [_Machine(self) for _ in range(setup.nodes)]
        self.waiting: deque[Job] = deque()
        self.failed: list[Job] = []
        self.use = Use()
        self.driver, self.hub = _Server(self.time), _Server(self.time)

    def run(self) -> Outcome:
        self.time.process(self._rounds())
        self.time.run()
        return Outcome.of(
            self.setup,
            self.use,
            seconds=self.time.now,
            driver=self.driver.busy,
            hub=self.hub.busy,
            failed=len(self.failed),
            accepted=self.allowance.accepted,
            refused=self.allowance.refused,
            disk=max(machine.cache.most for machine in self.machines),
            streams=self.streams,
        )

    def _rounds(self) -> Course:
        yield self.time.timeout(self.measured.begin)
        self.failed = list(self.jobs)
        for number in range(self.setup.further + 1):
            if number:
                yield self.time.timeout(self.setup.further_wait * 4 ** (number - 1))
            self.waiting, self.failed = deque(self.failed), []
            slots = range(min(self.setup.node.slots, len(self.waiting)))
            yield self.time.all_of([self.time.process(self._slot(machine)) for _ in slots for machine in self.machines])
            if not self.failed:
                break

    def _slot(self, machine: _Machine) -> Course:
        while machine.ahead or self.waiting:
            if machine.ahead:
                job, ready = machine.ahead.popleft()
                self._refill(machine)
                began = self.time.now
                yield ready
            else:
                job = self._next(machine)
                self._refill(machine)
                began = self.time.now
                yield from self._make(machine, job)
            finished = yield from self._attempt(machine, job)
            yield from self._compute(machine, job.end)
            machine.cache.release(job.image)
            if finished:
                if self.setup.evaluate:
                    yield from self._compute(machine, job.evaluation)
                self.use.done += 1
            else:
                self.failed.append(job)
            self.use.slots += self.time.now - began

    def _next(self, machine: _Machine) -> Job:
        """The next task for a node: one of the first whose image is there, else the one of which least is lacking."""
        if len(self.machines) == 1:
            return self.waiting.popleft()
        best, least = 0, float("inf")
        for place in range(min(CHOICE, len(self.waiting))):
            lacking = sum(layer.mb for layer in machine.cache.lacking(self.waiting[place].image))
            if lacking < least:
                best, least = place, lacking
            if not lacking:
                break
        job = self.waiting[best]
        del self.waiting[best]
        return job

    def _refill(self, machine: _Machine) -> None:
        enough = self.setup.nodes * self.setup.node.slots if self.setup.cluster else 0
        while len(machine.ahead) < machine.most_ahead and len(self.waiting) > enough:
            job = self._next(machine)
            machine.ahead.append((job, self.time.process(self._make_ahead(machine, job))))

    def _make_ahead(self, machine: _Machine, job: Job) -> Course:
        with machine.makers.request() as turn:
            yield turn
            yield from self._make(machine, job)

    def _make(self, machine: _Machine, job: Job) -> Course:
        if self.setup.cluster:
            yield self.time.timeout(self.driver.serve(self.measured.hand_out * self.setup.nodes))
        machine.cache.hold(job.image)
        lacking = machine.cache.lacking(job.image)
        others = {machine.coming[layer.name] for layer in lacking if layer.name in machine.coming}
        if mine := [layer for layer in lacking if layer.name not in machine.coming]:
            come = self.time.event()
            machine.coming.update(dict.fromkeys((layer.name for layer in mine), come))
            mb = sum(layer.mb for layer in mine)
            with machine.link.request() as link, self.registry.request() as stream:
                yield link
                yield stream
                taken = mb * self.measured.squeeze / self.stream
                yield self.time.timeout(taken)
            self.use.network += taken
            self.use.pulled += mb
            yield from self._compute(machine, mb / self.measured.unpack)
            machine.cache.add(mine)
            for layer in mine:
                del machine.coming[layer.name]
            come.succeed()
        yield self.time.all_of(others)
        yield from self._compute(machine, job.start)

    def _attempt(self, machine: _Machine, job: Job) -> Course:
        """Make the calls and run the commands that are not made yet; whether the provider answered all of them."""
        while job.made < len(job.calls):
            if not (yield from self._call(job)):
                return False
            if not self.setup.cluster:
                with machine.process.request() as turn:
                    yield turn
                    yield self.time.timeout(self.measured.step)
                self.use.process += self.measured.step
                yield from self._compute(machine, job.commands[job.made])
            else:
                yield from self._compute(machine, job.commands[job.made] + self.measured.step)
            job.made += 1
        return True

    def _call(self, job: Job) -> Course:
        call = job.calls[job.made]
        fresh = call.prompt - call.cached
        for _ in range(self.setup.retries + 1):
            yield from self.gate.turn()
            wait = self.allowance.ask(fresh + call.completion)
            if not wait:
                asked = self.hub.serve(self.measured.hub * HUB_CALLS) if self.setup.cluster else 0.0
                yield self.time.timeout(asked + call.seconds)
                self.gate.pacer.answered()
                self.use.called(call)
                return True
            yield self.time.timeout(REFUSAL)
            self.gate.pacer.hold(wait)
            yield self.time.timeout(wait)
        return False

    def _compute(self, machine: _Machine, seconds: float) -> Course:
        self.use.cpu += seconds
        while seconds > 0:
            part = min(seconds, SLICE)
            with machine.cores.request() as core:
                yield core
                yield self.time.timeout(part)
            seconds -= part


class _Server:
    """Does one thing after the other, for all.

    Attributes:
        busy: Seconds in which it did something.
    """

    def __init__(self, time: simpy.Environment) -> None:
        self._time = time
        self._free = self.busy = 0.0

    def serve(self, seconds: float) -> float:
        """Seconds from now until it has done one more thing, which takes so long."""
        self._free = max(self._free, self._time.now) + seconds
        self.busy += seconds
        return self._free - self._time.now


class _Gate:
    """The pacer of a run, which all attempts share, in simulated time; those that wait go in the order they came."""

    def __init__(self, time: simpy.Environment) -> None:
        self.pacer = Pacer(clock=lambda: time.now)
        self._time = time
        self._queue: deque[simpy.Event] = deque()

    def turn(self) -> Course:
        """Wait until a call may be made."""
        if not self._queue and not self.pacer.wait():
            return
        mine = self._time.event()
        self._queue.append(mine)
        if len(self._queue) == 1:
            self._time.process(self._let_through())
        yield mine

    def _let_through(self) -> Course:
        while self._queue:
            while wait := self.pacer.wait():
                yield self._time.timeout(max(wait, 1e-6))
            self._queue.popleft().succeed()
