"""Who grades a task: SWE-bench's own rules where it is SWE-bench's, a declared parser elsewhere."""

from __future__ import annotations

from typing import Protocol

from tasks.grading.confirm import Graded, TestRun
from tasks.grading.confirm import Outcomes as Found
from tasks.grading.declared import DeclaredGrader
from tasks.grading.official import OfficialGrader, parser_of
from tasks.grading.verdict import Outcomes
from tasks.task import Task


class Grader(Protocol):
    """From a run of the tests to the outcome of each, and from those to which came out as they should."""

    def normalize(self, text: str) -> str:
        """A log with the names of tests as the task's lists have them."""

    def outcomes(self, run: TestRun) -> Graded:
        """What the tests came to."""

    def judge(
        self, outcomes: Found, fail_to_pass: tuple[str, ...], pass_to_pass: tuple[str, ...]
    ) -> dict[str, Outcomes]:
        """Which tests of the lists came out as they should."""


def grader_for(task: Task) -> Grader:
    """The grader of a task.

    Raises:
        UsageError: It needs a package that is not installed, or a parser that there is none of.
    """
    parser = parser_of(task)
    return OfficialGrader(task, parser) if parser else DeclaredGrader(task)
