"""Holding what a log says against what the runner itself reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from tasks.grading.evidence import Report

#: Outcomes of tests by name, in SWE-bench's words: PASSED, FAILED, SKIPPED, ERROR, XFAIL.
Outcomes = dict[str, str]

PASSING = frozenset({"PASSED", "XFAIL"})
_WORSE = ("PASSED", "XFAIL", "SKIPPED", "FAILED", "ERROR")
#: Two published lists of pytest name a share of progress as a test; the log alone can tell of it.
_NO_TEST = re.compile(r"\[ *\d+%\]$")


def confirmed(logged: Mapping[str, str], reported: Mapping[str, str] | None) -> tuple[Outcomes, list[str]]:
    """What may be believed of a log.

    Args:
        logged: Outcomes as the log has them.
        reported: Outcomes as the runner reported them; ``None`` when nothing it reported can be believed.

    Returns:
        The outcomes, with what only the log calls passed as failed, and the names of those tests.
    """
    outcomes, disputed = dict(logged), []
    for name, outcome in logged.items():
        if outcome not in PASSING or _NO_TEST.match(name):
            continue
        if reported is None or reported.get(name) not in PASSING:
            outcomes[name] = "FAILED"
            disputed.append(name)
    return outcomes, disputed


@dataclass(frozen=True, slots=True)
class TestRun:
    """One run of the judging tests.

    Attributes:
        log: File of what was printed, in the form that SWE-bench's parsers read.
        output: What the test command printed.
        exit_code: Its exit code.
        report: What the runners reported.
        faults: Why that report cannot be believed; empty when it can.
        artefact: The report file that the command was asked to write.
        workdir: Where the repository is in the sandbox.
        before: What was printed before the tests.
        seconds: How long it took.
    """

    log: Path
    output: str
    exit_code: int | None
    report: Report = field(default_factory=Report)
    faults: tuple[str, ...] = ()
    artefact: bytes = b""
    workdir: str = "/testbed"
    before: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Graded:
    """What the tests of one run came to.

    Attributes:
        outcomes: By name; ``None`` when the run cannot be graded.
        evidence: What they rest on.
        disputed: Tests that the log calls passed and the runner's report does not.
        reason: Why it cannot be graded.
    """

    outcomes: Outcomes | None
    evidence: Literal["report", "log"]
    disputed: tuple[str, ...] = ()
    reason: str = ""


def contradicted(graded: Graded, run: TestRun) -> Graded:
    """The same, refused where a failure was announced by exit code and no test is there that failed."""
    status = run.exit_code or run.report.exit_status
    if not graded.outcomes or not status or not {"FAILED", "ERROR"}.isdisjoint(graded.outcomes.values()):
        return graded
    return replace(graded, outcomes=None, reason=f"the tests ended with exit code {status}, and none of them failed")


def worst(*runs: Mapping[str, str]) -> Outcomes:
    """The worst outcome of each test in several runs."""
    outcomes: Outcomes = {}
    for run in runs:
        for name, outcome in run.items():
            if name not in outcomes or _badness(outcome) > _badness(outcomes[name]):
                outcomes[name] = outcome
    return outcomes


def _badness(outcome: str) -> int:
    return _WORSE.index(outcome) if outcome in _WORSE else len(_WORSE)


def differing(runs: Iterable[Mapping[str, str]]) -> frozenset[str]:
    """The tests that pass in one run and do not in another."""
    every = list(runs)
    names = {name for run in every for name in run}
    return frozenset(name for name in names if len({run.get(name) in PASSING for run in every}) > 1)
