"""Whether a repository's tests run at all in a sandbox: they are run once, as the agent will run them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.testing.detect import find_plan
from aci_tools.testing.report import TestReport
from aci_tools.testing.run import run_plan

_SHOWN = 300  # characters


@dataclass(frozen=True)
class Tryout:
    """What came of running the tests.

    Attributes:
        test_command: What was run; ``""`` where no way to run tests is known.
        parser: Who read the output.
        source: What told how tests are run.
        counts: Number of tests by outcome.
        problem: Why no test ran, or ``""``.
    """

    test_command: str = ""
    parser: str = ""
    source: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    problem: str = ""

    def as_json(self) -> dict[str, Any]:
        """For ``--json`` and for keeping."""
        return asdict(self)

    @property
    def summary(self) -> str:
        """One phrase for the user."""
        if self.problem:
            return self.problem
        return ", ".join(f"{number} {outcome}" for outcome, number in self.counts.items() if number)


def try_out(kind: str, spec: SandboxSpec, timeout: float) -> Tryout:
    """Run the tests in a fresh sandbox.

    Args:
        kind: Kind of the sandbox.
        spec: How it is made.
        timeout: Seconds that the tests may take; what was finished by then counts.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    from aci_tools.session import Session, SessionSettings

    with closing(open_sandbox(kind, spec)) as sandbox:
        plan = find_plan(Session(sandbox, SessionSettings(test_timeout=timeout)))
        if plan is None:
            return Tryout(problem="no way to run the tests was found")
        report = run_plan(sandbox, plan, "", timeout)
    counts: dict[str, int] = {outcome: number for outcome, number in report.counts.items() if number}
    ran = bool(counts.keys() - {"error"})
    return Tryout(plan.command, plan.parser, plan.source, counts, "" if ran else _problem(plan.command, report))


def _problem(command: str, report: TestReport) -> str:
    said = next((failure.message for failure in report.failures), report.tail)
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "").strip()[:_SHOWN]
    ended = f"was ended after {report.duration:.0f} s" if report.timed_out else f"ended with {report.exit_code}"
    shown = command if "\n" not in command else report.target or "the test command"
    return f"`{shown}` {ended} and no test ran" + (f": {last}" if last else "")
