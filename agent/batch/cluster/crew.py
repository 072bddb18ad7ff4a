"""The processes of a run on the nodes: they are given jobs, and replaced when they or their nodes die."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError
from agent import __version__
from agent.batch.assignment import Assignment
from agent.batch.board import Board
from agent.batch.budget import RunBudget
from agent.batch.cluster.hub import Hub, SharedBudget
from agent.batch.cluster.kept import Kept
from agent.batch.cluster.node import Brief, Greeting, NodeWorker
from agent.batch.cluster.placement import WINDOW, Share, Waiting
from agent.batch.engine import AHEAD
from agent.batch.jobs import CRASHED, Job, Key, Result
from agent.batch.output import Output
from agent.batch.stop import Stop

#: How often a job may lose its process before it counts as failed: it may be what kills them.
_MOST_LOSSES = 3
#: Processes that may die one after the other before they are ready.
_MOST_FALSE_STARTS = 3
#: Failures one after the other after which a process is given one job at a time.
_DOUBTFUL = 3
_TICK = 0.5
_REMIND_EVERY = 60.0
#: Seconds that processes get to remove their sandboxes: at the end of a run, and when it is broken off.
_CLOSING, _ABANDONING = 60.0, 8.0


@dataclass(eq=False)
class Process:
    """A process on a node.

    Attributes:
        actor: Ray's handle.
        slots: Jobs that it does at a time.
        pending: What it was asked last, until it is ready.
        greeting: What it said when it was.
        jobs: Those that it has, by what is waited for.
        failures: Jobs that failed there one after the other.
    """

    actor: Any
    slots: int
    pending: Any
    greeting: Greeting | None = None
    jobs: dict[Any, Job] = field(default_factory=dict)
    failures: int = 0

    def room(self, *, ahead: int) -> int:
        """How many more jobs it may be given."""
        if self.greeting is None:
            return 0
        return (1 if self.failures >= _DOUBTFUL else self.slots + ahead) - len(self.jobs)


class Processes:
    """The processes of a run, those that are not ready yet too; see :class:`~agent.batch.engine.Crew`.

    Args:
        ray: Ray's module, connected.
        assignment: What they must know.
        output: Where the run is kept.
        asked: What each job asks of its node.
        board: Shown what happens.
        stop: Stops them.
    """

    def __init__(
        self, ray: Any, assignment: Assignment, output: Output, asked: Share, board: Board, stop: Stop
    ) -> None:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray, self._asked, self._output, self._board, self._stop = ray, asked, output, board, stop
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._hub = ray.remote(Hub).options(num_cpus=0, scheduling_strategy=here).remote()
        self.budget: RunBudget = SharedBudget(assignment.cost_limit, stop, self._hub)
        self.model = assignment.config.model.name
        self._assignment, self._kept = assignment, Kept.of(output)
        self._processes: list[Process] = []
        self._known: dict[Key, Job] = {}
        self._waiting = Waiting()
        self._surveys: dict[Any, Process] = {}
        self._until_survey: Counter[str] = Counter()
        self._losses: Counter[Key] = Counter()
        self._false_starts = 0
        self._why = ""
        self._reminded = time.monotonic()

    def begin(self, wanted: Sequence[int]) -> None:
        """Have processes begun that do so many jobs at a time each, and wait until one is ready.

        Raises:
            UsageError, InfrastructureError: None can do any job.
        """
        for slots in wanted:
            self._hire(slots)
        while not self._stop and not any(process.greeting for process in self._processes):
            for _ in self._turn():
                pass
            self._remind()
        self.model = next((known.greeting.model for known in self._processes if known.greeting), self.model)

    def run(self, jobs: Sequence[Job], free: Collection[Key] = ()) -> Iterator[Result]:
        """See :class:`~agent.batch.engine.Crew`."""
        self._known.update((job.key, job) for job in jobs)
        self._waiting.add(jobs)
        while True:
            if self._stop:
                self._waiting.keep(())
            elif self.budget.exhausted:
                self._waiting.keep(free)
            self._hand_out()
            if not self._waiting and not any(process.jobs for process in self._processes):
                return
            yield from self._turn()
            self._remind()

    def stop(self) -> None:
        """Have all processes stop what they do."""
        self._hub.stop.remote()

    def abandon(self) -> None:
        """Have all processes remove their sandboxes, because this one ends."""
        asked = [process.actor.abandon.remote() for process in self._processes if process.greeting]
        if asked:
            self._ray.wait(asked, num_returns=len(asked), timeout=_ABANDONING)

    def close(self) -> None:
        """Let all processes go."""
        ready = [process for process in self._processes if process.greeting]
        asked = [(process.actor.abandon if process.jobs else process.actor.close).remote() for process in ready]
        if asked:
            self._ray.wait(asked, num_returns=len(asked), timeout=_CLOSING)
        for process in self._processes:
            self._ray.kill(process.actor)
        with contextlib.suppress(InfrastructureError):
            self._hear()
        self._ray.kill(self._hub)

    def _hire(self, slots: int) -> None:
        asked = self._asked.times(slots)
        actor = (
            self._ray.remote(NodeWorker)
            .options(
                num_cpus=asked.pop("CPU"),
                memory=int(asked.pop("memory")),
                resources=asked,
                scheduling_strategy="SPREAD",
                max_concurrency=slots + AHEAD + 2,
            )
            .remote()
        )
        self._processes.append(Process(actor, slots, actor.version.remote()))

    def _hand_out(self) -> None:
        """Give waiting jobs to whoever has most room; ahead of time only where all have enough to do."""
        slots = sum(process.slots for process in self._processes)
        while self._waiting:
            ahead = AHEAD if len(self._waiting) > slots else 0
            process = max(self._processes, key=lambda known: known.room(ahead=ahead), default=None)
            if process is None or process.greeting is None or process.room(ahead=ahead) <= 0:
                return
            node = process.greeting.node
            self._survey(process)
            job = self._waiting.take(node, self._nodes() - {node})
            process.jobs[process.actor.do.remote(job)] = job

    def _nodes(self) -> set[str]:
        return {process.greeting.node for process in self._processes if process.greeting}

    def _survey(self, process: Process) -> None:
        """Ask a node now and then how much it has of what the next tasks need; it is not waited for."""
        assert process.greeting is not None
        node = process.greeting.node
        self._until_survey[node] -= 1
        if self._until_survey[node] < 0:
            self._until_survey[node] = WINDOW // 2
            self._surveys[process.actor.present.remote(self._waiting.next_tasks())] = process

    def _surveyed(self, process: Process, shares: dict[str, float]) -> None:
        """Have a node fetch what it will need next and does not have."""
        assert process.greeting is not None
        node = process.greeting.node
        self._waiting.found(node, shares)
        if tasks := self._waiting.earmark(node, self._nodes() - {node}, 2 * process.slots):
            process.actor.prefetch.remote(tasks)

    def _turn(self) -> Iterator[Result]:
        """Wait a moment for what was asked, show what is new, and see to what came."""
        by_answer: dict[Any, Process] = {}
        for process in self._processes:
            by_answer.update(dict.fromkeys(process.jobs, process))
            if process.greeting is None:
                by_answer[process.pending] = process
        asked = [*by_answer, *self._surveys]
        if not asked:
            self._stop.wait(_TICK)
            return
        if self._ray.wait(asked, num_returns=1, timeout=_TICK)[0]:
            answers, _ = self._ray.wait(asked, num_returns=len(asked), timeout=0)
        else:
            answers = []
        self._hear()
        for answer in answers:
            if (surveyed := self._surveys.pop(answer, None)) is not None:
                self._surveyed(surveyed, self._answer(answer) or {})
                continue
            process = by_answer[answer]
            if process not in self._processes:  # lost since
                continue
            if answer not in process.jobs:
                self._get_ready(process)
            elif (result := self._answer(answer)) is None:
                yield from self._lose(process)
            else:
                del process.jobs[answer]
                yield self._take(process, result)

    def _answer(self, answer: Any) -> Any:
        """What a process answers; ``None`` when it is lost, or its answer is.

        Raises:
            Exception: What the process raised.
        """
        try:
            return self._ray.get(answer)
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, UsageError | InfrastructureError) else error from None
        except self._ray.exceptions.RayError as error:
            self._why = (str(error).strip().splitlines() or [""])[0]
            return None

    def _get_ready(self, process: Process) -> None:
        """Take the next step of a process that is not ready yet."""
        try:
            said = self._answer(process.pending)
        except InfrastructureError as error:
            self._leave_out(process, error)
            return
        if said is None:
            self._false_starts += 1
            if self._false_starts >= _MOST_FALSE_STARTS:
                raise InfrastructureError(f"--engine ray: processes die as soon as they begin ({self._why})")
            self._replace(process)
        elif isinstance(said, Greeting):
            process.greeting, self._false_starts = said, 0
        elif said != __version__:
            raise UsageError(f"--engine ray: a node has Patchwright {said}, this machine {__version__}; have the same")
        else:
            brief = Brief(self._assignment, self._kept, process.slots, os.getcwd())
            process.pending = process.actor.open.remote(brief, self._hub)

    def _leave_out(self, process: Process, error: InfrastructureError) -> None:
        """Do without a process whose node cannot do jobs.

        Raises:
            InfrastructureError: No other is left.
        """
        self._processes.remove(process)
        self._ray.kill(process.actor)
        if not self._processes:
            raise error
        self._board.say(f"a node is left out: {error}", "yellow")

    def _take(self, process: Process, result: Result) -> Result:
        if result.worth_another_try and process.greeting is not None:
            self._waiting.failed(result.job, process.greeting.node)
        self._kept.fetch(self._output, result.job)
        process.failures = process.failures + 1 if result.worth_another_try else 0
        self._board.end(result)
        return result

    def _lose(self, process: Process) -> list[Result]:
        """See to the jobs of a process that died, alone or with its node; those that died too often are over."""
        jobs = list(process.jobs.values())
        self._losses.update(job.key for job in jobs)
        self._waiting.put_back([job for job in jobs if self._losses[job.key] < _MOST_LOSSES])
        name = process.greeting.name if process.greeting else "a node"
        self._board.say(f"{name}: a worker process was lost; its {len(jobs)} attempts go on elsewhere", "yellow")
        self._replace(process)
        detail = f"its worker process was lost {_MOST_LOSSES} times"
        over = [Result(job, CRASHED, detail) for job in jobs if self._losses[job.key] >= _MOST_LOSSES]
        for result in over:
            self._board.end(result)
        return over

    def _replace(self, process: Process) -> None:
        self._processes.remove(process)
        self._ray.kill(process.actor)  # it may only be out of reach
        self._hire(process.slots)

    def _hear(self) -> None:
        """Show what the processes tell.

        Raises:
            InfrastructureError: What they share is lost.
        """
        heard = self._answer(self._hub.heard.remote())
        if heard is None:
            raise InfrastructureError(f"--engine ray: the cluster is lost ({self._why}); --resume goes on with the run")
        news, self.budget.usage = heard
        for item in news:
            about = () if item.key is None else (self._known[item.key],)
            getattr(self._board, item.what)(*about, *item.said)

    def _remind(self) -> None:
        """Say now and then that nothing can go on."""
        if any(process.greeting for process in self._processes):
            self._reminded = time.monotonic()
        elif time.monotonic() - self._reminded > _REMIND_EVERY:
            self._reminded = time.monotonic()
            self._board.say("waiting for a node of the cluster with room for attempts", "yellow")
