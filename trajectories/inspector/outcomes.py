"""What became of finished attempts: verdicts and kinds of failure, as the statistics know them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from trajectories.kept import kept_patch
from trajectories.log import TrajectoryError
from trajectories.stats import facts, read_attempt
from trajectories.stats.runs import attempt_number
from trajectories.verdicts import Verdicts, read_verdicts

#: Classes of the statistics that are no failure.
_NO_FAILURE = frozenset({"resolved", "unjudged"})


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt.

    Attributes:
        verdict: Status of its verdict; ``""`` without one.
        failure: Why it failed, a class of :mod:`trajectories.stats.failures`; ``""`` if it did not, or nobody knows.
        passed: Judging tests that passed, of ``tests``.
    """

    verdict: str = ""
    failure: str = ""
    passed: int = 0
    tests: int = 0


class Outcomes:
    """The outcomes of finished attempts. A trajectory is read again only when its verdict or itself has changed."""

    def __init__(self) -> None:
        self._verdicts = Verdicts()
        self._known: dict[Path, tuple[object, Outcome]] = {}

    def refresh(self, paths: Iterable[Path], trajectories: Iterable[Path]) -> None:
        """Look for verdicts below the paths that a user named, and in the runs that trajectories belong to."""
        self._verdicts = read_verdicts([path for path in paths if path.is_dir()], around=trajectories)

    def of(self, trajectory: Path, size: int, task: str, patch: str) -> Outcome:
        """The outcome of a finished attempt.

        Args:
            trajectory: Its file, and that file's size in bytes.
            size: What tells whether it was written to since it was last asked for.
            task: Its task.
            patch: What it submitted.
        """
        verdict = self._verdicts.of(task, kept_patch(trajectory, patch), number=attempt_number(trajectory))
        seen = (size, verdict)
        known = self._known.get(trajectory)
        if known is not None and known[0] == seen:
            return known[1]
        try:
            row, _ = facts(read_attempt(trajectory), attempt=attempt_number(trajectory), verdict=verdict)
            failure = "" if row.failure in _NO_FAILURE else row.failure
        except (TrajectoryError, TypeError, ValueError, AttributeError):
            failure = ""  # damaged: it is shown as far as it goes, but no statistics are made of it
        outcome = Outcome(failure=failure)
        if verdict is not None:
            outcome = Outcome(verdict.status, failure, len(verdict.passed), verdict.tests)
        self._known[trajectory] = (seen, outcome)
        return outcome
