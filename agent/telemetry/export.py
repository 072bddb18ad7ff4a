"""Recorded trajectories as OTLP: the traces that they would have been, had somebody listened."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import InfrastructureError, UsageError
from agent.telemetry import INSTALL
from agent.telemetry.attempt import AttemptSpans
from agent.telemetry.recorded import in_order
from agent.telemetry.spans import Place, Span, span_id, trace_id
from trajectories.exchange import Context, Document, Trajectory
from trajectories.exchange.base import Tree
from trajectories.stats.runs import attempt_number

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

_RUN = "run.json"
#: Fields of OTLP that hold bytes; its JSON writes them as hexadecimal digits.
_BYTES = frozenset({"traceId", "spanId", "parentSpanId"})
_BATCH = 512


class OtlpExporter:
    """Writes traces in OTLP's JSON: a request that ``/v1/traces`` of a receiver takes.

    Args:
        keep: Whether spans say what was said.
    """

    name = "otlp"
    summary = "OpenTelemetry traces"
    tree: Tree = "whole"

    def __init__(self, *, keep: bool = False) -> None:
        self._keep = keep

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See :class:`trajectories.exchange.Exporter`.

        Raises:
            UsageError: The extra is missing.
        """
        spans, notes = self._made(trajectories)
        from google.protobuf.json_format import MessageToDict
        from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

        data = MessageToDict(encode_spans(spans), use_integers_for_enums=True)
        return [Document("traces.json", json.dumps(_with_digits(data)).encode() + b"\n", notes)]

    def send(self, trajectories: Sequence[Trajectory]) -> tuple[int, tuple[str, ...]]:
        """Send the traces to the receiver that OpenTelemetry's variables name.

        Returns:
            How many spans it took, and what could not be shown, a line each.

        Raises:
            UsageError: The extra is missing.
            InfrastructureError: The receiver did not take them.
        """
        spans, notes = self._made(trajectories)
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.trace.export import SpanExportResult

        from agent.telemetry.trouble import Trouble

        faults: list[str] = []
        with Trouble(lambda text, style: faults.append(text)):
            exporter = OTLPSpanExporter()
            for first in range(0, len(spans), _BATCH):
                if exporter.export(spans[first : first + _BATCH]) is not SpanExportResult.SUCCESS:
                    raise InfrastructureError(f"{first} of {len(spans)} spans were sent: {faults[0]}")
            exporter.shutdown()  # type: ignore[no-untyped-call]
        return len(spans), notes

    def _made(self, trajectories: Sequence[Trajectory]) -> tuple[list[ReadableSpan], tuple[str, ...]]:
        from agent.telemetry.otel import Tracer

        try:
            from opentelemetry.sdk.trace import SpanProcessor
        except ImportError as error:
            raise UsageError(
                f"--format otlp needs the extra [telemetry] ({error.name} is missing): {INSTALL}"
            ) from None

        class Kept(SpanProcessor):
            def __init__(self) -> None:
                self.spans: list[ReadableSpan] = []

            def on_end(self, span: ReadableSpan) -> None:
                self.spans.append(span)

        kept = Kept()
        tracer = Tracer(kept)
        spans, notes = spans_of(trajectories, keep=self._keep)
        for span in spans:
            tracer.emit(span)
        return kept.spans, notes


def spans_of(trajectories: Sequence[Trajectory], *, keep: bool = False) -> tuple[list[Span], tuple[str, ...]]:
    """The spans of recorded attempts; those of one run below a span for the run and one for each task.

    Args:
        trajectories: The attempts.
        keep: Whether spans say what was said.

    Returns:
        The spans, and what could not be shown, a line each.
    """
    spans: list[Span] = []
    notes: list[str] = []
    runs: dict[str, dict[str, list[Span]]] = {}
    for each in trajectories:
        if not each.events or each.events[0].time <= 0:
            notes.append(f"{each.name or each.attempt}: says nothing of times, so there are no spans of it")
            continue
        run = _run_of(each.path)
        made = _attempt(each, run, keep=keep)
        spans += made
        if run:
            runs.setdefault(run, {}).setdefault(each.task, []).extend(made)
    for run, tasks in runs.items():
        top = span_id(run, "run")
        trace = trace_id(run)
        for task, made in tasks.items():
            facts = {"patchwright.run.id": run, "patchwright.task.id": task}
            spans.append(_around("task", Place(trace, top), span_id(top, "task", task), made, facts))
        every = [span for made in tasks.values() for span in made]
        facts = {"patchwright.run.id": run}
        spans.append(_around("agent batch", Place(trace), top, every, facts))
    return spans, tuple(notes)


def _attempt(trajectory: Trajectory, run: str, *, keep: bool) -> list[Span]:
    made: list[Span] = []
    place = Place(trace_id(trajectory.attempt))
    more: dict[str, Any] = {}
    if run:
        place = Place(trace_id(run), span_id(span_id(run, "run"), "task", trajectory.task))
        more = {"patchwright.run.id": run}
        if trajectory.path is not None:
            more["patchwright.attempt.number"] = attempt_number(trajectory.path)
    spans = AttemptSpans(place, made.append, keep=keep, more=more)
    for event, of_trial in in_order(trajectory.events, [trial.events for trial in trajectory.trials]):
        spans.add(event, of_trial)
    spans.close()
    return made


def _around(name: str, place: Place, id: int, inner: Sequence[Span], facts: dict[str, Any]) -> Span:
    return Span(name, place, id, min(span.start for span in inner), max(span.end for span in inner), facts)


def _run_of(trajectory: Path | None) -> str:
    """Name of the run that an attempt is part of, by its place in the run's directory; ``""`` for none."""
    if trajectory is None or len(trajectory.resolve().parents) < 4:
        return ""
    try:
        known = json.loads((trajectory.resolve().parents[3] / _RUN).read_text("utf-8"))
        return str(known["run_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _with_digits(data: Any, key: str = "") -> Any:
    if isinstance(data, dict):
        return {name: _with_digits(value, name) for name, value in data.items()}
    if isinstance(data, list):
        return [_with_digits(value) for value in data]
    return base64.b64decode(data).hex() if key in _BYTES else data
