"""A run's jobs become spans: the run, its tasks, their attempts, and how they were graded."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agent.telemetry.attempt import AttemptSpans
from agent.telemetry.recorded import recorded
from agent.telemetry.spans import Emit, Place, Span, Value, span_id, trace_id
from trajectories.events import Event, Resumed

if TYPE_CHECKING:
    from agent.batch.jobs import Job, Result

GRADING = "grading"


class _Task:
    """A task of a run, as far as this process works on it."""

    def __init__(self, place: Place, id: int, link: tuple[tuple[int, int], ...], begun: float) -> None:
        self.place, self.id, self.link, self.begun = place, id, link, begun
        self.finished: set[int] = set()
        self.told = False


class RunSpans:
    """Follows a run; any number of threads may tell it things, those of one job one after the other.

    Args:
        name: What the run is: ``agent batch``, ``agent solve``.
        run_id: Its name; the trace is told by it.
        attempts: Attempts on each task.
        emit: Told of every span.
        trajectory: Where the events of a job are kept.
        above: Where the run belongs in a trace that was begun by whoever started this process.
        a_trace_each: Whether every task is a trace of its own.
        keep: Whether spans say what was said.
        begun: When it began, in seconds since the epoch; default: now.
    """

    def __init__(
        self,
        name: str,
        run_id: str,
        attempts: int,
        emit: Emit,
        trajectory: Callable[[Job], Path],
        *,
        above: Place | None = None,
        a_trace_each: bool = False,
        keep: bool = False,
        begun: float | None = None,
    ) -> None:
        self._name, self._run_id, self._attempts = name, run_id, attempts
        self._emit, self._trajectory, self._keep, self._each = emit, trajectory, keep, a_trace_each
        self._place = above or Place(trace_id(run_id))
        # Not by name: what a later process does of the same run is another span.
        self._id = int.from_bytes(secrets.token_bytes(8)) or 1
        self._given = begun
        self._begun = begun or time.time()
        self._lock = threading.Lock()
        self._tasks: dict[str, _Task] = {}
        self._running: dict[tuple[str, int], AttemptSpans] = {}
        self._grading: dict[tuple[str, int], float] = {}

    def begin(self, job: Job) -> None:
        """A job is in work."""
        with self._lock:
            task = self._tasks.setdefault(job.task.id, self._task(job.task.id))
            if job.key in self._running:  # tried again after a failure
                return
            facts: dict[str, Value] = {"patchwright.run.id": self._run_id, "patchwright.attempt.number": job.attempt}
            spans = AttemptSpans(Place(task.place.trace, task.id), self._emit, keep=self._keep, more=facts)
            self._running[job.key] = spans

    def phase(self, job: Job, what: str) -> None:
        """What a job does beside its steps."""
        if what == GRADING:
            with self._lock:
                self._grading[job.key] = time.time()

    def event(self, job: Job, event: Event) -> None:
        """Something happened in an attempt."""
        with self._lock:
            spans = self._running.get(job.key)
        if spans is None:
            return
        if isinstance(event, Resumed) and not spans.begun:
            spans.catch_up(pair for pair in recorded(self._trajectory(job)) if pair[0].time < event.time)
        spans.add(event)

    def end(self, result: Result) -> None:
        """A job is done."""
        job = result.job
        with self._lock:
            spans = self._running.get(job.key)
            if result.finished:
                self._running.pop(job.key, None)
            task, graded = self._tasks[job.task.id], self._grading.pop(job.key, None)
        if spans is not None:
            spans.close()
        if graded is not None:
            self._graded(result, task, graded)
        if result.finished and not result.infrastructure:
            task.finished.add(job.attempt)
            if len(task.finished) == self._attempts:
                self._end_task(job.task.id, task)

    def close(self) -> None:
        """The run is over, or this process has done with it."""
        for spans in self._running.values():
            spans.close()
        for name, task in self._tasks.items():
            self._end_task(name, task)
        facts: dict[str, Value] = {"patchwright.run.id": self._run_id, "patchwright.run.tasks": len(self._tasks)}
        self._emit(Span(self._name, self._place, self._id, self._begun, time.time(), facts))

    def _task(self, name: str) -> _Task:
        above = (self._place.trace, self._id)
        place = Place(trace_id(self._run_id, name)) if self._each else Place(*above)
        begun = self._given or time.time()
        return _Task(place, span_id(self._id, "task", name), (above,) if self._each else (), begun)

    def _end_task(self, name: str, task: _Task) -> None:
        if task.told:
            return
        task.told = True
        facts: dict[str, Value] = {"patchwright.run.id": self._run_id, "patchwright.task.id": name}
        self._emit(Span("task", task.place, task.id, task.begun, time.time(), facts, links=task.link))

    def _graded(self, result: Result, task: _Task, begun: float) -> None:
        facts: dict[str, Value] = {
            "patchwright.task.id": result.job.task.id,
            "patchwright.attempt.number": result.job.attempt,
        }
        error = ""
        if result.verdict is not None:
            facts["patchwright.verdict"] = str(result.verdict.status)
        else:
            error = "not_graded"
        id = span_id(task.id, "grade", result.job.attempt, begun)
        self._emit(Span("grade", Place(task.place.trace, task.id), id, begun, time.time(), facts, error=error))
