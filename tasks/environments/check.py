"""Whether a repository's tests run at all in an environment: they are run once, as the agent will run them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings

_SHOWN = 300  # characters


@dataclass(frozen=True)
class Checked:
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


def check(kind: str, spec: SandboxSpec, timeout: float) -> Checked:
    """Run the tests in a fresh sandbox without a network.

    Args:
        kind: Kind of the sandbox.
        spec: How it is made.
        timeout: Seconds that the tests may take; what was finished by then counts.

    Raises:
        InfrastructureError: The sandbox failed.
    """
    from aci_tools.testing import find_plan, run_plan

    with closing(open_sandbox(kind, spec)) as sandbox:
        plan = find_plan(Session(sandbox, SessionSettings(test_timeout=timeout)))
        if plan is None:
            return Checked(problem="no way to run the tests was found")
        report = run_plan(sandbox, plan, "", timeout)
    counts: dict[str, int] = {outcome: number for outcome, number in report.counts.items() if number}
    problem = ""
    if not counts:
        said = next((line for line in reversed(report.tail.splitlines()) if line.strip()), "").strip()[:_SHOWN]
        ended = f"did not end within {timeout:.0f} seconds" if report.timed_out else f"ended with {report.exit_code}"
        problem = f"`{plan.command}` {ended} and no test ran" + (f": {said}" if said else "")
    return Checked(plan.command, plan.parser, plan.source, counts, problem)
