"""From an issue to a patch: everything around the loop, put together and taken down again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import PatchwrightError, UsageError
from agent.config import Config
from agent.human import Presence
from agent.progress import Progress
from agent.status import Status
from agent.workspace import among_the_runs, kept_clones, writable
from trajectories.events import AttemptEnded, Event
from trajectories.kept import kept_patch
from trajectories.trees import root_of

if TYPE_CHECKING:
    from agent.pull_request import Opening, Published, Target
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
        include_uncommitted: Whether uncommitted changes belong to the base; ``None``: ask on a terminal.
        opening: How a pull request is to be opened; ``None``: not at all.
        presence: What somebody at the terminal takes part in.
    """

    issue: str
    repo: str | None
    base: str | None
    config: Config
    output: Path | None = None
    apply: bool = False
    include_uncommitted: bool | None = None
    opening: Opening | None = None
    presence: Presence = field(default_factory=Presence)


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        ended: The attempt's last event.
        patch: The unified diff; unlike the event's, with whatever looks like a secret left in it, so that it applies.
        output: Where trajectory and patch are.
        applied: Whether the patch was put into the working tree; ``None`` when that was not asked for.
        published: What came of the pull request; ``None`` when that was not asked for.
    """

    ended: AttemptEnded
    patch: str
    output: Path
    applied: bool | None = None
    published: Published | None = None

    @property
    def exit_code(self) -> int:
        """The exit code that the command line promises."""
        if self.ended.status == Status.INTERRUPTED:
            return 130
        if Status.of(self.ended.status).infrastructure:
            return 3
        if self.published and self.published.exit_code:
            return self.published.exit_code
        return 0 if self.patch and self.applied is not False else 1

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        facts = self.ended.model_dump(mode="json", include={"status", "detail", "steps", "usage", "duration"})
        results = {"patch": self.patch, "output": str(self.output), "applied": self.applied}
        return {**facts, **results, "pull_request": asdict(self.published) if self.published else None}


def run(request: SolveRequest, progress: Progress) -> Outcome:
    """Solve an issue.

    Raises:
        UsageError, InfrastructureError: Nothing could be attempted; whatever was made is removed again.
    """
    from aci_tools.sandbox.workspace import workspace
    from tasks.sources import read_issue

    output = _output_directory(request.output)
    with _gone_if_unused(output, made=request.output is None), workspace() as scratch:
        issue = read_issue(request.issue)
        target = _target(issue, request.opening, progress)
        repo = request.repo or issue.repo or "."
        progress.doing(f"preparing {repo}")
        prepared = _prepare(request, repo, scratch / "repository", progress)
        if target:
            target.base(kept_clones(), prepared.base_commit, request.base)
        for note in (*issue.remarks, *prepared.notes):
            progress.say(note, "yellow")
        task = _task(issue, prepared, request.base)
        ended, patch = _attempt(task, prepared, repo, request.config, output, progress, request.presence)
    outcome = _finish(request.apply, repo, ended, patch, output, progress)
    return _publish(outcome, target, request.base, request.config, progress)


@dataclass(frozen=True)
class ResumeRequest:
    """What ``agent solve --resume`` was asked.

    Attributes:
        output: The directory of the attempt.
        repo: Where its repository is now; ``None``: where it was.
        settings: ``--set`` arguments, of the model and the limits.
        flags: Settings by dotted key, the same.
        apply: Whether the patch goes into the user's working tree.
        opening: How a pull request is to be opened; ``None``: not at all.
        presence: What somebody at the terminal takes part in.
    """

    output: Path
    repo: str | None = None
    settings: Sequence[str] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    apply: bool = False
    opening: Opening | None = None
    presence: Presence = field(default_factory=Presence)


def resume(request: ResumeRequest, progress: Progress) -> Outcome:
    """Go on with an attempt that was cut off; of one that is finished, give the outcome again.

    Raises:
        UsageError: There is nothing to go on with, or not on this repository, or not with these settings.
        InfrastructureError: The sandbox or the model cannot be had.
    """
    from aci_tools.sandbox.workspace import workspace
    from agent.resume import read_attempt, resumed_config
    from tasks.repository import prepare
    from tasks.sources import Issue, read_issue

    output = request.output
    recorded = read_attempt(output / TRAJECTORY)
    if recorded is None:
        raise UsageError(f"--resume: no attempt has begun in {output}; leave out --resume to begin one there")
    if (root := root_of(output / TRAJECTORY)) is not None:
        raise UsageError(f"--resume: {output} is a trial of the attempt in {root.parent}; that is what is gone on with")
    task = recorded.task
    repo = request.repo or task.repo
    target = None
    if request.opening:
        url = task.source.get("url")
        target = _target(read_issue(url) if url else Issue(task.id), request.opening, progress)
    if recorded.finished:
        assert recorded.ended is not None
        progress.say("this attempt is finished; nothing was run", "yellow")
        known = kept_patch(output / TRAJECTORY, recorded.ended.patch)
        outcome = _finish(request.apply, repo, recorded.ended, known, output, progress)
        if target is None:
            return outcome
        config = resumed_config(recorded.started.config, request.settings, request.flags)
        return _publish(outcome, target, task.source.get("base"), config, progress)
    config = resumed_config(recorded.started.config, request.settings, request.flags)
    with workspace() as scratch:
        progress.doing(f"preparing {repo}")
        uncommitted = task.source.get("uncommitted") == "included"
        base = None if uncommitted else task.base_commit
        prepared = prepare(repo, base, scratch / "repository", include_uncommitted=uncommitted, clones=kept_clones())
        if prepared.base_commit != task.base_commit:
            raise UsageError(f"--resume: the uncommitted changes of {repo} are not those that the attempt began with")
        ended, patch = _attempt(task, prepared, repo, config, output, progress, request.presence)
    outcome = _finish(request.apply, repo, ended, patch, output, progress)
    return _publish(outcome, target, task.source.get("base"), config, progress)


def _attempt(
    task: Task,
    prepared: Prepared,
    repo: str,
    config: Config,
    output: Path,
    progress: Progress,
    presence: Presence,
) -> tuple[AttemptEnded, str]:
    """How it ended, and the patch with whatever looks like a secret left in it."""
    from agent.computer import open_computer
    from agent.models import open_model
    from agent.telemetry.solve import watched
    from agent.work import open_work

    origin = Path(repo) if Path(repo).is_dir() else None
    with contextlib.ExitStack() as stack:
        watch = stack.enter_context(watched(config.telemetry, progress.say, task, output / TRAJECTORY))

        def listen(event: Event) -> None:
            progress(event)
            watch.event(event)

        def retry(what: str, wait: float) -> None:
            progress.retry(what, wait)
            watch.retry(what, wait)

        model = stack.enter_context(contextlib.closing(open_model(config.model, retry)))
        model.check()
        computer = open_computer(config, prepared.path, progress, image=task.image, origin=origin)
        sandbox = stack.enter_context(contextlib.closing(computer))
        progress.doing("reading the repository")
        attempt = stack.enter_context(
            open_work(
                task=task,
                sandbox=sandbox,
                model=model,
                config=config,
                trajectory=output / TRAJECTORY,
                listener=listen,
                companion=stack.enter_context(presence.companion(progress, config.policy)),
            )
        )
        progress.say(f"model: {model.name}, {attempt.about}; task: {task.id}")
        ended = attempt.run()
        progress.doing("removing the sandbox")
    return ended, attempt.patch


def _finish(apply: bool, repo: str, ended: AttemptEnded, patch: str, output: Path, progress: Progress) -> Outcome:
    (output / PATCH).write_bytes(patch.encode("utf-8", "surrogateescape"))
    outcome = Outcome(ended, patch, output, _apply(repo, patch, progress) if apply else None)
    _report(outcome, progress)
    return outcome


def _target(issue: Issue, opening: Opening | None, progress: Progress) -> Target | None:
    from agent.pull_request import find_target

    if opening is None:
        return None
    progress.doing("looking whether a pull request is wanted")
    return find_target(issue, opening)


def _publish(outcome: Outcome, target: Target | None, base: str | None, config: Config, progress: Progress) -> Outcome:
    from agent.pull_request import publish

    if target is None or outcome.exit_code == 130:
        return outcome
    published = publish(
        target, base=base, patch=outcome.patch, output=outcome.output, config=config, clones=kept_clones(),
        progress=progress,
    )  # fmt: skip
    return replace(outcome, published=published)


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


def _apply(repo: str, patch: str, progress: Progress) -> bool:
    from tasks.repository import apply_patch

    if not patch:
        return False
    if not Path(repo).is_dir():
        progress.say("--apply: the repository was given as a URL, so there is no working tree to apply to", "yellow")
        return False
    applied = apply_patch(Path(repo), patch)
    if applied.ok:
        progress.say(f"applied to the working tree: {', '.join(applied.files)}", "green")
    else:
        progress.say(f"not applied, {repo} is unchanged: {applied.reason}", "red")
    return applied.ok


def _prepare(request: SolveRequest, repo: str, copy: Path, progress: Progress) -> Prepared:
    """The copy to work on, with the user's uncommitted changes if they are wanted."""
    import shutil

    from tasks.repository import prepare

    taken = bool(request.include_uncommitted)
    prepared = prepare(repo, request.base, copy, include_uncommitted=taken, clones=kept_clones())
    if not prepared.dirty or taken:
        return prepared
    asked = request.include_uncommitted is None and request.base is None
    if asked and progress.ask(f"{repo} has uncommitted changes: work on it with them?"):
        shutil.rmtree(copy)
        return prepare(repo, None, copy, include_uncommitted=True)
    progress.say("uncommitted changes are left out; --include-uncommitted takes them along", "yellow")
    return prepared


def _task(issue: Issue, prepared: Prepared, base: str | None) -> Task:
    from tasks.task import Task

    given = {"base": base, "uncommitted": "included" if prepared.uncommitted else None}
    # A path is kept as it is from anywhere, so that the attempt can be resumed from anywhere.
    here = Path(prepared.origin)
    return Task(
        id=issue.identifier,
        repo=str(here.resolve()) if here.is_dir() else prepared.origin,
        base_commit=prepared.base_commit,
        problem_statement=issue.statement(),
        source=issue.facts() | {name: value for name, value in given.items() if value},
    )


@contextlib.contextmanager
def _gone_if_unused(output: Path, *, made: bool) -> Iterator[None]:
    """Where nothing could be attempted, the directory that was made for the attempt goes, if nothing was recorded."""
    try:
        yield
    except PatchwrightError:
        with contextlib.suppress(OSError):
            if made:
                for file in (each for each in output.iterdir() if not each.stat().st_size):
                    file.unlink()
                output.rmdir()
        raise


def _output_directory(wanted: Path | None) -> Path:
    from agent.resume import read_attempt

    output = writable(wanted or among_the_runs())
    if read_attempt(output / TRAJECTORY) is not None:
        raise UsageError(
            f"--output {output}: there is a trajectory already; --resume goes on with it, else choose another directory"
        )
    return output
