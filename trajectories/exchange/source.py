"""Reads files that strangers wrote: any fault in them is one line that names the file."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trajectories.log import TrajectoryError

#: Deeper nesting is refused: no format needs it, and what reads JSON recursively would break on it.
_DEEPEST = 150


@dataclass(frozen=True, slots=True)
class Source:
    """A file's content.

    Attributes:
        path: Where it came from; only its name is used any more.
        data: The JSON value; for JSON Lines the list of the lines' values.
        lines: Whether it was JSON Lines.
        digest: Hexadecimal digest of the bytes.
    """

    path: Path
    data: Any
    lines: bool
    digest: str

    def fault(self, what: str) -> TrajectoryError:
        """An error about this file."""
        return TrajectoryError(f"{self.path}: {what}")

    @property
    def stem(self) -> str:
        """The file's name without its endings."""
        return self.path.name.split(".")[0] or self.path.name


def load(path: Path) -> Source:
    """Read a JSON or JSON Lines file.

    Raises:
        TrajectoryError: It cannot be read, is neither, or is nested beyond reason.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise TrajectoryError(f"cannot read {path}: {error.strerror}") from None
    except ValueError as error:
        raise TrajectoryError(f"cannot read {str(path)!r}: {error}") from None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TrajectoryError(f"{path} is not UTF-8 text (byte {error.start})") from None
    lines = False
    try:
        try:
            data = _parse(text)
        except json.JSONDecodeError as error:
            data = _parse_lines(text, error)
            lines = True
    except (ValueError, RecursionError) as error:
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise TrajectoryError(f"{path} is not JSON ({reason})") from None
    if _depth(data) > _DEEPEST:
        raise TrajectoryError(f"{path} is nested more than {_DEEPEST} levels deep")
    return Source(path, data, lines, hashlib.sha256(raw).hexdigest())


def _parse(text: str) -> Any:
    return json.loads(text, parse_constant=_refuse, parse_float=_finite)


def _parse_lines(text: str, first: json.JSONDecodeError) -> list[Any]:
    """The values of JSON Lines; the first error when already the first line is none."""
    values: list[Any] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            values.append(_parse(line))
        except json.JSONDecodeError as error:
            raise (ValueError(f"line {number}: {error}") if values else first) from None
    if not values:
        raise first
    return values


def _refuse(name: str) -> float:
    raise ValueError(f"{name} is not a number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"the number {digits[:20]} is too large")
    return number


def _depth(data: Any) -> int:
    """How deep containers are nested, found without recursion."""
    level, depth = [data], 0
    while level:
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        level, depth = below, depth + 1
        if depth > _DEEPEST:
            break
    return depth


def as_text(value: Any) -> str:
    """The text of a message's content: a string, or the joined text parts of a list; else the empty string."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in value]
        return "\n".join(part for part in parts if isinstance(part, str))
    return ""


def as_mapping(value: Any) -> dict[str, Any]:
    """The object, or an empty one where there is something else."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """The list, or an empty one where there is something else."""
    return value if isinstance(value, list) else []


def as_number(value: Any) -> float:
    """The number, or 0 where there is something else."""
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 else 0.0
    )


def as_count(value: Any) -> int:
    """The whole number, or 0 where there is something else or less."""
    return max(0, int(as_number(value)))


def as_patch(value: Any) -> str:
    """A patch without the blank lines that some agents put before it."""
    return as_text(value).lstrip("\r\n")
