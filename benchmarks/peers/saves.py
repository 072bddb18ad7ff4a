"""What saves cost: their time, and the bytes that they hand to the system. Linux only."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path


class Saves:
    """Measures calls one by one.

    Attributes:
        milliseconds: Time of each.
        written: Bytes that all of them passed to ``write``.
    """

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.written = 0

    def measure(self, save: Callable[[], object]) -> None:
        before = _written()
        began = time.perf_counter()
        save()
        self.milliseconds.append((time.perf_counter() - began) * 1000)
        self.written += _written() - before

    def figures(self) -> dict[str, float | list[float]]:
        ends = {"first_ms": self.milliseconds[:20], "last_ms": self.milliseconds[-20:]}
        return {"saves": len(self.milliseconds), "written": self.written, **ends}


def _written() -> int:
    return int(Path("/proc/self/io").read_text().split("wchar:")[1].split()[0])
