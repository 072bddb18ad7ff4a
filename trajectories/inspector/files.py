"""Finds trajectory files among what a user names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from trajectories.log import TrajectoryError
from trajectories.trees import root_of

#: A first line longer than this is no beginning of a trajectory, whatever it is.
_LONGEST_FIRST_LINE = 16_000_000


def find_trajectories(paths: list[Path]) -> list[tuple[Path, str]]:
    """The trajectory files named by paths, each once, with the name to show for it.

    Args:
        paths: Trajectory files, which come with the trials that a strategy made of them, and directories that are
            searched at any depth. Links inside a directory are not followed, so that nothing outside of it is shown.

    Returns:
        Files and their names: relative to the directory that was named, with its own name where there are several.

    Raises:
        TrajectoryError: A path is not there, or a file is no trajectory.
    """
    several = len(paths) > 1
    found: dict[Path, str] = {}
    for path in paths:
        if path.is_dir():
            for file in _below(path):
                name = file.relative_to(path).as_posix()
                found.setdefault(file.resolve(), f"{path.resolve().name}/{name}" if several else name)
        elif not path.is_file():
            raise TrajectoryError(f"there is no {path}")
        elif not _begins_a_trajectory(path):
            raise TrajectoryError(f"{path} is not a trajectory; `agent import` reads those of other programs")
        else:
            found.setdefault(path.resolve(), path.name if not several else str(path))
            for trial in _trials_beside(path):
                found.setdefault(trial.resolve(), str(trial if several else trial.relative_to(path.parent)))
    return list(found.items())


def _below(directory: Path) -> Iterator[Path]:
    for place, directories, files in os.walk(directory):
        directories.sort(key=_natural)
        for name in sorted(files, key=_natural):
            file = Path(place, name)
            if name.endswith(".jsonl") and not file.is_symlink() and _begins_a_trajectory(file):
                yield file


def _trials_beside(file: Path) -> Iterator[Path]:
    directory = file.parent / "trials"
    if directory.is_dir() and not directory.is_symlink():
        yield from (below for below in _below(directory) if root_of(below) == file)


def _natural(name: str) -> tuple[int, int | str]:
    """Attempt 10 comes after attempt 9."""
    return (0, int(name)) if name.isdecimal() else (1, name)


def _begins_a_trajectory(file: Path) -> bool:
    try:
        with file.open("rb") as stream:
            line = stream.readline(_LONGEST_FIRST_LINE)
        data = json.loads(line.decode("utf-8", "replace")) if line.endswith(b"\n") else None
    except (OSError, ValueError, RecursionError):
        return False
    return isinstance(data, dict) and data.get("type") == "attempt_started"
