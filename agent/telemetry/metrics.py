"""The figures of a run: of the spans what took time, tokens and money; of the board what waits and what is going on."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from agent.telemetry.run import GRADING
from agent.telemetry.spans import Span, Value
from trajectories.events import AttemptStarted, Event, Resumed

if TYPE_CHECKING:
    from opentelemetry.metrics import CallbackOptions, Meter, Observation

    from agent.batch.jobs import Job, Result

#: Bounds of the histograms, as the conventions give them.
_TOKENS = [1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864]
_SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
#: What model calls are told apart by.
_MODEL = (
    "gen_ai.operation.name",
    "gen_ai.provider.name",
    "gen_ai.request.model",
    "gen_ai.response.model",
    "server.address",
    "server.port",
)


class Metrics:
    """Counts what a run does; any number of threads may tell it things.

    Args:
        meter: Makes the instruments.
        total: Attempts of the run.
    """

    def __init__(self, meter: Meter, total: int) -> None:
        self._total = total
        self._lock = threading.Lock()
        self._running: set[tuple[str, int]] = set()
        self._done: set[tuple[str, int]] = set()
        self._sandboxes: set[tuple[str, int]] = set()
        self._tokens = meter.create_histogram(
            "gen_ai.client.token.usage",
            "{token}",
            "Number of input and output tokens used.",
            explicit_bucket_boundaries_advisory=_TOKENS,
        )

        def seconds(name: str, description: str) -> Any:
            return meter.create_histogram(name, "s", description, explicit_bucket_boundaries_advisory=_SECONDS)

        self._calls = seconds("gen_ai.client.operation.duration", "GenAI operation duration.")
        self._tools = seconds("patchwright.tool.duration", "Time that tools took.")
        self._waits = seconds("patchwright.model.wait", "Waits before a call is tried again, as they are begun.")
        self._steps = meter.create_counter("patchwright.steps", "{step}", "Calls of the model that a step began with.")
        self._cost = meter.create_counter("patchwright.cost", "USD", "What model calls cost, where prices are known.")
        self._ended = meter.create_counter("patchwright.attempts", "{attempt}", "Attempts that ended.")
        meter.create_observable_gauge(
            "patchwright.attempts.waiting", [self._queue], "{attempt}", "Attempts that were not begun yet."
        )
        meter.create_observable_gauge(
            "patchwright.attempts.running", [self._work], "{attempt}", "Attempts in work, until they are graded."
        )
        meter.create_observable_gauge(
            "patchwright.sandboxes", [self._computers], "{sandbox}", "Sandboxes that attempts work in."
        )

    def span(self, span: Span) -> None:
        """Something that took time is over."""
        known = span.attributes
        operation = known.get("gen_ai.operation.name")
        if operation == "chat":
            self._chat(span.end - span.start, known)
        elif operation == "execute_tool":
            labels = _some(known, ("gen_ai.tool.name",)) | ({"error.type": span.error} if span.error else {})
            self._tools.record(span.end - span.start, labels)

    def known(self, results: list[Result]) -> None:
        """What earlier processes did."""
        with self._lock:
            self._done.update(result.job.key for result in results)

    def begin(self, job: Job) -> None:
        """A job is in work."""
        with self._lock:
            self._running.add(job.key)
            self._done.discard(job.key)

    def phase(self, job: Job, what: str) -> None:
        """What a job does beside its steps."""
        if what == GRADING:
            with self._lock:
                self._sandboxes.discard(job.key)

    def event(self, job: Job, event: Event) -> None:
        """Something happened in an attempt."""
        if isinstance(event, AttemptStarted | Resumed):
            with self._lock:
                self._sandboxes.add(job.key)

    def end(self, result: Result) -> None:
        """A job is done."""
        key = result.job.key
        with self._lock:
            self._running.discard(key)
            self._done.add(key)
            self._sandboxes.discard(key)
        verdict = str(result.verdict.status) if result.verdict is not None else "none"
        self._ended.add(1, {"patchwright.attempt.status": str(result.status), "patchwright.verdict": verdict})

    def retry(self, wait: float) -> None:
        """A call of the model failed and is tried again after a wait."""
        self._waits.record(wait)

    def _chat(self, seconds: float, known: Mapping[str, Value]) -> None:
        labels = _some(known, _MODEL)
        self._calls.record(seconds, labels)
        for kind in ("input", "output"):
            tokens = known.get(f"gen_ai.usage.{kind}_tokens")
            if isinstance(tokens, int):
                self._tokens.record(tokens, {**labels, "gen_ai.token.type": kind})
        if "patchwright.purpose" not in known:
            self._steps.add(1, _some(known, ("gen_ai.request.model",)))
        cost = known.get("patchwright.cost")
        if isinstance(cost, float):
            self._cost.add(cost, _some(known, ("gen_ai.request.model",)))

    def _queue(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            return _one(max(0, self._total - len(self._done | self._running)))

    def _work(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            return _one(len(self._running))

    def _computers(self, _: CallbackOptions) -> Iterable[Observation]:
        with self._lock:
            return _one(len(self._sandboxes))


def _one(value: int) -> list[Observation]:
    from opentelemetry.metrics import Observation

    return [Observation(value)]


def _some(known: Mapping[str, Value], names: Iterable[str]) -> dict[str, Value]:
    return {name: known[name] for name in names if name in known}
