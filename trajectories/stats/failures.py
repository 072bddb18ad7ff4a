"""Why attempts fail: a class for each, computed from its events, its verdict and the known solution as far as known.

The classes are tried in the order of :data:`CLASSES`, and the first that fits is the attempt's. What decides an attempt
whatever it did comes first (infrastructure, a verdict that it resolves the task), then ends that left nothing to judge
(malformed actions, a submission without a change), then the way to the solution, step by step, each class being the
first step that was missed; last what is known when neither a verdict nor a solution is at hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from trajectories.stats.localisation import Localisation
from trajectories.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Case:
    """What a class is decided by.

    Attributes:
        status: Why the attempt ended, as we say it or as the importer kept it.
        patch: What it submitted.
        infrastructure: Whether the attempt or its verdict failed for reasons that say nothing about the agent.
        verdict: Its verdict; ``None`` without one.
        found: How near it came to the known solution; ``None`` where none is known.
        own_tests: What its own last run of tests said; ``None`` without one.
    """

    status: str
    patch: str
    infrastructure: bool
    verdict: Verdict | None
    found: Localisation | None
    own_tests: bool | None


def infrastructure(case: Case) -> bool:
    """The model's provider, the sandbox, the grader or an interrupt ended it, or nothing did: it has no end."""
    return case.infrastructure


def resolved(case: Case) -> bool:
    """The verdict is that the patch solves the task."""
    return case.verdict is not None and case.verdict.resolved


def format_errors(case: Case) -> bool:
    """It ended because too many replies in a row held no well-formed action."""
    return "format" in case.status


def gave_up(case: Case) -> bool:
    """It submitted, and nothing was changed."""
    return case.status.lower() == "submitted" and not case.patch.strip()


def never_found(case: Case) -> bool:
    """It opened none of the files that the known solution changes (and its patch changes none)."""
    found = case.found
    return found is not None and bool(found.files) and not found.opened and not found.edited


def not_edited(case: Case) -> bool:
    """It opened one of the files that the known solution changes, but its patch changes none of them."""
    found = case.found
    return found is not None and bool(found.files) and not found.edited


def tests_failed(case: Case) -> bool:
    """It changed something, and the judging tests fail; without a verdict: its own last run of tests failed."""
    if not case.patch.strip():
        return False
    return case.own_tests is False if case.verdict is None else not case.verdict.resolved


def limits(case: Case) -> bool:
    """A limit ended it: of steps, tokens, cost, time, context or repetitions."""
    words = ("limit", "overflow", "cost", "context", "exhausted", "timeout", "max")
    return any(word in case.status.lower() for word in words)


def unjudged(case: Case) -> bool:
    """Nothing that is known speaks against it: it has no verdict, and no other class fits."""
    return True


#: In the order in which they are tried.
CLASSES = (
    infrastructure,
    resolved,
    format_errors,
    gave_up,
    never_found,
    not_edited,
    tests_failed,
    limits,
    unjudged,
)


def classify(case: Case) -> str:
    """The name of the first class that fits."""
    return next(each.__name__ for each in CLASSES if each(case))
