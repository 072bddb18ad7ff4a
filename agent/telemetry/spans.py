"""Spans as plain data. What makes them of events knows nothing of OpenTelemetry; `otel` hands them to it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

Value = str | bool | int | float | list[str]


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a trace a span belongs.

    Attributes:
        trace: Id of the trace, 128 bits.
        parent: Id of the span above, 64 bits; ``None`` for one on top.
    """

    trace: int
    parent: int | None = None


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time. It is told when it is over.

    Attributes:
        name: What kind of thing it is; of few values.
        place: Where it belongs.
        id: Its own id, 64 bits.
        start, end: Seconds since the epoch.
        attributes: What is known of it.
        client: Whether it is a call to another process.
        error: Kind of the error that it ended with, of few values; ``""`` for none.
        links: Spans of the same or of other traces that it goes on from, as trace and span.
    """

    name: str
    place: Place
    id: int
    start: float
    end: float
    attributes: Mapping[str, Value] = field(default_factory=dict)
    client: bool = False
    error: str = ""
    links: tuple[tuple[int, int], ...] = ()


Emit = Callable[[Span], None]


def trace_id(*names: object) -> int:
    """The id of a trace that is told by names: the same whoever makes it, so that a resumed run goes on in it."""
    return _derived(16, "trace", *names)


def span_id(*names: object) -> int:
    """The id of a span that is told by names."""
    return _derived(8, "span", *names)


def _derived(size: int, *names: object) -> int:
    digest = hashlib.sha256("\0".join(map(str, names)).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:size]) or 1
