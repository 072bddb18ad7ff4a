"""A receiver of OTLP over HTTP on a loopback port, as a collector is one; and what it was sent, in words."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.listening import listening


def value(any_value: Any) -> Any:
    """An attribute's value."""
    kind = any_value.WhichOneof("value")
    if kind == "array_value":
        return [value(each) for each in any_value.array_value.values]
    return getattr(any_value, kind)


def attributes(message: Any) -> dict[str, Any]:
    """What a span, a point or a resource says."""
    return {pair.key: value(pair.value) for pair in message.attributes}


@dataclass
class Receiver:
    """What was sent.

    Attributes:
        status: What it answers.
        traces, metrics: The requests, decoded.
        bodies: The requests, as they came.
    """

    status: int = 200
    traces: list[ExportTraceServiceRequest] = field(default_factory=list)
    metrics: list[ExportMetricsServiceRequest] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                assert self.headers["Content-Type"] == "application/x-protobuf"
                receiver.bodies.append(body)
                if self.path == "/v1/traces":
                    receiver.traces.append(ExportTraceServiceRequest.FromString(body))
                else:
                    assert self.path == "/v1/metrics"
                    receiver.metrics.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(receiver.status)
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.http.server_address[1]}"

    @property
    def env(self) -> dict[str, str]:
        """What sends telemetry here."""
        return {"OTEL_EXPORTER_OTLP_ENDPOINT": self.address}

    @property
    def spans(self) -> list[Span]:
        """All spans, in the order of their beginning."""
        found = [
            span
            for request in self.traces
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return sorted(found, key=lambda span: (span.start_time_unix_nano, -span.end_time_unix_nano))

    def tree(self) -> list[str]:
        """Names of spans, indented below their parents; one whose parent is not there is not listed."""
        below: dict[bytes, list[Span]] = defaultdict(list)
        for span in self.spans:
            below[span.parent_span_id].append(span)

        def listed(parent: bytes, depth: int) -> Iterator[str]:
            for span in below[parent]:
                yield "  " * depth + span.name
                yield from listed(span.span_id, depth + 1)

        return list(listed(b"", 0))

    def named(self, name: str) -> list[Span]:
        """The spans of a name."""
        return [span for span in self.spans if span.name == name]

    def points(self, name: str) -> list[Any]:
        """The last points of a metric."""
        found: list[Any] = []
        for request in self.metrics:
            for resource in request.resource_metrics:
                for scope in resource.scope_metrics:
                    for metric in scope.metrics:
                        if metric.name == name:
                            found = list(getattr(metric, metric.WhichOneof("data")).data_points)
        return found


@contextlib.contextmanager
def receiving(status: int = 200) -> Iterator[Receiver]:
    """A receiver, while it listens."""
    receiver = Receiver(status)
    with listening(receiver.http):
        yield receiver


def run_of_three_steps_a_task(receiver: Receiver, tasks: int) -> Span:
    """The span of a batch, after a look whether each task, its attempt and the steps of that stand below it, once."""
    (run,) = receiver.named("agent batch")
    tasks_told = receiver.named("task")
    assert {task.parent_span_id for task in tasks_told} == {run.span_id}
    names = {task.span_id: attributes(task)["patchwright.task.id"] for task in tasks_told}
    assert sorted(names.values()) == [f"mine__calc-{number}" for number in range(1, tasks + 1)]
    attempts = receiver.named("invoke_agent patchwright")
    assert sorted(names[attempt.parent_span_id] for attempt in attempts) == sorted(names.values())
    for attempt in attempts:
        assert names[attempt.parent_span_id] == attributes(attempt)["patchwright.task.id"]
        inner = [span.name for span in receiver.spans if span.parent_span_id == attempt.span_id]
        assert inner == ["step"] * 3
    assert len({span.span_id for span in receiver.spans}) == len(receiver.spans) == 1 + tasks * (2 + 9)
    return run
