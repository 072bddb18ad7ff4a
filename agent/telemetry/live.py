"""Telemetry of a run that is going on: what the board is told becomes spans and figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec

from agent.config import TelemetryConfig
from agent.telemetry.metrics import Metrics
from agent.telemetry.run import RunSpans
from agent.telemetry.spans import Span
from trajectories.events import Event

if TYPE_CHECKING:
    from agent.batch.jobs import Job, Result
    from agent.telemetry import Say
    from agent.telemetry.otel import Outlet

P = ParamSpec("P")


def _harmless(method: Callable[Concatenate[Telemetry, P], None]) -> Callable[Concatenate[Telemetry, P], None]:
    """A method of which no fault reaches the work that it looks at."""

    def called(self: Telemetry, /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self.broken:
            return
        try:
            method(self, *args, **kwargs)
        except Exception as error:
            self.broken = True
            self.say(f"telemetry failed, and the work goes on without it: {type(error).__name__}: {error}", "yellow")

    called.__doc__ = method.__doc__
    return called


class Telemetry:
    """A watcher of the board. Use it as a context manager, which tells what is left at its end.

    Args:
        outlet: Where it goes.
        config: The section `telemetry`.
        say: Told of faults.
        name: What the run is: ``agent batch``, ``agent solve``.
        run_id: Its name.
        tasks: How many there are.
        attempts: Attempts on each.
        trajectory: Where the events of a job are kept.
        begun: When it began, in seconds since the epoch; default: now.
    """

    def __init__(
        self,
        outlet: Outlet,
        config: TelemetryConfig,
        say: Say,
        *,
        name: str,
        run_id: str,
        tasks: int,
        attempts: int,
        trajectory: Callable[[Job], Path],
        begun: float | None = None,
    ) -> None:
        self.say, self.broken = say, False
        self._outlet = outlet
        self._metrics = Metrics(outlet.meter, tasks * attempts)
        self._spans = RunSpans(
            name,
            run_id,
            attempts,
            self._emit,
            trajectory,
            above=outlet.above,
            a_trace_each=config.trace == "task",
            keep=config.content,
            begun=begun,
        )

    def __enter__(self) -> Telemetry:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()
        self._outlet.close()

    @_harmless
    def known(self, results: list[Result]) -> None:
        """See :class:`agent.batch.board.Watcher`."""
        self._metrics.known(results)

    @_harmless
    def begin(self, job: Job) -> None:
        """See :class:`agent.batch.board.Watcher`."""
        self._metrics.begin(job)
        self._spans.begin(job)

    @_harmless
    def phase(self, job: Job, what: str) -> None:
        """See :class:`agent.batch.board.Watcher`."""
        self._metrics.phase(job, what)
        self._spans.phase(job, what)

    @_harmless
    def event(self, job: Job, event: Event) -> None:
        """See :class:`agent.batch.board.Watcher`."""
        self._metrics.event(job, event)
        self._spans.event(job, event)

    @_harmless
    def end(self, result: Result) -> None:
        """See :class:`agent.batch.board.Watcher`."""
        self._metrics.end(result)
        self._spans.end(result)

    @_harmless
    def retry(self, what: str, wait: float) -> None:
        """See :class:`agent.batch.board.Watcher`."""
        self._metrics.retry(wait)

    @_harmless
    def _close(self) -> None:
        self._spans.close()

    def _emit(self, span: Span) -> None:
        self._metrics.span(span)
        self._outlet.emit(span)
