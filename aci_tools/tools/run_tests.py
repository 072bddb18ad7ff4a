"""The ``run_tests`` tool."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_tools.tools.base import NOT_FOUND, TESTS_FAILED, TIMEOUT, Field, Observation, Tool

if TYPE_CHECKING:
    from aci_tools.session import Session
    from aci_tools.testing import TestReport

_LISTED = 50
_FILES = 5


class RunTests(Tool):
    """Run the project's tests and see what fails and, where known, what changed compared with before any edit."""

    target: str = Field("", description="A test file, test id or name pattern; leave it empty to run all tests.")

    def run(self, session: Session) -> Observation:
        """Run them with the session's deadline; the observation is not ok when anything fails or nothing runs.

        For a source file without tests those of the test file that is called after it are run, if there is one.
        """
        from aci_tools.testing import difference, run_project_tests, summarize

        compare = session.settings.test_delta
        report, note = run_project_tests(session, self.target, compare=compare), ""
        if _nothing_ran(report) and (instead := _tests_of(session, self.target)):
            note = f"{self.target} has no tests; these are the tests of {instead}:\n"
            report = run_project_tests(session, instead, compare=compare)
        baseline = session.baseline if compare else None
        data = {
            "command": report.command,
            "target": report.target,
            "exit_code": report.exit_code,
            "complete": report.complete,
            "counts": dict(report.counts),
            "failing": list(report.failing[:_LISTED]),
        }
        if baseline is not None:
            delta = difference(report, baseline)
            data["newly_passing"] = list(delta.newly_passing[:_LISTED])
            data["newly_failing"] = list(delta.newly_failing[:_LISTED])
        code = TIMEOUT if report.timed_out else TESTS_FAILED
        text = note + summarize(report, baseline)
        if _nothing_ran(report):
            code = NOT_FOUND
            text += f"\n{_where_tests_are(session, self.target)}"
        return Observation(text, ok=report.ok, code="" if report.ok else code, data=data)


def _nothing_ran(report: TestReport) -> bool:
    return report.complete and not report.results and report.exit_code == 5


def _tests_of(session: Session, target: str) -> str:
    """The test file that is called after a source file, "" for any other target."""
    from aci_tools.testing.files import holds_tests, named_after

    files = session.files()
    return named_after(filter(holds_tests, files), target) if target in files and not holds_tests(target) else ""


def _where_tests_are(session: Session, target: str) -> str:
    """Where a target may be found, the likeliest first."""
    from aci_tools.testing.files import by_likeness, holds_tests

    files = by_likeness(filter(holds_tests, session.files()), target.partition("::")[0])
    if not files:
        return "No file of the repository looks like one with tests."
    more = len(files) - _FILES
    return f"Files with tests: {', '.join(files[:_FILES])}" + (f" and {more} more." if more > 0 else ".")
