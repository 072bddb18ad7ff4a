"""Where jobs run: an engine has a crew do them side by side and hands back results as they come."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from aci_tools.errors import UsageError
from agent.batch.assignment import Assignment, open_worker
from agent.batch.board import Board
from agent.batch.budget import RunBudget
from agent.batch.jobs import Job, Key, Result
from agent.batch.output import Output
from agent.batch.places import LookAhead
from agent.batch.stop import Stop
from agent.batch.worker import Worker

#: Places that are made ready beyond those in use.
AHEAD = 2


class Crew(Protocol):
    """Those who do the jobs of a run."""

    @property
    def budget(self) -> RunBudget:
        """What the run may spend, and what it has spent."""

    @property
    def model(self) -> str:
        """Name of the model that they ask."""

    def run(self, jobs: Sequence[Job], free: Collection[Key] = ()) -> Iterator[Result]:
        """Do every job, in about this order; none begins once the run is stopped, or out of money and not free.

        Args:
            jobs: The jobs.
            free: Keys of those that spend nothing, because their attempts have ended and are graded only.

        Yields:
            Results, in the order in which jobs end.
        """


class Engine(Protocol):
    """Where jobs run."""

    def open(self, assignment: Assignment, output: Output, board: Board, stop: Stop) -> AbstractContextManager[Crew]:
        """Those who do the jobs of a run, for the length of a ``with`` block.

        Args:
            assignment: What they must know.
            output: Where the run is kept.
            board: Shown what happens.
            stop: Stops them.

        Raises:
            UsageError, InfrastructureError: Nobody could do any.
        """


def engine_of(name: str, workers: int | None, *, address: str | None = None, share: str = "") -> Engine:
    """The engine of a name.

    Args:
        name: ``local`` or ``ray``.
        workers: Jobs side by side; default: 4, on a cluster as many as it has room for.
        address: Where a cluster is.
        share: What each job asks of a cluster, such as ``cpu=0.5,memory=2048``.

    Raises:
        UsageError: There is none of that name, or it cannot use what is given.
    """
    if name == "ray":
        from agent.batch.cluster.engine import RayEngine
        from agent.batch.cluster.placement import Share

        return RayEngine(workers, address, Share.parse(share))
    if name != "local":
        raise UsageError(f"--engine {name}: there are local and ray")
    for option, given in (("--address", address), ("--per-attempt", share)):
        if given:
            raise UsageError(f"{option} is for --engine ray")
    return LocalEngine(workers or 4)


class LocalEngine:
    """Threads of this process. Attempts wait for models and sandboxes, which are others' processes.

    Args:
        workers: Jobs side by side.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    @contextlib.contextmanager
    def open(self, assignment: Assignment, output: Output, board: Board, stop: Stop) -> Iterator[Crew]:
        """See :class:`Engine`."""
        budget = RunBudget(assignment.cost_limit, stop)
        with open_worker(assignment, output, board, budget, stop) as worker:
            yield _Threads(worker, self.workers, budget, stop)


class _Threads:
    def __init__(self, worker: Worker, count: int, budget: RunBudget, stop: Stop) -> None:
        self.budget: RunBudget = budget
        self.model = worker.model.name
        self._worker, self._count, self._stop = worker, count, stop

    def run(self, jobs: Sequence[Job], free: Collection[Key] = ()) -> Iterator[Result]:
        """See :class:`Crew`."""
        worker = self._worker
        needing = [job for job in jobs if job.key not in free]
        worker.places.expect(job.task for job in needing)

        def halted(job: Job) -> bool:
            return bool(self._stop) or (self.budget.exhausted and job.key not in free)

        with LookAhead(needing, worker.places.open, min(AHEAD, self._count)) as ahead:
            yield from side_by_side(self._count, jobs, lambda job: worker.do(job, ahead), halted)


def side_by_side(
    count: int, jobs: Sequence[Job], work: Callable[[Job], Result], halted: Callable[[Job], bool]
) -> Iterator[Result]:
    """Do jobs in threads of this process.

    Args:
        count: Threads.
        jobs: The jobs.
        work: Does one; raises only what is a programming error.
        halted: Asked before each; when it says yes, that one does not begin.

    Yields:
        Results, in the order in which jobs end.
    """
    waiting = deque(jobs)
    results: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()

    def serve() -> None:
        try:
            while waiting:
                try:
                    job = waiting.popleft()
                except IndexError:  # another worker was quicker
                    break
                if not halted(job):
                    results.put(work(job))
        except BaseException as error:
            results.put(error)
        finally:
            results.put(None)

    left = min(count, len(jobs))
    for number in range(1, left + 1):
        threading.Thread(target=serve, name=f"worker-{number}", daemon=True).start()
    while left:
        result = results.get()
        if result is None:
            left -= 1
        elif isinstance(result, BaseException):
            raise result
        else:
            yield result
