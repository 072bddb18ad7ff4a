"""What a strategy is: a way of spending attempts on a task. Strategies compose, each wraps another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from agent.strategies.evaluation import Evaluation
from trajectories.events import Usage

if TYPE_CHECKING:
    from agent.strategies.bench import Bench


@dataclass(frozen=True, slots=True)
class Brief:
    """What one trial is given beyond the task. A strategy extends it for what it wraps.

    Attributes:
        name: Path of the trial in the tree, such as ``2`` or ``2.1``; unique in an attempt.
        lessons: What earlier trials taught, the newest last; they enter the prompt.
        remarks: Further texts for the prompt, such as designed tests or the values at a failure.
        share: Share of what is left of the budget that the trial may use.
        seed: Added to the configured seed of the sampling.
        temperature: Sampling temperature; ``None``: the configured one.
        initial_patch: Changes that are in the repository when the trial begins; its patch includes them.
        failed: Patches that were evaluated and failed. Where edits are taken back, one that leads to such a patch is.
        settings: Settings by dotted key that are other than the configured ones.
    """

    name: str = ""
    lessons: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    share: float = 1.0
    seed: int = 0
    temperature: float | None = None
    initial_patch: str = ""
    failed: tuple[str, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)

    def child(self, name: str | int, share: float = 1.0, seed: int = 0) -> Brief:
        """The brief of a part of this one's work.

        Args:
            name: What tells it from its siblings.
            share: Share of this brief's budget.
            seed: What tells its sampling from theirs.
        """
        path = f"{self.name}.{name}" if self.name else str(name)
        return replace(self, name=path, share=self.share * share, seed=self.seed * 10 + seed)

    def round(self, number: int, of: int, first: float | None = None) -> Brief:
        """The brief of one of several rounds, of which each can use the same amount.

        Args:
            number: Which one, from 1.
            of: How many there are at most.
            first: What the first may use instead; the others then have what it left.
        """
        # What is left shrinks from round to round, but only by what this brief may use of it.
        equal = 1 / (of - (number - 1) * self.share)
        return self.child(number, first if first is not None and number == 1 else equal, number - 1)

    def with_lesson(self, lesson: str, most: int) -> Brief:
        """The same with one lesson more, of which the latest ``most`` are kept."""
        return replace(self, lessons=(*self.lessons, lesson)[-most:]) if lesson else self

    def without(self, patch: str) -> Brief:
        """The same with one patch more that failed."""
        return replace(self, failed=(*self.failed, patch)) if patch else self

    def with_remark(self, remark: str) -> Brief:
        """The same with one remark more."""
        return replace(self, remarks=(*self.remarks, remark)) if remark else self


@dataclass(frozen=True, slots=True)
class Candidate:
    """What came of a trial, or of a strategy.

    Attributes:
        name: The trial's.
        patch: The unified diff; unlike the recorded one, with whatever looks like a secret left in it.
        status: Why the trial ended, a value of :class:`agent.status.Status`.
        detail: One line about that.
        steps: Model calls.
        usage: Their sum.
        evaluation: What plain code found about the patch; ``None`` until somebody asked for it.
        trajectory: The trial's trajectory.
    """

    name: str
    patch: str
    status: str
    detail: str = ""
    steps: int = 0
    usage: Usage = field(default_factory=Usage)
    evaluation: Evaluation | None = None
    trajectory: Path | None = None

    @property
    def rank(self) -> tuple[bool, float]:
        """Greater is better: a patch at all, then what the evaluation says."""
        return bool(self.patch), self.evaluation.score if self.evaluation is not None else 0.0

    @property
    def convincing(self) -> bool:
        """Whether something could be checked, and all of it is as it should be."""
        return bool(self.patch) and self.evaluation is not None and self.evaluation.passed is True


#: What a strategy wraps: the next one of the expression, and at last a single attempt.
Solver = Callable[["Bench", Brief], Candidate]


class Strategy(Protocol):
    """A way of spending attempts on a task.

    What it does through the bench is recorded and, when the attempt is resumed, not done twice. So it has to be a plain
    function of the bench: the same answers, the same course.

    Attributes:
        name: What an expression calls it.
    """

    name: ClassVar[str]

    def solve(self, bench: Bench, brief: Brief, inner: Solver) -> Candidate:
        """The best candidate that it can find.

        Args:
            bench: What it works with.
            brief: What this part of the work is given.
            inner: What makes the candidates.

        Raises:
            AttemptOver: The budget is used up; of the candidates so far the best one counts.
        """


def single(bench: Bench, brief: Brief) -> Candidate:
    """One attempt of the loop: the innermost strategy, always."""
    return bench.trial(brief)
