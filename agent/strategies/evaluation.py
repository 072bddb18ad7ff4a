"""What plain code can tell about a patch without the hidden tests: checks, and the evaluators that make them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from aci_tools.session import Session
    from agent.strategies.bench import Bench

#: What the kinds of checks are worth beside each other: a regression is a fault for certain.
_WEIGHTS = {"regression": 4.0, "examples": 2.0, "designed": 1.0}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried on a patch.

    Attributes:
        kind: Which evaluator made it: ``examples``, ``regression`` or ``designed``.
        name: The test or the example.
        passed: Whether it is as it should be.
        message: What it is instead.
    """

    kind: str
    name: str
    passed: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that was tried on a patch."""

    checks: tuple[Check, ...] = ()

    @property
    def passed(self) -> bool | None:
        """Whether all is as it should be; ``None`` when nothing could be checked."""
        return all(check.passed for check in self.checks) if self.checks else None

    @property
    def score(self) -> float:
        """Share of the checks that passed, weighted by kind, from 0 to 1."""
        whole = sum(_WEIGHTS.get(check.kind, 1.0) for check in self.checks)
        good = sum(_WEIGHTS.get(check.kind, 1.0) for check in self.checks if check.passed)
        return good / whole if whole else 0.0

    @property
    def failed(self) -> tuple[Check, ...]:
        """The checks that are not as they should be."""
        return tuple(check for check in self.checks if not check.passed)

    def text(self, most: int = 6) -> str:
        """What a model is told of it.

        Args:
            most: Failures shown.
        """
        if not self.checks:
            return "Nothing could be checked."
        good = len(self.checks) - len(self.failed)
        lines = [f"{good} of {len(self.checks)} checks passed."]
        for check in self.failed[:most]:
            lines.append(f"- {check.name}: {check.message or 'failed'}")
        if len(self.failed) > most:
            lines.append(f"- and {len(self.failed) - most} more")
        return "\n".join(lines)

    def as_data(self) -> list[dict[str, Any]]:
        """For an event."""
        return [asdict(check) for check in self.checks]

    @classmethod
    def of(cls, data: list[dict[str, Any]]) -> Evaluation:
        """From an event."""
        return cls(tuple(Check(**each) for each in data))


class Evaluator(Protocol):
    """Makes checks. It knows the task as the agent does, never the hidden tests."""

    def prepare(self, bench: Bench) -> None:
        """What is to be done once, before the first candidate; through the bench, so that it is not done twice."""

    def evaluate(self, bench: Bench, session: Session, patch: str) -> list[Check]:
        """The checks of a patch.

        Args:
            bench: What it works with.
            session: The computer with the patch applied; it is not used again.
            patch: The patch.
        """
