"""What a user sees of a run: a live table on a terminal; elsewhere a line an attempt, and now and then a sum."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from agent.batch.jobs import Job, Result
from agent.progress import Voice, first_line, short_call
from agent.tables import duration
from trajectories.events import ActionTaken, Event, ModelReplied, Resumed, Usage

if TYPE_CHECKING:
    from rich.console import RenderableType

_SUM_EVERY = 60.0
_RETRY_EVERY = 10.0
_MOST_ROWS = 32


class JobWatcher(Protocol):
    """Is told what becomes of jobs, in the thread that tells it, so it must be quick and raise nothing."""

    def begin(self, job: Job) -> None:
        """A job is in work."""

    def phase(self, job: Job, what: str) -> None:
        """What a job does beside its steps."""

    def event(self, job: Job, event: Event) -> None:
        """Something happened in an attempt."""

    def end(self, result: Result) -> None:
        """A job is done."""

    def retry(self, what: str, wait: float) -> None:
        """A transient failure of the model, and how long it is waited."""


class Watcher(JobWatcher, Protocol):
    """Is told what the board of a run is told."""

    def known(self, results: list[Result]) -> None:
        """What earlier processes did."""


class Audience(JobWatcher, Voice, Protocol):
    """Whom workers tell what they do: the board of a run, or what stands for it on another machine."""


@dataclass
class _Row:
    began: float = field(default_factory=time.monotonic)
    step: int = 0
    usage: Usage = field(default_factory=Usage)
    action: str = ""
    phase: str = "getting ready"


class Board:
    """Shows a run on standard error. Use it as a context manager; any number of threads may tell it things.

    Args:
        total: Jobs of the run.
        graded: Whether attempts are graded.
    """

    def __init__(self, total: int, *, graded: bool) -> None:
        from rich.console import Console

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._lock = threading.RLock()
        self._total, self._graded = total, graded
        self._watchers: list[Watcher] = []
        self._began = time.monotonic()
        self._rows: dict[str, _Row] = {}
        self._results: dict[str, Result] = {}
        self._usage = Usage()
        self._note = ""
        self._told_retry = -_RETRY_EVERY
        self._live: Any = None
        self._closing = threading.Event()
        self._clock: threading.Thread | None = None

    def __enter__(self) -> Board:
        if self._console.is_terminal:
            from rich.live import Live

            self._live = Live(console=self._console, get_renderable=self._table, refresh_per_second=4, transient=True)
            self._live.start()
        else:
            self._clock = threading.Thread(target=self._sum_up, name="board", daemon=True)
            self._clock.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        if self._live is not None:
            self._live.stop()
        if self._clock is not None:
            self._clock.join()

    def watch(self, watcher: Watcher) -> None:
        """Tell somebody the same from now on."""
        self._watchers.append(watcher)

    def say(self, text: str, style: str = "") -> None:
        """One line that stays."""
        from rich.text import Text

        self._console.print(Text(text, style=style))

    def doing(self, what: str) -> None:
        """What is waited for, on a terminal."""
        self._note = what

    def retry(self, what: str, wait: float) -> None:
        """A transient failure of the model, and how long it is waited. Not each is told where many wait at a time."""
        for watcher in self._watchers:
            watcher.retry(what, wait)
        text = what + (f"; trying again in {wait:.0f} s" if wait else "")
        self._note = text
        with self._lock:
            now = time.monotonic()
            if self._live is not None or now - self._told_retry < _RETRY_EVERY:
                return
            self._told_retry = now
        self.say(text, "yellow")

    def known(self, results: list[Result], usage: Usage) -> None:
        """What earlier processes did: their results, and what they used in all."""
        for watcher in self._watchers:
            watcher.known(results)
        with self._lock:
            self._results.update((result.job.name, result) for result in results)
            self._usage += usage

    def begin(self, job: Job) -> None:
        """A job is in work."""
        for watcher in self._watchers:
            watcher.begin(job)
        with self._lock:
            self._rows[job.name] = _Row()
            self._results.pop(job.name, None)

    def phase(self, job: Job, what: str) -> None:
        """What a job does beside its steps."""
        for watcher in self._watchers:
            watcher.phase(job, what)
        with self._lock:
            if row := self._rows.get(job.name):
                row.phase = what

    def event(self, job: Job, event: Event) -> None:
        """Something happened in an attempt."""
        for watcher in self._watchers:
            watcher.event(job, event)
        with self._lock:
            row = self._rows.get(job.name)
            if row is None:
                return
            if isinstance(event, ModelReplied):
                row.step, row.phase = event.step, "acting"
                row.usage += event.usage
                self._usage += event.usage
            elif isinstance(event, Resumed):
                row.step, row.phase = event.steps, "going on"
            elif isinstance(event, ActionTaken):
                row.action, row.phase = short_call(event.call), "acting"
            else:
                row.phase = "thinking"

    def end(self, result: Result) -> None:
        """A job is done."""
        for watcher in self._watchers:
            watcher.end(result)
        with self._lock:
            self._rows.pop(result.job.name, None)
            self._results[result.job.name] = result
            done = len(self._results)
        if result.again and not self._graded:
            return
        width = len(str(self._total))
        style = "yellow" if result.infrastructure else "green" if result.resolved else ""
        self.say(f"[{done:{width}}/{self._total}] {result.job.name}: {_outcome(result)}", style)

    def sums(self) -> str:
        """The run in a line: how far it is, what is solved, what it cost, how long it may take."""
        with self._lock:
            results = list(self._results.values())
            usage, running = self._usage, len(self._rows)
        finished = sum(result.finished for result in results)
        parts = [f"{finished}/{self._total} done", f"{running} running"]
        if self._graded:
            parts.append(f"{sum(result.resolved for result in results)} resolved")
        if failed := sum(result.infrastructure for result in results):
            parts.append(f"{failed} failed by infrastructure")
        if usage.cost is not None:
            parts.append(f"${usage.cost:.2f}")
        parts.append(f"{usage.prompt_tokens + usage.completion_tokens:,} tokens")
        now = sum(result.finished and not result.again for result in results)
        if now and finished < self._total:
            left = (time.monotonic() - self._began) / now * (self._total - finished)
            parts.append(f"about {duration(left)} left")
        return ", ".join(parts)

    def _sum_up(self) -> None:
        while not self._closing.wait(_SUM_EVERY):
            self.say(self.sums())

    def _table(self) -> RenderableType:
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, padding=(0, 1), header_style="dim")
        for name, side in (("task", "left"), ("step", "right"), ("cost", "right"), ("time", "right")):
            table.add_column(name, justify=side, no_wrap=True)  # type: ignore[arg-type]
        table.add_column("", no_wrap=True)
        table.add_column("last action", no_wrap=True, overflow="ellipsis", ratio=1)
        with self._lock:
            rows = list(self._rows.items())
        now = time.monotonic()
        for name, row in rows[:_MOST_ROWS]:
            cost = "" if row.usage.cost is None else f"${row.usage.cost:.3f}"
            cells = (first_line(name, 48), str(row.step or ""), cost, duration(now - row.began))
            table.add_row(*map(Text, cells), Text(row.phase, style="dim"), Text(row.action))
        more = [Text(f"and {len(rows) - _MOST_ROWS} more", style="dim")] if len(rows) > _MOST_ROWS else []
        note = [Text(self._note, style="yellow")] if self._note else []
        return Group(Text(self.sums(), style="bold"), *note, table, *more)


def _outcome(result: Result) -> str:
    detail = f" ({first_line(result.detail, 100)})" if result.detail else ""
    parts = [f"{result.status}{detail}"]
    if result.steps:
        cost = "" if result.usage.cost is None else f", ${result.usage.cost:.3f}"
        parts.append(f"{result.steps} steps{cost}, {duration(result.seconds)}")
    if result.verdict is not None:
        parts.append(str(result.verdict.status))
    if result.ungraded:
        parts.append(f"not graded: {first_line(result.ungraded, 100)}")
    return "; ".join(parts)
