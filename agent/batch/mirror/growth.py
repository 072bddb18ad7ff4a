"""A file that lines are appended to, where objects cannot grow: one object, and the parts that followed it.

``trajectory.jsonl`` is an object. What was appended since is in ``trajectory.jsonl.parts/BASE/OFFSET``: ``BASE`` says
which content of the object the parts follow, so parts of another time are never taken for the end of this one, in
whatever order objects were written and removed when a machine died; ``OFFSET`` is where a part begins.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from tasks.object_store import Remote

#: What grows: files of one JSON value a line.
SUFFIX = ".jsonl"
_PART = re.compile(r"(?P<name>.+\.jsonl)\.parts/(?P<base>[0-9a-f]{16})/(?P<offset>\d{16})")
#: Parts that there may be before they become one object again.
_MOST_PARTS = 200
#: Bytes before the end of what was sent by which a file that was written anew is recognised.
_TAIL = 256


class Growth:
    """Keeps the object and the parts of one file up to date.

    Args:
        remote: Where.
        name: Name of the file.
        place: The file on this machine.
    """

    def __init__(self, remote: Remote, name: str, place: Path) -> None:
        self._remote, self._name, self._place = remote, name, place
        self._base: str | None = None
        self._parts: list[str] = []
        self._sent, self._tail = 0, b""

    def send(self) -> None:
        """Copy the whole lines that are new.

        Raises:
            InfrastructureError: The store failed; the same lines are copied the next time.
        """
        try:
            with self._place.open("rb") as file:
                file.seek(self._sent - len(self._tail))
                same = file.read(len(self._tail)) == self._tail
                new = _whole_lines(file.read()) if same else b""
        except FileNotFoundError:
            return
        if self._base is None or not same or len(self._parts) >= _MOST_PARTS:
            self.settle()
        elif new:
            part = f"{self._name}.parts/{self._base}/{self._sent:016}"
            self._remote.write(part, new)
            self._parts.append(part)
            self._sent += len(new)
            self._tail = (self._tail + new)[-_TAIL:]

    def settle(self) -> None:
        """Make one object of it all, and remove the parts.

        Raises:
            InfrastructureError: The store failed; what was there can still be read.
        """
        try:
            data = _whole_lines(self._place.read_bytes())
        except FileNotFoundError:
            return
        if self._base is None:
            self._parts = [known for known in self._remote.sizes(f"{self._name}.parts") if is_part(known)]
        self._remote.write(self._name, data)
        self._base, self._sent, self._tail = _digest(data), len(data), data[-_TAIL:]
        parts, self._parts = self._parts, []
        self._remote.remove(parts)


def is_part(name: str) -> bool:
    """Whether a name is that of a part."""
    return _PART.fullmatch(name) is not None


def grown(names: Iterable[str]) -> dict[str, list[str]]:
    """The parts among names, by the file that they belong to."""
    found: dict[str, list[str]] = {}
    for name in names:
        if matched := _PART.fullmatch(name):
            found.setdefault(matched["name"], []).append(name)
    return found


def assemble(whole: bytes, parts: Mapping[str, bytes]) -> bytes:
    """The content of a file from its object and its parts.

    Args:
        whole: The object; empty where there is none.
        parts: By name. Those of another object, and those after a gap, are left out.
    """
    base, data = _digest(whole), whole
    for name in sorted(parts):
        matched = _PART.fullmatch(name)
        if matched and matched["base"] == base and int(matched["offset"]) == len(data):
            data += parts[name]
    return data


def length(whole: int, parts: Mapping[str, int]) -> int:
    """Bytes of a file whose object has so many, with parts of these sizes by name."""
    ends = [int(matched["offset"]) + size for name, size in parts.items() if (matched := _PART.fullmatch(name))]
    return max([whole, *ends])


def _whole_lines(data: bytes) -> bytes:
    return data[: data.rfind(b"\n") + 1]


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()[:16]
