"""What a run of the tests found: an outcome for each test, and for each failure what to read and where to look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

Status = Literal["passed", "failed", "error", "skipped", "xfail"]

#: The order in which outcomes are counted aloud.
STATUSES: tuple[Status, ...] = ("failed", "error", "passed", "skipped", "xfail")

FAILING: frozenset[Status] = frozenset({"failed", "error"})


@dataclass(frozen=True, slots=True)
class Place:
    """A line of source code.

    Attributes:
        path: Relative to the repository, or absolute outside it.
        line: From 1; 0 when unknown.
        source: The line's text without its indentation, or "".
    """

    path: str
    line: int
    source: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}" if self.line else self.path


@dataclass(frozen=True, slots=True)
class Failure:
    """Why one test failed.

    Attributes:
        id: The test, in the runner's own terms.
        message: The assertion or the exception, without its traceback.
        places: The lines to look at, the test's own first, where it broke last.
    """

    id: str
    message: str
    places: tuple[Place, ...] = ()

    @property
    def location(self) -> str:
        """The one place to look, as ``path:line``, or "" when the runner did not say."""
        return str(self.places[-1]) if self.places else ""


@dataclass(frozen=True, slots=True)
class TestReport:
    """The outcome of one run.

    Attributes:
        results: Status of every test that the runner named.
        failures: Details of what failed, in the order met; a test can have several.
        counts: How many tests ended how. More than ``results`` tells when the runner counts tests without naming them.
        duration: Seconds.
        complete: Whether the run came to its own end: not killed at the deadline, not crashed.
        exit_code: Of the command; ``None`` when it was killed at its deadline.
        tail: End of the output; shown when nothing better is known.
        target: What was asked to run; "" is everything.
        running: The test in progress when an incomplete run ended, or "".
        command: The command that was run.
        timed_out: Whether the run was killed at its deadline.
        notes: What else to say about the run, in sentences.
        unedited: Whether the code was as it was before any edit.
        covers: The targets whose outcome is known; a baseline grows by merging runs of several targets.
    """

    __test__: ClassVar[bool] = False

    results: Mapping[str, Status]
    failures: tuple[Failure, ...] = ()
    counts: Mapping[Status, int] = field(default_factory=dict)
    duration: float = 0.0
    complete: bool = True
    exit_code: int | None = 0
    tail: str = ""
    target: str = ""
    running: str = ""
    command: str = ""
    timed_out: bool = False
    notes: tuple[str, ...] = ()
    unedited: bool = False
    covers: frozenset[str] = frozenset()

    @property
    def failing(self) -> tuple[str, ...]:
        """Ids of the tests that failed or could not run, in the order met."""
        return tuple(test for test, status in self.results.items() if status in FAILING)

    @property
    def ok(self) -> bool:
        """Whether the run came to its end, something ran and nothing failed."""
        return self.complete and self.exit_code == 0 and not self.failing


def count(results: Mapping[str, Status]) -> dict[Status, int]:
    """How many tests ended how, in the order of :data:`STATUSES`, without the zeros."""
    found = Counter(results.values())
    return {status: found[status] for status in STATUSES if found[status]}
