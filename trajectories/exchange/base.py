"""What a format is: how it is recognised, read and written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from trajectories.events import Event
from trajectories.exchange.source import Source
from trajectories.exchange.turns import final_patch, started
from trajectories.kept import kept_patch
from trajectories.stats.runs import attempt_number
from trajectories.verdicts import Verdict, Verdicts

#: What a format makes of an attempt that a strategy spent: the ``whole`` tree in one document, the ``chosen`` trial in
#: its place, its ``patch`` alone, or the ``trials``, each as an attempt.
Tree = Literal["whole", "chosen", "patch", "trials"]


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One attempt's events.

    Attributes:
        events: From first to last.
        name: Where it came from, for messages.
        path: Its file, where it has one.
        trials: The trials that a strategy made of it, for formats that hold them too.
    """

    events: Sequence[Event]
    name: str = ""
    path: Path | None = None
    trials: tuple[Trajectory, ...] = ()

    @property
    def task(self) -> str:
        """The task's id."""
        first = started(self.events)
        return str(first.task.get("id") or "") if first else ""

    @property
    def attempt(self) -> str:
        """The attempt's id."""
        first = started(self.events)
        return first.attempt_id if first else ""

    @property
    def model(self) -> str:
        """The model's name."""
        first = started(self.events)
        return first.model if first else ""

    @property
    def patch(self) -> str:
        """The patch that it left."""
        return final_patch(self.events)

    @property
    def real_patch(self) -> str:
        """The same without masks, where the file of the patch is beside its own."""
        return kept_patch(self.path, self.patch) if self.path else self.patch


@dataclass(frozen=True, slots=True)
class Imported:
    """One attempt read from a foreign file.

    Attributes:
        events: Numbered from 0.
        name: A name for it that is safe as that of a directory once cleaned.
        notes: What could not be kept or shown, a line each.
    """

    events: list[Event]
    name: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One exported file.

    Attributes:
        name: A name for it, with its ending.
        content: Its bytes.
        notes: What could not be put into it, a line each.
    """

    name: str
    content: bytes
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """What an exporter may need beside the trajectories.

    Attributes:
        verdicts: Of the attempts' patches.
        tools: Function schemas of tools by name.
    """

    verdicts: Verdicts = field(default_factory=Verdicts)
    tools: Mapping[str, dict[str, Any]] = field(default_factory=dict)

    def verdict(self, trajectory: Trajectory) -> Verdict | None:
        """The verdict on the trajectory's patch."""
        task, patch = trajectory.task, trajectory.real_patch
        number = attempt_number(trajectory.path) if trajectory.path else 1
        return self.verdicts.of(task, patch, number=number, model=trajectory.model)


class Importer(Protocol):
    """Reads one format."""

    name: str
    summary: str

    def detect(self, source: Source) -> bool:
        """Whether the content looks like this format; never raises."""
        ...

    def read(self, source: Source) -> list[Imported]:
        """The attempts of a file.

        Raises:
            TrajectoryError: It is not what :meth:`detect` took it for.
        """
        ...


class Exporter(Protocol):
    """Writes one format.

    Attributes:
        tree: What it makes of an attempt that a strategy spent; :func:`trajectories.exchange.spread` does it first.
    """

    name: str
    summary: str
    tree: Tree

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """The files of some attempts; one or more attempts may share a file.

        Raises:
            TrajectoryError: Something that the format cannot do without is missing.
        """
        ...


def encode(data: Any) -> bytes:
    """JSON text. Lone surrogates are escaped, so that it is always valid UTF-8."""
    return json.dumps(data, indent=1).encode() + b"\n"


def encode_lines(values: Sequence[Any]) -> bytes:
    """JSON Lines."""
    return b"".join(json.dumps(value, separators=(",", ":")).encode() + b"\n" for value in values)


def file_name(text: str) -> str:
    """A name that is safe for a file: no separators, not hidden, not endless."""
    cleaned = "".join(c if c.isascii() and (c.isalnum() or c in "._-+") else "_" for c in text)
    return cleaned.lstrip(".")[:120] or "attempt"
