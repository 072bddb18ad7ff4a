"""What a parser is given, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from aci_tools.testing.report import Failure, Place, Status

_FOREIGN = frozenset({"site-packages", "dist-packages", "node_modules", ".venv", "venv", ".tox", ".nox", ".git"})


@dataclass(frozen=True, slots=True)
class RunOutput:
    """What a run of the tests left behind.

    Attributes:
        text: Its output, cleaned.
        root: The repository's real directory inside the sandbox.
        cwd: The directory that the command ran in.
        exit_code: ``None`` when it was killed at its deadline.
        artefact: The report that the runner wrote, or ""; of several files one after the other.
        sources: Source files of the repository, for runners that tell only their names.
    """

    text: str
    root: str
    cwd: str
    exit_code: int | None
    artefact: str = ""
    sources: tuple[str, ...] = ()

    def place(self, path: str, line: int = 0, source: str = "") -> Place | None:
        """A place in the repository; ``None`` for one in the standard library, a dependency or a made-up file."""
        whole = PurePosixPath(self.cwd) / path
        root = PurePosixPath(self.root)
        if root not in whole.parents or path.startswith("<"):
            return None
        relative = whole.relative_to(root)
        if not _FOREIGN.isdisjoint(relative.parts[:-1]):
            return None
        return Place(str(relative), line, source.strip())


@dataclass(slots=True)
class Parsed:
    """What a parser read.

    Attributes:
        results: Status of each test that was named.
        failures: Their details.
        counts: Where the runner counts tests without naming them; empty: count ``results``.
        running: The test in progress when the output ended.
        finished: Whether the runner came to its end.
        notes: What else to say, in sentences.
    """

    results: dict[str, Status] = field(default_factory=dict)
    failures: list[Failure] = field(default_factory=list)
    counts: Mapping[Status, int] = field(default_factory=dict)
    running: str = ""
    finished: bool = True
    notes: list[str] = field(default_factory=list)


Parser = Callable[[RunOutput], Parsed]


def ends(places: Iterable[Place | None]) -> tuple[Place, ...]:
    """Of a traceback, what a reader needs: where the test was, and the innermost line of the repository's own code."""
    own: Sequence[Place] = [place for place in places if place is not None]
    return tuple(own[:1]) + tuple(own[-1:] if len(own) > 1 and own[-1] != own[0] else ())
