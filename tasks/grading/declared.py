"""Grading for tasks that say themselves how their tests' outcome is read; by SWE-bench's rules, without its package."""

from __future__ import annotations

from typing import Literal, cast, get_args
from xml.etree import ElementTree

from aci_tools.errors import UsageError
from aci_tools.output import clean
from aci_tools.testing.parsers import RunOutput, parse
from aci_tools.testing.plan import REPORTS, WITH_RESULTS, ParserName
from tasks.grading.confirm import PASSING, Graded, TestRun, confirmed, contradicted, worst
from tasks.grading.confirm import Outcomes as Found
from tasks.grading.verdict import FAIL_TO_PASS, PASS_TO_PASS, Outcomes
from tasks.task import Task

_WORDS = {"passed": "PASSED", "failed": "FAILED", "error": "ERROR", "skipped": "SKIPPED", "xfail": "XFAIL"}
_PYTHON = frozenset({"pytest", "unittest", "django", "auto"})
_SAID = {"ok": "PASSED", "FAIL": "FAILED", "unexpected success": "FAILED", "expected failure": "XFAIL"}
NAMES = frozenset({*get_args(ParserName), "junit"})
#: Parsers that read a file which the command writes.
_OF_FILES = frozenset({*WITH_RESULTS, *REPORTS, "junit"})


class DeclaredGrader:
    """Grades by a parser that a task declares.

    Tests of unittest are known by their dotted names and by the names that unittest prints.

    Args:
        task: Its environment names the parser; without one the runner is recognised by its output.

    Raises:
        UsageError: There is no parser of that name, or it reads a file and the environment names none.
    """

    def __init__(self, task: Task) -> None:
        self.parser = (task.environment.parser if task.environment else "") or "auto"
        if self.parser not in NAMES:
            raise UsageError(f"{task.id}: no parser is called {self.parser}: choose one of {', '.join(sorted(NAMES))}")
        if self.parser in _OF_FILES and not (task.environment and task.environment.report):
            raise UsageError(
                f"{task.id}: the parser {self.parser} needs environment.report, the file that the command writes"
            )
        self._python = self.parser in _PYTHON

    def normalize(self, text: str) -> str:
        """The log as it is."""
        return text

    def outcomes(self, run: TestRun) -> Graded:
        """What the tests came to: by the runner's own report where there is one, else by the log."""
        if self.parser == "junit":
            found = _read_junit(run.artefact)
            reason = "" if found else "the command wrote no JUnit report with a test in it"
            return contradicted(Graded(found or None, "report", reason=reason), run)
        text = clean(run.output.encode("utf-8", "replace"))
        file = run.artefact.decode("utf-8", "replace") if self.parser in _OF_FILES else ""
        output = RunOutput(text, run.workdir, run.workdir, run.exit_code, file)
        parsed = parse(cast(ParserName, self.parser), output)
        logged = _with_printed_names({name: _WORDS[status] for name, status in parsed.results.items()})
        if not (self._python and run.report.loaded):
            evidence: Literal["report", "log"] = "report" if self.parser in _OF_FILES else "log"
            return contradicted(Graded(logged or None, evidence, reason="" if logged else "no test was run"), run)
        reported: Found = {}
        for session in run.report.runs:
            reported = worst(reported, _from_session(session.results, session.runner))
        disputed = confirmed(logged, None if run.faults else reported)[1]
        if run.faults:
            reported = {name: "FAILED" if outcome in PASSING else outcome for name, outcome in reported.items()}
        reason = "" if reported else "the runner reported no test"
        return contradicted(Graded(reported or None, "report", tuple(disputed), reason), run)

    def judge(
        self, outcomes: Found, fail_to_pass: tuple[str, ...], pass_to_pass: tuple[str, ...]
    ) -> dict[str, Outcomes]:
        """Which tests of the lists came out as they should: a skipped test does so only where it passed before."""
        kept = PASSING | {"SKIPPED"}
        return {
            FAIL_TO_PASS: _split(fail_to_pass, outcomes, PASSING),
            PASS_TO_PASS: _split(pass_to_pass, outcomes, kept),
        }


def _from_session(results: list[tuple[str, str, str]], runner: str) -> Found:
    """Outcomes by what one runner reported.

    Args:
        results: Name as printed, dotted name, outcome in the runner's word.
        runner: Which runner.
    """
    found: Found = {}
    for name, identity, word in results:
        outcome = word if runner == "pytest" else _SAID.get(word, "SKIPPED" if word.startswith("skip") else word)
        outcome = {"XPASS": "PASSED", "F": "FAILED", "E": "ERROR", "f": "XFAIL", "s": "SKIPPED"}.get(outcome, outcome)
        for known in dict.fromkeys((name, name.split("\n")[0], identity)):
            if known and found.get(known) not in ("FAILED", "ERROR"):
                found[known] = outcome
    return _with_printed_names(found)


def _read_junit(report: bytes) -> Found | None:
    """Outcomes by a JUnit XML file: tests are ``classname::name``, ``classname.name`` and, where it is one, their name.

    Returns:
        ``None`` when the file cannot be read.
    """
    try:
        cases = list(ElementTree.fromstring(report).iter("testcase"))
    except ElementTree.ParseError:
        return None
    found: Found = {}
    for case in cases:
        outcome = "PASSED"
        for part in case:
            outcome = {"failure": "FAILED", "error": "ERROR", "skipped": "SKIPPED"}.get(part.tag, outcome)
        name, owner, file = case.get("name", ""), case.get("classname", ""), case.get("file", "")
        for known in dict.fromkeys((f"{owner}::{name}", f"{owner}.{name}", f"{file}::{name}", name)):
            if found.get(known) not in ("FAILED", "ERROR"):
                found[known] = outcome
    return found


def _with_printed_names(found: Found) -> Found:
    """The same with the names that unittest prints beside its dotted ones: ``test_x (module.Class)``."""
    more = {}
    for name, outcome in found.items():
        owner, _, method = name.rpartition(".")
        if owner and "/" not in name and ":" not in name and " " not in name:
            more[f"{method} ({owner})"] = more[f"{method} ({name})"] = outcome
    return {**more, **found}


def _split(tests: tuple[str, ...], outcomes: Found, passing: frozenset[str]) -> Outcomes:
    good = tuple(test for test in tests if outcomes.get(test) in passing)
    return Outcomes(success=good, failure=tuple(test for test in tests if test not in set(good)))
