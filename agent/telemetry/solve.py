"""Telemetry of ``agent solve``: a run of one attempt."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import TelemetryConfig
from agent.telemetry import Say, open_telemetry
from trajectories.events import AttemptEnded, AttemptStarted, Event

if TYPE_CHECKING:
    from agent.telemetry.live import Telemetry
    from agent.telemetry.otel import Outlet
    from tasks.task import Task


class Watch:
    """Is told what happens in an attempt; where telemetry is off, it is of no interest."""

    def event(self, event: Event) -> None:
        """Something happened."""

    def retry(self, what: str, wait: float) -> None:
        """A transient failure of the model, and how long it is waited."""


@contextlib.contextmanager
def watched(config: TelemetryConfig, say: Say, task: Task, trajectory: Path) -> Iterator[Watch]:
    """Have an attempt watched for the length of a ``with`` block, where that is asked for.

    Args:
        config: The section `telemetry`.
        say: Told of what keeps telemetry from getting through.
        task: The task.
        trajectory: Where the attempt's events are kept.

    Raises:
        UsageError: The extra is missing.
    """
    outlet = open_telemetry(config, say)
    if outlet is None:
        yield Watch()
        return
    telling = _Telling(outlet, config, say, task, trajectory)
    try:
        yield telling
    finally:
        telling.close()


class _Telling(Watch):
    """Passes it on as a run with one job, which begins with its first event: that names the attempt."""

    def __init__(self, outlet: Outlet, config: TelemetryConfig, say: Say, task: Task, trajectory: Path) -> None:
        from agent.batch.jobs import Job

        self._outlet, self._config, self._say, self._trajectory = outlet, config, say, trajectory
        self._job = Job(task)
        self._begun = time.time()
        self._run: Telemetry | None = None
        self._ended: AttemptEnded | None = None

    def event(self, event: Event) -> None:
        """See :class:`Watch`."""
        if self._run is None:
            self._run = self._open(event)
            self._run.begin(self._job)
        self._run.event(self._job, event)
        if isinstance(event, AttemptEnded):  # the last one of them is the attempt's own
            self._ended = event

    def retry(self, what: str, wait: float) -> None:
        """See :class:`Watch`."""
        if self._run is not None:
            self._run.retry(what, wait)

    def close(self) -> None:
        """It is over."""
        from agent.batch.jobs import Result

        if self._run is None:
            self._outlet.close()
            return
        with self._run as run:
            if self._ended is not None:
                run.end(Result.of(self._job, self._ended, self._ended.patch))

    def _open(self, first: Event) -> Telemetry:
        from agent.telemetry.live import Telemetry
        from agent.telemetry.recorded import recorded

        known = (event for event, _ in recorded(self._trajectory) if isinstance(event, AttemptStarted))
        begun = first if isinstance(first, AttemptStarted) else next(known, None)
        return Telemetry(
            self._outlet,
            self._config,
            self._say,
            name="agent solve",
            run_id=begun.attempt_id if begun is not None else str(self._begun),
            tasks=1,
            attempts=1,
            trajectory=lambda job: self._trajectory,
            begun=self._begun,
        )
