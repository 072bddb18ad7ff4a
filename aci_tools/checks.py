"""What is run after every edit that landed, where the profile asks for it: the tests, and the issue's own examples."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aci_tools.session import Session

#: Edits in a row that are taken back; after more than these the checks themselves may be wrong. A reply may hold three.
MOST_UNDONE = 36


@dataclass(frozen=True, slots=True)
class Checked:
    """What the checks found.

    Attributes:
        text: What the model reads; ``""`` when nothing was checked.
        against: What speaks against the edit, in a sentence; ``""`` when nothing does.
        solved: Whether something that was wrong before is now as the issue asks, and nothing speaks against the edit.
        data: Facts for the trajectory.
    """

    text: str = ""
    against: str = ""
    solved: bool = False
    data: dict[str, Any] = field(default_factory=dict)


def check_edit(session: Session) -> Checked:
    """Run the session's checks on the files as they are now.

    Raises:
        SandboxError: The sandbox is lost for good.
    """
    parts: list[str] = []
    against: list[str] = []
    better = False
    data: dict[str, Any] = {}
    examples = session.examples
    if examples.examples:
        now = examples.run(session.sandbox) or ()
        if len(now) == len(examples.examples):
            parts.append(f"The examples of the issue now:\n{examples.compare(now)}")
            data["examples"] = list(now)
            judged = examples.judge(now)
            data["examples_right"] = [sum(one.right for one in judged), len(judged)]
            if examples.unchanged(now):
                against.append("the examples of the issue give the same results as before")
            elif unasked := examples.unasked(now):
                against.append(f"`{unasked[0]}` now gives {unasked[1]}, which nobody asked for")
            else:
                better = examples.solved(now)
    if session.settings.test_after_edit:
        found = _tests(session)
        if found is not None:
            text, newly_failing, newly_passing, ran = found
            better = better or bool(newly_passing)
            parts.append(text)
            data["newly_failing"] = newly_failing[:20]
            data["tests"] = ran
            if newly_failing:
                against.append(f"tests that passed before fail now, such as {newly_failing[0]}")
    return Checked("\n\n".join(parts), "; ".join(against), better and not against, data)


def measure_before(session: Session) -> None:
    """Run the checks once before the first edit, so that later outcomes can be compared."""
    from aci_tools.testing import measure_baseline

    session.examples = session.examples.measured(session.sandbox)
    if session.settings.test_after_edit:
        measure_baseline(session)


def _tests(session: Session) -> tuple[str, list[str], list[str], dict[str, Any]] | None:
    """The summary of a run of the tests, what newly fails, what newly passes, and its command with the counts.

    ``None`` where none can be run.
    """
    from aci_tools.testing import difference, run_project_tests, summarize
    from aci_tools.tools.base import ToolError

    try:
        report = run_project_tests(session)
    except ToolError:
        return None
    delta = difference(report, session.baseline) if session.baseline is not None else None
    text = summarize(report, session.baseline)
    ran = {"command": report.command, "target": report.target, "counts": dict(report.counts)}
    if delta is None:
        return text, [], [], ran
    return text, [*delta.newly_failing, *delta.new_failing], [*delta.newly_passing], ran
