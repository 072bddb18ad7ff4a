"""Imported attempts on disk, and where trajectories lie."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from trajectories.exchange.base import Imported, Trajectory, file_name
from trajectories.log import TrajectoryError, read_events
from trajectories.redact import MASK, Redactor

NAME = "trajectory.jsonl"


def store(imported: Sequence[Imported], output: Path, redactor: Redactor | None = None) -> list[tuple[Path, list[str]]]:
    """Write each attempt as ``<output>/<name>/trajectory.jsonl``; a name that is taken gets a number.

    Times are those of the imported file. Secrets are masked as in trajectories of our own.

    Returns:
        For each attempt its file and what could not be kept.

    Raises:
        UsageError: The directory cannot be written.
    """
    redactor = redactor or Redactor.from_environment()
    written: list[tuple[Path, list[str]]] = []
    for attempt in imported:
        notes = list(attempt.notes)
        lines: list[str] = []
        masked = 0
        for event in attempt.events:
            before = event.model_dump(mode="json")
            data: dict[str, Any] = redactor.data(before)
            masked += _masks(data) - _masks(before)
            lines.append(json.dumps(data, separators=(",", ":")))
        if masked > 0:
            notes.append(f"what looks like a secret was masked in {masked} places and will not be exported")
        path = _free(output, file_name(attempt.name)) / NAME
        try:
            path.parent.mkdir(parents=True)
            partial = path.with_suffix(".part")
            partial.write_text("\n".join(lines) + "\n", encoding="ascii")
            os.replace(partial, path)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror}; choose another --output") from None
        written.append((path, notes))
    return written


def find_trajectories(path: Path) -> list[Trajectory]:
    """The trajectory of a file, or all under a directory in the order of their paths.

    Raises:
        TrajectoryError: There is none, or one is damaged.
    """
    if not path.is_dir():
        events = read_events(path)
        if not events:
            raise TrajectoryError(f"{path} has no events of ours; other agents' files go through `agent import` first")
        return [Trajectory(events, path.name, path)]
    paths = sorted(path.rglob(NAME), key=_natural)
    if not paths:
        raise TrajectoryError(f"{path} has no {NAME} in it")
    named = [Trajectory(read_events(found), str(found.relative_to(path).parent), found) for found in paths]
    begun = [trajectory for trajectory in named if trajectory.events]
    if not begun:
        raise TrajectoryError(f"{path}: no {NAME} in it has an event")
    return begun


def _natural(path: Path) -> list[tuple[int, str]]:
    """Attempt 2 before attempt 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in path.parts]


def _free(output: Path, name: str) -> Path:
    path, number = output / name, 1
    while path.exists():
        number += 1
        path = output / f"{name}.{number}"
    return path


def _masks(data: Any) -> int:
    return json.dumps(data).count(MASK)
