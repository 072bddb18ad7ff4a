"""A job is one attempt of a run; a result is what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from agent.status import Status
from trajectories.events import AttemptEnded, Usage

if TYPE_CHECKING:
    from tasks.grading import Verdict
    from tasks.task import Task

#: Status of an attempt that could not even begin: its computer could not be made.
NOT_STARTED = "not_started"
#: Status of an attempt in the middle of which this program failed.
CRASHED = "crashed"
_NO_END = (NOT_STARTED, CRASHED)

#: Id of a task and number of an attempt: what tells a job from the others of a run.
Key = tuple[str, int]


@dataclass(frozen=True)
class Job:
    """One attempt on one task.

    Attributes:
        task: The task.
        attempt: Number of the attempt, from 1.
    """

    task: Task
    attempt: int = 1

    @property
    def key(self) -> Key:
        """What tells it from the others of a run."""
        return self.task.id, self.attempt

    @property
    def name(self) -> str:
        """For messages; the number is left out for a first attempt."""
        return self.task.id if self.attempt == 1 else f"{self.task.id} #{self.attempt}"


@dataclass(frozen=True)
class Result:
    """What came of a job.

    Attributes:
        job: The job.
        status: Why the attempt ended, a value of :class:`agent.status.Status`, :data:`NOT_STARTED` or
            :data:`CRASHED`.
        detail: One line for a user.
        patch: The unified diff.
        steps: Model calls.
        usage: Their sum.
        seconds: Time of the attempt.
        verdict: How it was graded, if it was.
        ungraded: Why it was not, although it should be.
        again: Whether it was read from disk, not made now.
    """

    job: Job
    status: str
    detail: str = ""
    patch: str = ""
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    seconds: float = 0.0
    verdict: Verdict | None = None
    ungraded: str = ""
    again: bool = False

    @classmethod
    def of(cls, job: Job, ended: AttemptEnded, patch: str, **more: Any) -> Result:
        """That of an attempt that ended."""
        return cls(job, ended.status, ended.detail, patch, ended.steps, ended.usage, ended.duration, **more)

    @property
    def infrastructure(self) -> bool:
        """Whether something failed that has nothing to do with the task."""
        if self.status in _NO_END or self.ungraded:
            return True
        graded_badly = self.verdict is not None and self.verdict.status == "infrastructure"
        return graded_badly or Status.of(self.status).infrastructure

    @property
    def finished(self) -> bool:
        """Whether the attempt is over: its patch is a prediction."""
        return self.status not in _NO_END and not Status.of(self.status).resumable

    @property
    def resolved(self) -> bool:
        """Whether its verdict says that the task is solved."""
        return self.verdict is not None and self.verdict.resolved

    @property
    def worth_another_try(self) -> bool:
        """Whether the same job may end otherwise now: an interrupt is not the infrastructure's fault."""
        return self.infrastructure and self.status != Status.INTERRUPTED

    def to_keep(self) -> Result:
        """The same, for the thread that calls this to keep until the end of the run: the patch is copied by it.

        The allocator serves each thread from pages of its own. A worker's patch, made among all that its attempt gives
        back when it ends, keeps the pages around it from being used as a whole again.
        """
        own = self.patch.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape")
        return replace(self, patch=own)

    def as_json(self) -> dict[str, Any]:
        """A row of ``results.json``."""
        return {
            "task_id": self.job.task.id,
            "attempt": self.job.attempt,
            "status": self.status,
            "detail": self.detail,
            "infrastructure": self.infrastructure,
            "resolved": None if self.verdict is None else self.verdict.resolved,
            "verdict": None if self.verdict is None else self.verdict.status,
            "reason": self.ungraded or (self.verdict.reason if self.verdict is not None else ""),
            "steps": self.steps,
            "usage": self.usage.model_dump(mode="json"),
            "seconds": round(self.seconds, 3),
            "patch_bytes": len(self.patch.encode("utf-8", "surrogateescape")),
        }
