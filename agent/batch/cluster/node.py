"""The side of the nodes: a process that does several jobs of a run at a time, with what its own machine has."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from aci_tools.errors import InfrastructureError
from agent import __version__
from agent.batch.assignment import Assignment, open_worker
from agent.batch.cluster.hub import Correspondent, SharedBudget, SharedPacer
from agent.batch.cluster.kept import Kept
from agent.batch.engine import AHEAD
from agent.batch.jobs import Job, Result
from agent.batch.places import LookAhead
from agent.batch.stop import Stop

if TYPE_CHECKING:
    from tasks.task import Task

#: Seconds that attempts get to end by themselves when the driver is gone.
_GRACE = 5.0


@dataclass(frozen=True)
class Brief:
    """What a node's process is told when it begins.

    Attributes:
        assignment: What the jobs have in common.
        kept: Where the run is kept.
        slots: Jobs at a time.
        directory: The driver's working directory, which relative paths of the configuration are meant from.
    """

    assignment: Assignment
    kept: Kept
    slots: int
    directory: str


@dataclass(frozen=True)
class Greeting:
    """What a node's process says of itself when it is ready.

    Attributes:
        node: Ray's id of its node.
        name: Its host.
        model: Name of the model that it asks.
    """

    node: str
    name: str
    model: str


class NodeWorker:
    """An actor on a node. Ray calls its methods in threads."""

    def __init__(self) -> None:
        self._name = socket.gethostname()
        self._stop = Stop()
        self._opened = contextlib.ExitStack()
        self._closing = threading.Event()
        self._prefetching = 0

    def version(self) -> str:
        """The version of Patchwright here; asked before anything is sent that another version may not understand."""
        return __version__

    def open(self, brief: Brief, hub: Any) -> Greeting:
        """Get ready for jobs.

        Raises:
            UsageError, InfrastructureError: No job could be done here.
        """
        import ray

        from aci_tools.sandbox import reap
        from aci_tools.sandbox.workspace import workspace

        with contextlib.suppress(OSError):
            os.chdir(brief.directory)
        assignment = brief.assignment
        output = brief.kept.open(self._opened.enter_context(workspace()), self._name)
        with contextlib.suppress(InfrastructureError):
            reap()  # what processes left here that were killed
        board = self._opened.enter_context(Correspondent(hub, self._name))
        budget = SharedBudget(assignment.cost_limit, self._stop, hub)
        self._worker = self._opened.enter_context(
            open_worker(assignment, output, board, budget, self._stop, partial(SharedPacer, hub))
        )
        self._ahead = self._opened.enter_context(LookAhead([], self._worker.places.open, AHEAD))
        self._slots = threading.BoundedSemaphore(brief.slots)
        threading.Thread(target=self._listen, args=(hub,), name="stop", daemon=True).start()
        node = ray.get_runtime_context().get_node_id()
        return Greeting(node, self._name, self._worker.model.name)

    def do(self, job: Job) -> Result:
        """Do a job as soon as there is room for it; its computer is made meanwhile."""
        if self._worker.output.finished(job) is None:
            self._ahead.expect(job)
        with self._slots:
            return self._worker.do(job, self._ahead)

    def present(self, tasks: Sequence[Task]) -> dict[str, float]:
        """The share of what each task's computer is made of that is on this machine, where it is any."""
        shares: dict[str, float] = {}
        with contextlib.suppress(InfrastructureError):
            shares = {task.id: self._worker.places.present(task) for task in tasks}
        return {name: share for name, share in shares.items() if share}

    def prefetch(self, tasks: Sequence[Task]) -> None:
        """Have on this machine, in the background, what tasks need that will probably be done here."""
        self._prefetching += 1
        this = self._prefetching

        def fetch() -> None:
            with contextlib.suppress(InfrastructureError):  # their attempts will say it
                self._worker.places.prefetch(tasks, lambda: self._closing.is_set() or self._prefetching != this)

        threading.Thread(target=fetch, name="prefetch", daemon=True).start()

    def close(self) -> None:
        """Remove all that is here, when no job is left."""
        self._closing.set()
        self._opened.close()

    def abandon(self) -> None:
        """Remove all that is here although jobs are in work, and record no more of them."""
        self._closing.set()
        self._stop.abandon(lambda: None)

    def _listen(self, hub: Any) -> None:
        """Stop when the run is stopped, and when its driver is gone."""
        import ray

        try:
            ray.get(hub.until_stopped.remote())
        except ray.exceptions.RayError:
            if self._closing.is_set():
                return
            self._stop.set()
            self._closing.wait(_GRACE)
            self._stop.abandon(lambda: os._exit(1))
        self._stop.set()
