"""What is known of one attempt once it is over, as far as numbers need it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tasks.metrics.estimators import wilson_interval


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt on one task, and its verdict if it has one.

    Attributes:
        task: Id of the task.
        attempt: Number among the attempts on this task, from 1.
        repo: The task's repository.
        model: Name of the model.
        status: Why the attempt ended.
        verdict: Status of the verdict; ``""`` while there is none.
        resolved: Whether the patch solves the task; ``None`` while there is no verdict.
        infrastructure: Whether the attempt or its verdict failed for reasons that say nothing about the agent.
        passed: Judging tests that passed.
        tests: Judging tests that the verdict knows of; 0 where none was run.
        choice: How much the attempt itself speaks for its patch, known without the verdict: the higher, the earlier it
            is submitted in n@k.
        cost: US dollars; ``None`` when no price is known.
        prompt_tokens: Tokens read, cached ones included.
        completion_tokens: Tokens written.
        cached_tokens: Those of the prompt that came from a cache.
        steps: Model calls.
        seconds: Wall time.
    """

    task: str
    attempt: int = 1
    repo: str = ""
    model: str = ""
    status: str = ""
    verdict: str = ""
    resolved: bool | None = None
    infrastructure: bool = False
    passed: int = 0
    tests: int = 0
    choice: float = 0.0
    cost: float | None = None
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    steps: int = 0
    seconds: float = 0.0

    @property
    def counted(self) -> bool:
        """Whether it stands in a denominator: it has a verdict, and infrastructure did not decide it."""
        return self.resolved is not None and not self.infrastructure

    @property
    def share(self) -> float:
        """The share of the judging tests that passed; none passed where none could be run."""
        return self.passed / self.tests if self.tests else float(bool(self.resolved))

    @property
    def strict(self) -> bool:
        """Whether every judging test passed."""
        return self.passed == self.tests if self.tests else bool(self.resolved)


@dataclass(frozen=True, slots=True)
class Share:
    """How many of how many, with the bounds of its 95 % interval (Wilson's).

    Attributes:
        count: Successes.
        of: Trials.
    """

    count: int
    of: int

    @property
    def value(self) -> float | None:
        """The share, 0 to 1; ``None`` of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Lower and upper bound."""
        return wilson_interval(self.count, self.of)


def first_counted(outcomes: Iterable[Outcome]) -> dict[str, Outcome]:
    """For every task the attempt with the lowest number that counts: what is submitted if one attempt is."""
    chosen: dict[str, Outcome] = {}
    for outcome in sorted(outcomes, key=lambda each: each.attempt):
        if outcome.counted:
            chosen.setdefault(outcome.task, outcome)
    return chosen
