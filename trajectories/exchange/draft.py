"""Events in the making: an importer adds them one by one and says which part of the document each stands for."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from trajectories.events import Event, ModelReplied, UnknownEvent
from trajectories.exchange.base import Document, Imported, Trajectory, encode, encode_lines, file_name
from trajectories.exchange.foreign import fields_of, foreign_of, keep
from trajectories.exchange.source import Source, as_count, as_list, as_mapping
from trajectories.exchange.turns import final_patch, started, turns
from trajectories.log import TrajectoryError

#: Type of an event that stands for something our events have no word for; all of it is kept.
FOREIGN = "foreign"


@dataclass
class Draft:
    """The events of one attempt as they are read.

    Args:
        format: Name of the foreign format.
        source: The file.
        container: How the file holds its attempts: ``json``, ``list``, ``lines``, or a word of the format's own.
        index: Which of them this is.
        count: How many there are.
    """

    format: str
    source: Source
    container: str = "json"
    index: int = 0
    count: int = 1
    step: int = 0
    notes: list[str] = field(default_factory=list)
    _events: list[Event] = field(default_factory=list)
    _parts: list[tuple[int, str, Any, Mapping[str, str] | None]] = field(default_factory=list)

    @property
    def attempt_id(self) -> str:
        """An id that is the same whenever this file is imported."""
        return self.source.digest[:12] + (f"-{self.index + 1}" if self.count > 1 else "")

    def add(self, event: Event, time: float = 0.0) -> int:
        """Append an event; returns its place."""
        if isinstance(event, ModelReplied):
            self.step = event.step
        self._events.append(event.model_copy(update={"seq": len(self._events), "time": time}))
        return len(self._events) - 1

    def next_step(self) -> int:
        """Number of the step that a reply begins."""
        return self.step + 1

    def anchor(self, place: int, key: str, item: Any, direct: Mapping[str, str] | None = None) -> None:
        """Keep a part of the document with the event at a place; see :func:`trajectories.exchange.foreign.keep`."""
        self._parts.append((place, key, item, direct))

    def other(self, item: Any, key: str, time: float = 0.0) -> None:
        """Keep a part that no event of ours stands for."""
        self.anchor(self.add(UnknownEvent(type=FOREIGN), time), key, item)

    def finish(self, name: str) -> Imported:
        """The attempt, every event carrying what it stands for."""
        patch = final_patch(self._events)
        fields: dict[int, dict[str, str]] = {}
        for turn in turns(self._events):
            texts = fields_of(turn, patch)
            fields.update((event.seq, texts) for event in turn.events)
        kept: dict[int, dict[str, list[Any]]] = {event.seq: {} for event in self._events}
        for place, key, item, direct in self._parts:
            kept[place].setdefault(key, []).append(keep(item, fields[place], direct))
        events: list[Event] = []
        for event in self._events:
            foreign: dict[str, Any] = {"format": self.format, "parts": kept[event.seq]}
            if event.seq == 0:
                foreign["file"] = {
                    "id": self.source.digest[:16],
                    "name": self.source.path.name,
                    "container": self.container,
                    "index": self.index,
                    "count": self.count,
                }
            events.append(event.model_copy(update={"foreign": foreign}))
        return Imported(events, name, tuple(self.notes))


def guarded(source: Source, read: Callable[[], list[Imported]]) -> list[Imported]:
    """Run a reader; whatever it trips over becomes one line about the file."""
    try:
        return read()
    except (ValidationError, RecursionError, OverflowError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise source.fault(f"cannot be imported ({reason})") from None


def file_of(trajectory: Trajectory, format: str) -> dict[str, Any]:
    """Which file of a format an attempt came from; empty when from none."""
    first = started(trajectory.events)
    kept = foreign_of(first, format) if first else None
    return as_mapping(kept.get("file")) if kept else {}


def files(trajectories: Iterable[Trajectory], format: str) -> list[list[Trajectory]]:
    """Attempts that came from one file of this format and are all there, together; every other one by itself."""
    together: dict[str, list[Trajectory]] = {}
    for number, trajectory in enumerate(trajectories):
        origin = file_of(trajectory, format)
        key = f"file {origin.get('id')}" if as_count(origin.get("count")) > 1 else f"single {number}"
        together.setdefault(key, []).append(trajectory)
    found: list[list[Trajectory]] = []
    for group in together.values():
        origins = [file_of(trajectory, format) for trajectory in group]
        places = [as_count(origin.get("index")) for origin in origins]
        if len(group) > 1 and sorted(places) == list(range(as_count(origins[0].get("count")))):
            found.append([trajectory for _, trajectory in sorted(zip(places, group, strict=True), key=lambda p: p[0])])
        else:
            found.extend([trajectory] for trajectory in group)
    return found


def pack(group: Sequence[Trajectory], format: str, values: Sequence[Any], ending: str) -> Document:
    """The file of some attempts' documents, in the container that they came in."""
    origin = file_of(group[0], format)
    container = str(origin.get("container") or "json")
    whole = len(values) == max(1, as_count(origin.get("count")))
    name = str(origin.get("name") or "") if whole else ""
    if not name:
        name = f"{file_name(group[0].task or group[0].attempt)}{ending}"
    if container == "lines" and whole:
        return Document(file_name(name), encode_lines(values))
    if container == "list" and whole:
        return Document(file_name(name), encode(list(values)))
    if len(values) != 1:
        raise TrajectoryError(f"{format}: {len(values)} attempts cannot share a file")
    return Document(file_name(name), encode(values[0]))


def seconds(value: Any) -> float:
    """Seconds since the epoch of an ISO 8601 time or a number; 0 for anything else. A time without a zone is UTC."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if 0 < value < 1e11 else 0.0
    if not isinstance(value, str):
        return 0.0
    try:
        moment = datetime.datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def native_calls(value: Any) -> list[dict[str, Any]]:
    """Tool calls in OpenAI's form as our events keep them: id, name and arguments as text."""
    calls = []
    for call in as_list(value):
        function = as_mapping(as_mapping(call).get("function"))
        name, arguments, id = function.get("name"), function.get("arguments"), as_mapping(call).get("id")
        if isinstance(name, str):
            calls.append(
                {
                    "id": id if isinstance(id, str) else "",
                    "name": name,
                    "arguments": arguments if isinstance(arguments, str) else "{}",
                }
            )
    return calls
