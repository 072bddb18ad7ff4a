"""One job from beginning to end: a place, the attempt, its patch, its grade."""

from __future__ import annotations

import contextlib
import threading
import traceback
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aci_tools.errors import PatchwrightError
from agent.batch.board import Audience
from agent.batch.budget import RunBudget
from agent.batch.jobs import CRASHED, NOT_STARTED, Job, Result
from agent.batch.output import Output, write_whole
from agent.batch.places import LookAhead, Place, Places
from agent.budget import AttemptOver, Budget
from agent.config import Config
from agent.models import Model
from agent.status import Status
from agent.work import Work, open_work

if TYPE_CHECKING:
    from tasks.grading import Evaluator


@dataclass
class Worker:
    """Does jobs; any number of threads may call it.

    Args:
        config: The effective configuration.
        model: The model, which all share.
        output: The directory of the run.
        budget: What the run may spend.
        board: Told what happens.
        places: Makes computers.
        evaluator: Grades patches; ``None``: they are not graded.
    """

    config: Config
    model: Model
    output: Output
    budget: RunBudget
    board: Audience
    places: Places
    evaluator: Evaluator | None = None

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._abandoned = False
        self._running: dict[int, Work] = {}

    def do(self, job: Job, ahead: LookAhead) -> Result:
        """Attempt a task, or go on with an attempt that was cut off, and grade it.

        Raises only what is a programming error.
        """
        self.board.begin(job)
        try:
            with self.output.alone(job, self.budget.check), self.output.kept(job):
                result = self.grade(self.output.finished(job) or self._attempt(job, ahead))
        except AttemptOver as over:
            result = Result(job, over.status, over.detail)
        except PatchwrightError as error:
            result = Result(job, NOT_STARTED, _line(error))
        if self._abandoned and result.infrastructure:  # its sandbox was taken away
            return Result(job, Status.INTERRUPTED, "interrupted")
        self.board.end(result)
        return result

    def grade(self, result: Result) -> Result:
        """The result with its verdict, where there is to be one."""
        if self.evaluator is None or not result.finished or result.verdict is not None:
            return result
        from tasks.grading import Prediction

        self.board.phase(result.job, "grading")
        prediction = Prediction(task_id=result.job.task.id, model=self.model.name, patch=result.patch)
        try:
            graded = replace(result, verdict=self.evaluator.evaluate(result.job.task, prediction), ungraded="")
        except PatchwrightError as error:
            graded = replace(result, ungraded=_line(error))
        except Exception as error:
            graded = replace(result, ungraded=self._fault(result.job, error))
        return result if self._abandoned and graded.infrastructure else graded

    def abandon(self) -> None:
        """Record nothing more, because the process ends and takes the sandboxes away under the attempts."""
        with self._lock:
            self._abandoned = True
            for attempt in self._running.values():
                attempt.abandon()

    def _attempt(self, job: Job, ahead: LookAhead) -> Result:
        """Raises :class:`AttemptOver` or a :class:`PatchwrightError` where it could not even begin."""
        self.budget.check()
        try:
            with contextlib.closing(ahead.take(job)) as place:
                return self._run(job, place)
        except PatchwrightError:
            raise
        except Exception as error:
            if self._abandoned:
                return Result(job, Status.INTERRUPTED, "interrupted")
            return Result(job, CRASHED, self._fault(job, error))

    def _fault(self, job: Job, error: Exception) -> str:
        """Keep a traceback, and say so in a line: whatever is wrong with one attempt, the others go on."""
        write_whole(self.output.directory(job) / "error.log", traceback.format_exc())
        return f"{type(error).__name__}: {_line(error)} (see error.log)"

    def _run(self, job: Job, place: Place) -> Result:
        config = numbered(self.config, job.attempt)
        opened = open_work(
            task=place.task,
            base=place.base,
            sandbox=place.sandbox,
            model=self.model,
            config=config,
            trajectory=self.output.trajectory(job),
            listener=lambda event: self.board.event(job, event),
            budget=Budget(config.limits, self.budget),
        )
        with opened as attempt:
            with self._lock:
                self._running[id(attempt)] = attempt
            try:
                ended = attempt.run()
            finally:
                with self._lock:
                    del self._running[id(attempt)]
        self.output.write_patch(job, attempt.patch)
        return Result.of(job, ended, attempt.patch)


def numbered(config: Config, attempt: int) -> Config:
    """The configuration of an attempt with a number: where there is a seed, each has its own."""
    if config.model.seed is None or attempt == 1:
        return config
    seeded = config.model.model_copy(update={"seed": config.model.seed + attempt - 1})
    return config.model_copy(update={"model": seeded})


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
