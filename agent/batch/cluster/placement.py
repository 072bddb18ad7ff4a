"""What a job asks of a node, how many fit, and which job is for which node."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING

from aci_tools.errors import UsageError
from aci_tools.sandbox import MIB
from agent.batch.jobs import Job, Key

if TYPE_CHECKING:
    from tasks.task import Task

#: Jobs that one process does at a time, at most: they die together when it does.
MOST_SLOTS = 8
#: Waiting jobs among which the one for a node is looked for.
WINDOW = 64


@dataclass(frozen=True)
class Share:
    """What a job asks of the node that it runs on.

    Attributes:
        cpu: Processors, parts of one too.
        memory: MiB.
        sandbox: Of the resource ``sandbox``, of which a node has as many as it was started with.
    """

    cpu: float = 1.0
    memory: float = 1024.0
    sandbox: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Share:
        """Read ``cpu=0.5,memory=2048``; what is not said is as by default.

        Raises:
            UsageError: It is something else.
        """
        names = [field.name for field in fields(cls)]
        given: dict[str, float] = {}
        for part in filter(None, text.split(",")):
            name, _, value = part.partition("=")
            try:
                given[name] = float(value)
            except ValueError:
                given[name] = -1.0
            if name not in names or not 0 <= given[name] < math.inf:
                raise UsageError(f"--per-attempt {part}: give amounts of {', '.join(names)}, as in cpu=0.5,memory=2048")
        share = cls(**given)
        if not share.sandbox:
            raise UsageError("--per-attempt sandbox=0: it is what limits how many sandboxes a node has")
        return share

    def times(self, count: int) -> dict[str, float]:
        """What so many jobs ask, in Ray's words."""
        return {"CPU": self.cpu * count, "memory": self.memory * MIB * count, "sandbox": self.sandbox * count}

    def fits(self, resources: Mapping[str, float]) -> int:
        """How many jobs a node with these resources has room for."""
        return min(int(resources.get(name, 0.0) / asked + 1e-9) for name, asked in self.times(1).items() if asked)


def sizes(nodes: Iterable[Mapping[str, float]], share: Share, workers: int | None) -> list[int]:
    """How many jobs at a time each process does: as many processes as it takes.

    Args:
        nodes: The resources of each living node.
        share: What a job asks.
        workers: Jobs side by side; default: as many as there is room for. More than that wait for further nodes.

    Raises:
        UsageError: No node has room for one.
    """
    room = [fits for fits in (share.fits(node) for node in nodes) if fits]
    if not room:
        asked = ", ".join(f"{name}={amount:g}" for name, amount in asdict(share).items() if amount)
        raise UsageError(
            f"--engine ray: no node of the cluster has room for an attempt ({asked}); begin nodes with "
            """`ray start --resources '{"sandbox": 8}'`, or ask for less with --per-attempt"""
        )
    count = workers or sum(room)
    slots = min(MOST_SLOTS, *room, math.ceil(count / len(room)))
    whole, rest = divmod(count, slots)
    return [slots] * whole + ([rest] if rest else [])


class Waiting:
    """Jobs that wait, and which nodes have what they need.

    A node gets a job whose images it has before one that nobody has, and that before one whose images another node
    has; among equals the first. So what tasks share is fetched or built on few nodes, and no node is idle.
    """

    def __init__(self) -> None:
        self._jobs: list[Job] = []
        self._has: defaultdict[str, set[str]] = defaultdict(set)
        self._found: defaultdict[str, dict[str, float]] = defaultdict(dict)
        self._failed: set[tuple[Key, str]] = set()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, jobs: Sequence[Job]) -> None:
        """Let jobs wait, behind those that do."""
        self._jobs += jobs

    def put_back(self, jobs: Sequence[Job]) -> None:
        """Let jobs wait before all others."""
        self._jobs[:0] = jobs

    def keep(self, keys: Collection[Key]) -> None:
        """Let only the jobs with these keys wait on."""
        self._jobs = [job for job in self._jobs if job.key in keys]

    def failed(self, job: Job, node: str) -> None:
        """A job failed on a node for reasons of its own: it is rather tried elsewhere."""
        self._failed.add((job.key, node))

    def next_tasks(self) -> list[Task]:
        """The tasks among which the next ones are chosen."""
        return [job.task for job in self._jobs[:WINDOW]]

    def found(self, node: str, shares: Mapping[str, float]) -> None:
        """A node says how much it has, from 0 to 1, of what tasks need, by their ids."""
        self._found[node] |= shares

    def take(self, node: str, others: Collection[str]) -> Job:
        """The next job for a node, which is taken to have from now on what that job needs.

        Args:
            node: The node.
            others: The other nodes that are there.
        """
        job = self._jobs.pop(self._best(node, others, range(min(WINDOW, len(self._jobs)))))
        self._has[node].update(_needs(job.task))
        return job

    def earmark(self, node: str, others: Collection[str], count: int) -> list[Task]:
        """The tasks that a node will probably be given next, and is taken to have soon what they need."""
        left = list(range(min(WINDOW, len(self._jobs))))
        chosen: list[Task] = []
        while left and len(chosen) < count:
            place = self._best(node, others, left)
            left.remove(place)
            chosen.append(self._jobs[place].task)
            self._has[node].update(_needs(chosen[-1]))
        return chosen

    def _best(self, node: str, others: Collection[str], places: Iterable[int]) -> int:
        """Which of the waiting jobs is the one for a node."""

        def merit(place: int) -> tuple[bool, float, float, int]:
            job = self._jobs[place]
            elsewhere = max((self._share(other, job.task) for other in others), default=0.0)
            return (job.key, node) not in self._failed, self._share(node, job.task), -elsewhere, -place

        return max(places, key=merit)

    def _share(self, node: str, task: Task) -> float:
        """How much of what a task needs a node has: 0 to 1 by what it said, or to 2 by what it was given since."""
        given = len(self._has[node].intersection(_needs(task)))
        return max(float(given), self._found[node].get(task.id, 0.0))


def _needs(task: Task) -> tuple[str, ...]:
    """Names of what a task's computer is made of: its own image, and the layers that it shares."""
    shared = task.image or f"{task.repo} {task.environment and task.environment.model_dump_json()}"
    return f"task {task.id}", shared
