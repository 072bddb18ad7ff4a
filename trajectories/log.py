"""The event log: one JSONL file an attempt, appended and flushed event by event."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import ValidationError

from aci_tools.errors import UsageError
from trajectories.events import Event, parse_event
from trajectories.redact import Redactor

_LINE_ENDS = {"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"}
E = TypeVar("E", bound="Event")


class TrajectoryError(UsageError):
    """A file that is not a trajectory; the message names the file and the line."""


class EventLog:
    """Appends events to a file. Writing one costs the same however many are there.

    A line is written by a single ``write`` on a descriptor opened for appending, so a killed process loses at most the
    line that it was writing; :func:`read_events` drops such a torn line, and opening the log again cuts it off. Where a
    write fails halfway, what it wrote is cut off at once, so that the next line begins where that one did.

    Args:
        path: The file; made with its parents if it is not there.
        redactor: Keeps secrets out of it; default: one that knows those of the environment.

    Raises:
        UsageError: The file cannot be written.
    """

    def __init__(self, path: Path, redactor: Redactor | None = None) -> None:
        self.path = path
        self.events: list[Event] = []
        self.redactor = redactor or Redactor.from_environment()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self.events, whole = _read(path)
                os.truncate(path, whole)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}; choose another --output") from None

    def append(self, event: E) -> E:
        """Number, date, redact and write an event; returns it as written."""
        data: dict[str, Any] = self.redactor.data(event.model_dump(mode="json", exclude={"seq", "time"}))
        data = {"seq": len(self.events), "time": round(time.time(), 6), **data}
        line = _encode(data)
        whole = os.fstat(self._descriptor).st_size
        try:
            written = os.write(self._descriptor, line)
            while written < len(line):
                written += os.write(self._descriptor, line[written:])
        except BaseException:
            os.ftruncate(self._descriptor, whole)
            raise
        stored = cast(E, type(event).model_validate(data))
        self.events.append(stored)
        return stored

    def close(self) -> None:
        """Close the file; safe to call twice."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> EventLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_events(path: Path) -> list[Event]:
    """The events of a trajectory file, without a torn last line.

    Raises:
        TrajectoryError: It cannot be read, or a line before the last is not an event.
    """
    try:
        return _read(path)[0]
    except OSError as error:
        raise TrajectoryError(f"cannot read {path}: {error.strerror}") from None


def _read(path: Path) -> tuple[list[Event], int]:
    """The events, and the length in bytes of the whole lines."""
    raw = path.read_bytes()
    events: list[Event] = []
    whole = 0
    for number, line in enumerate(raw.split(b"\n"), 1):
        end = whole + len(line) + 1
        if end > len(raw):  # no newline: the writer was killed in the middle of it
            break
        try:
            data = json.loads(line)
            if not isinstance(data, dict):
                raise ValueError("not an object")
            events.append(parse_event(data))
        except (ValueError, RecursionError) as error:
            raise TrajectoryError(f"{path}:{number} is not an event of a trajectory ({reason(error)})") from None
        whole = end
    return events, whole


def reason(error: ValueError | RecursionError) -> str:
    """What keeps a line from being an event, in a few words: the field that is wrong and what it should be."""
    if not isinstance(error, ValidationError):
        return str(error).splitlines()[0]
    first = error.errors()[0]
    field, said = ".".join(map(str, first["loc"])), first["msg"].removeprefix("Value error, ")
    return f"{field}: {said}" if field else said


def _encode(data: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        # Valid in JSON, but taken for line ends by readers that split lines as Unicode does.
        for character, escape in _LINE_ENDS.items():
            text = text.replace(character, escape)
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        # Undecodable bytes travel as lone surrogates, which only the escaped form of JSON can hold.
        return json.dumps(data, separators=(",", ":")).encode() + b"\n"
