"""Tests that were designed from the requirement, and what running them says."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

#: ``cases``: assertions on one Python function. ``file``: a test file of the project's own framework.
Form = Literal["cases", "file"]


@dataclass(frozen=True, slots=True)
class DesignedTest:
    """One test.

    Attributes:
        name: The assertion, or the test as the project's runner names it.
        source: Its text; "" where it is a part of the suite's file.
        kind: ``basic``, ``edge`` or ``large`` of a case; ``reproduces`` or ``keeps`` of a test in a file.
        fails_on_base: Whether it fails before any fix.
        failure: What is wrong there.
    """

    name: str
    source: str = ""
    kind: str = ""
    fails_on_base: bool = False
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A test that was not kept.

    Attributes:
        name: As it is called, or the beginning of its text.
        reason: Why, in a clause.
        source: Its text, as of a kept one.
    """

    name: str
    reason: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one test ended.

    Attributes:
        passed: Whether it holds.
        message: What went wrong instead.
        fault: Why that says nothing about the code: the test itself is broken. "" where it does.
    """

    passed: bool
    message: str = ""
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Suite:
    """Designed tests.

    Attributes:
        form: What they are.
        path: The file of the function that cases are about, or the test file, relative to the repository.
        text: The test file; "" for cases.
        tests: Those that count.
        dropped: Those that do not.
    """

    form: Form = "cases"
    path: str = ""
    text: str = ""
    tests: tuple[DesignedTest, ...] = ()
    dropped: tuple[Dropped, ...] = ()

    @property
    def reproduces(self) -> bool:
        """Whether a test fails before any fix."""
        return any(test.fails_on_base for test in self.tests)

    def without(self, reasons: dict[str, str]) -> Suite:
        """The same with some tests dropped.

        Args:
            reasons: Why, by name.
        """
        kept = tuple(test for test in self.tests if test.name not in reasons)
        gone = [Dropped(t.name, reasons[t.name], t.source) for t in self.tests if t.name in reasons]
        return replace(self, tests=kept, dropped=(*self.dropped, *gone))

    def as_data(self) -> dict[str, Any]:
        """For an event."""
        return asdict(self)

    @classmethod
    def of(cls, data: dict[str, Any]) -> Suite:
        """From an event."""
        tests = tuple(DesignedTest(**test) for test in data["tests"])
        return cls(**{**data, "tests": tests, "dropped": tuple(Dropped(**each) for each in data["dropped"])})
