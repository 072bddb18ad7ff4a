"""From an issue to a patch: everything around the loop, put together and taken down again."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import UsageError
from agent.config import Config
from agent.progress import Progress
from agent.status import Status
from trajectories.events import AttemptEnded

if TYPE_CHECKING:
    from tasks.repository import Prepared
    from tasks.sources import Issue
    from tasks.task import Task

TRAJECTORY = "trajectory.jsonl"
PATCH = "patch.diff"


@dataclass(frozen=True)
class SolveRequest:
    """What ``agent solve`` was asked.

    Attributes:
        issue: URL, file, text, or ``-``.
        repo: Path or clone URL; ``None``: the issue's repository, else the current directory.
        base: Revision; ``None``: HEAD.
        config: The effective configuration.
        output: Directory for the results; ``None``: one of its own among the runs.
        apply: Whether the patch goes into the user's working tree.
        include_uncommitted: Whether uncommitted changes belong to the base.
    """

    issue: str
    repo: str | None
    base: str | None
    config: Config
    output: Path | None = None
    apply: bool = False
    include_uncommitted: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        ended: The attempt's last event.
        patch: The unified diff; unlike the event's, with whatever looks like a secret left in it, so that it applies.
        output: Where trajectory and patch are.
        applied: Whether the patch was put into the working tree; ``None`` when that was not asked for.
    """

    ended: AttemptEnded
    patch: str
    output: Path
    applied: bool | None = None

    @property
    def exit_code(self) -> int:
        """The exit code that the command line promises."""
        if self.ended.status == Status.INTERRUPTED:
            return 130
        if Status(self.ended.status).infrastructure:
            return 3
        return 0 if self.patch and self.applied is not False else 1

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        facts = self.ended.model_dump(mode="json", include={"status", "detail", "steps", "usage", "duration"})
        return {**facts, "patch": self.patch, "output": str(self.output), "applied": self.applied}


def run(request: SolveRequest, progress: Progress) -> Outcome:
    """Solve an issue.

    Raises:
        UsageError, InfrastructureError: Nothing could be attempted; whatever was made is removed again.
    """
    from agent.attempt import open_attempt
    from agent.workspace import workspace
    from tasks.repository import prepare
    from tasks.sources import read_issue

    began = time.strftime("%Y%m%d-%H%M%S")
    output = _output_directory(request.output, began)
    issue = read_issue(request.issue)
    repo = request.repo or issue.repo or "."
    with workspace() as scratch:
        progress.doing(f"preparing {repo}")
        prepared = prepare(repo, request.base, scratch / "repository", include_uncommitted=request.include_uncommitted)
        if prepared.dirty and not request.include_uncommitted:
            progress.say("uncommitted changes are left out; --include-uncommitted takes them along", "yellow")
        for note in prepared.notes:
            progress.say(note, "yellow")
        with open_attempt(
            task=_task(issue, prepared),
            repository=prepared,
            origin=Path(repo) if Path(repo).is_dir() else None,
            config=request.config,
            trajectory=output / TRAJECTORY,
            progress=progress,
        ) as attempt:
            ended = attempt.run()
    patch = attempt.patch
    (output / PATCH).write_bytes(patch.encode("utf-8", "surrogateescape"))
    outcome = Outcome(ended, patch, output, _apply(request, repo, patch, progress) if request.apply else None)
    _report(outcome, progress)
    return outcome


def _report(outcome: Outcome, progress: Progress) -> None:
    ended = outcome.ended
    usage = ended.usage
    tokens = f"{usage.prompt_tokens + usage.completion_tokens:,} tokens ({usage.cached_tokens:,} cached)"
    cost = "" if usage.cost is None else f", ${usage.cost:.3f}"
    detail = f": {ended.detail}" if ended.detail else ""
    style = "green" if ended.status == Status.SUBMITTED else "yellow"
    steps = f"{ended.steps} step{'s' if ended.steps != 1 else ''}"
    progress.say(f"{ended.status}{detail}; {steps}, {tokens}{cost}, {ended.duration:.0f} s", style)
    if outcome.patch:
        changed = outcome.patch.count("\ndiff --git ") + outcome.patch.startswith("diff --git ")
        progress.say(f"patch of {changed} file{'s' if changed != 1 else ''}: {outcome.output / PATCH}")
    else:
        progress.say("no patch")
    progress.say(f"trajectory: {outcome.output / TRAJECTORY}")


def _apply(request: SolveRequest, repo: str, patch: str, progress: Progress) -> bool:
    from tasks.repository import apply_patch

    if not patch:
        return False
    if not Path(repo).is_dir():
        progress.say("--apply: the repository was given as a URL, so there is no working tree to apply to", "yellow")
        return False
    applied = apply_patch(Path(repo), patch)
    if applied.ok:
        progress.say(f"applied to {Path(repo).resolve()}", "green")
    else:
        progress.say(f"not applied, {repo} is unchanged: {applied.reason}", "red")
    return applied.ok


def _task(issue: Issue, prepared: Prepared) -> Task:
    from tasks.task import Task

    return Task(
        id=issue.identifier,
        repo=prepared.origin,
        base_commit=prepared.base_commit,
        problem_statement=issue.statement(),
        source=issue.facts(),
    )


def _output_directory(wanted: Path | None, began: str) -> Path:
    import platformdirs

    run_id = f"{began}-{secrets.token_hex(3)}"
    output = wanted or platformdirs.user_state_path("patchwright") / "runs" / run_id
    try:
        output.mkdir(parents=True, exist_ok=True)
        probe = output / f".{run_id}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise UsageError(f"--output {output}: cannot write there ({error.strerror})") from None
    if (output / TRAJECTORY).exists():
        raise UsageError(f"--output {output}: there is a trajectory already; choose another directory")
    return output
