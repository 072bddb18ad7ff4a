"""What a checker finds in a file, and which of it an edit introduced."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One fault of a file.

    Attributes:
        line: From 1.
        column: From 1, in characters.
        code: The checker's name for the kind of fault.
        message: What is wrong, in a sentence.
    """

    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True)
class Change:
    """The lines of a file before and after an edit, and how they correspond."""

    before: Sequence[bytes]
    after: Sequence[bytes]

    @cached_property
    def _blocks(self) -> list[tuple[int, int, int]]:
        """Runs of equal lines as (start before, start after, length), all from 0."""
        old, new = self.before, self.after
        head = 0
        while head < min(len(old), len(new)) and old[head] == new[head]:
            head += 1
        tail = 0
        while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
            tail += 1
        left, right = old[head : len(old) - tail], new[head : len(new) - tail]
        # A large rewrite is compared as one block: the comparison is quadratic, and nothing hangs on its detail.
        small = len(left) * len(right) <= 4_000_000
        inner = difflib.SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks() if small else []
        middle = [(head + a, head + b, size) for a, b, size in inner if size]
        return [(0, 0, head), *middle, (len(old) - tail, len(new) - tail, tail)]

    def place_after(self, line: int) -> tuple[str, int]:
        """Where a line of the new file was: ``("line", old number)``, or ``("hunk", n)`` when it is new or changed."""
        return self._place(line, new=True)

    def place_before(self, line: int) -> tuple[str, int]:
        """The same for a line of the old file, so that both sides of one place are equal."""
        return self._place(line, new=False)

    def _place(self, line: int, *, new: bool) -> tuple[str, int]:
        hunk = 0
        for index, (a, b, size) in enumerate(self._blocks):
            start = b if new else a
            if line - 1 < start:
                return "hunk", hunk
            if line - 1 < start + size:
                return "line", a + line - start
            hunk = index + 1
        return "hunk", hunk


def introduced(known: Sequence[Diagnostic], found: Sequence[Diagnostic], change: Change) -> list[Diagnostic]:
    """The faults of the new file that the old one did not have.

    On a line that stayed as it was, faults of one code are compared by count; within a changed
    stretch, by code and message.

    Args:
        known: What was wrong before.
        found: What is wrong after.
        change: How the lines correspond.
    """
    old = Counter(_key(d, change.place_before(d.line)) for d in known)
    fresh = []
    for diagnostic in found:
        key = _key(diagnostic, change.place_after(diagnostic.line))
        if old[key] > 0:
            old[key] -= 1
        else:
            fresh.append(diagnostic)
    return fresh


def _key(diagnostic: Diagnostic, place: tuple[str, int]) -> tuple[object, ...]:
    kind, where = place
    return (kind, where, diagnostic.code) if kind == "line" else (kind, where, diagnostic.code, diagnostic.message)
