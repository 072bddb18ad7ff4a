"""The way out: OpenTelemetry's SDK, which sends in the background what it is handed.

Where to, how often, how many and which traces is said by the variables of OpenTelemetry's specification. A receiver
that does not answer costs a run nothing: what it does not take is dropped, and one line says so.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from agent import __version__
from agent.telemetry.conventions import SCHEMA_URL
from agent.telemetry.spans import Place, Span, Value
from agent.telemetry.trouble import Trouble
from trajectories.redact import Redactor

if TYPE_CHECKING:
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.metrics import Meter
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import SpanProcessor
    from opentelemetry.trace import SpanContext
    from prometheus_client import CollectorRegistry

#: Seconds for what is left to send at the end, and for further tries where the receiver does not take it.
_LAST, _TRIES = 5.0, 2.0
_SCOPE = "patchwright"


class Tracer:
    """Makes spans of the SDK of ours, with their ids and their times.

    Args:
        processor: Handed every span that is sampled.
        sampled: Whether a trace that was begun by another process is sampled there; ``None``: there is none.
    """

    def __init__(self, processor: SpanProcessor, sampled: bool | None = None) -> None:
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.id_generator import IdGenerator

        names = self._names = threading.local()

        class Named(IdGenerator):
            """Gives the next span of a thread the ids that were named for it."""

            def generate_trace_id(self) -> int:
                trace_id: int = names.trace
                return trace_id

            def generate_span_id(self) -> int:
                span_id: int = names.span
                return span_id

        self._sampled = sampled
        self._redactor = Redactor.from_environment()
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False, id_generator=Named())
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer(_SCOPE, __version__, SCHEMA_URL)

    def emit(self, span: Span) -> None:
        """Hand a span on, without what looks like a secret."""
        from opentelemetry import trace
        from opentelemetry.context import Context

        place = span.place
        if not self._is_sampled(place.trace):
            return
        context = Context()
        if place.parent is not None:
            context = trace.set_span_in_context(trace.NonRecordingSpan(_context(place.trace, place.parent)), context)
        facts: dict[str, Value] = {**span.attributes, **({"error.type": span.error} if span.error else {})}
        self._names.trace, self._names.span = place.trace, span.id
        made = self._tracer.start_span(
            self._clean(span.name),
            context,
            trace.SpanKind.CLIENT if span.client else trace.SpanKind.INTERNAL,
            {name: self._cleaned(value) for name, value in facts.items()},
            [trace.Link(_context(*link)) for link in span.links],
            _nanoseconds(span.start),
        )
        if span.error:
            made.set_status(trace.StatusCode.ERROR)
        made.end(_nanoseconds(max(span.start, span.end)))

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()

    def _is_sampled(self, trace_id: int) -> bool:
        from opentelemetry.sdk.trace.sampling import Decision

        if self._sampled is not None:
            return self._sampled
        decision = self._provider.sampler.should_sample(None, trace_id, _SCOPE).decision
        return decision is not Decision.DROP

    def _cleaned(self, value: Value) -> Value:
        if isinstance(value, str):
            return self._clean(value)
        return [self._clean(each) for each in value] if isinstance(value, list) else value

    def _clean(self, text: str) -> str:
        # A lone surrogate stands for a byte that is no UTF-8, and cannot be sent.
        return self._redactor.text(text).encode("utf-8", "replace").decode()


class Outlet:
    """What is sent, and where the figures can be read.

    Args:
        signals: Which are sent: ``traces``, ``metrics``.
        say: Told, once, of what keeps them from getting through.
        page: Whether figures are kept for Prometheus, too.

    Raises:
        ImportError: The extra is missing.
        ValueError: One of OpenTelemetry's variables holds what it cannot.

    Attributes:
        above: Where the run belongs in a trace that whoever started this process has begun (``TRACEPARENT``).
        registry: The figures for Prometheus; ``None`` without a page.
    """

    def __init__(self, signals: Collection[str], say: Callable[[str, str], None], *, page: bool = False) -> None:
        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        self._trouble = Trouble(say)
        self._listening = contextlib.ExitStack()
        self._listening.enter_context(self._trouble)
        self.above, sampled = _above()
        self.registry: CollectorRegistry | None = None
        self._tracer: Tracer | None = None
        self._exporters: list[OTLPSpanExporter | OTLPMetricExporter] = []
        readers: list[MetricReader] = []
        if "traces" in signals:
            spans = OTLPSpanExporter()
            self._exporters.append(spans)
            self._tracer = Tracer(BatchSpanProcessor(spans), sampled)
        if "metrics" in signals:
            figures = OTLPMetricExporter()
            self._exporters.append(figures)
            readers.append(PeriodicExportingMetricReader(figures))
        if page:
            from opentelemetry.exporter.prometheus import PrometheusMetricReader
            from prometheus_client import CollectorRegistry

            self.registry = CollectorRegistry()
            readers.append(PrometheusMetricReader(scope_info_enabled=False, registry=self.registry))
        self._meters = MeterProvider(readers, _resource(), shutdown_on_exit=False)

    @property
    def meter(self) -> Meter:
        """Makes instruments."""
        return self._meters.get_meter(_SCOPE, __version__, SCHEMA_URL)

    def emit(self, span: Span) -> None:
        """Send a span; it is queued, and dropped where the queue is full."""
        if self._tracer is not None:
            self._tracer.emit(span)

    def close(self) -> None:
        """Send what is left, within seconds."""
        sending = threading.Thread(target=self._send_all, name="telemetry", daemon=True)
        self._trouble.forget()
        sending.start()
        if not self._trouble.wait(_LAST):
            self._trouble.tell("no answer yet")
        sending.join(_TRIES)
        if sending.is_alive():
            for exporter in self._exporters:
                exporter.shutdown()
        self._listening.close()

    def _send_all(self) -> None:
        if self._tracer is not None:
            self._tracer.close()
        with contextlib.suppress(Exception):  # a bare one, of receivers that take too long
            self._meters.shutdown()
        self._trouble.none()


def _context(trace_id: int, span_id: int) -> SpanContext:
    from opentelemetry.trace import SpanContext, TraceFlags

    return SpanContext(trace_id, span_id, False, TraceFlags(TraceFlags.SAMPLED))


def _resource() -> Resource:
    """Who tells this; the variables of OpenTelemetry have the last word."""
    from opentelemetry.sdk.resources import OTELResourceDetector, Resource

    mine = Resource.create({"service.name": _SCOPE, "service.version": __version__})
    return mine.merge(OTELResourceDetector().detect())


def _above() -> tuple[Place | None, bool | None]:
    from opentelemetry import trace
    from opentelemetry.context import Context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    carrier = {"traceparent": os.environ.get("TRACEPARENT", ""), "tracestate": os.environ.get("TRACESTATE", "")}
    context = TraceContextTextMapPropagator().extract(carrier, Context())
    found = trace.get_current_span(context).get_span_context()
    if not found.is_valid:
        return None, None
    return Place(found.trace_id, found.span_id), found.trace_flags.sampled


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e6) * 1000
