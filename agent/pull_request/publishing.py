"""Opens the pull request of an attempt, or brings the one that is open up to date."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import PatchwrightError, UsageError
from agent.config import Config
from agent.progress import Progress
from agent.pull_request.description import Facts, commit_message, describe, spliced, title
from agent.pull_request.files import Care, Changed, changed_files, files_with_secrets
from agent.pull_request.target import Target, keep_off
from agent.pull_request.tested import what_was_tested
from agent.pull_request.words import words_for
from agent.status import Status
from tasks.branch import Branch, Identity
from tasks.forges import PullRequest, Repo
from trajectories.events import AttemptEnded, AttemptStarted, Event
from trajectories.log import read_events
from trajectories.redact import Redactor

__all__ = ["Published", "publish"]

_WORDS = "pull-request.json"


@dataclass(frozen=True, slots=True)
class Published:
    """What came of the wish for a pull request.

    Attributes:
        url: Its address; ``""`` if there is none.
        number: Its number; 0 if there is none.
        done: ``opened``, ``updated`` or ``unchanged``; ``""`` if there is none.
        draft: Whether it says that it is not ready.
        reason: Why there is none.
        exit_code: What the command line ends with for it.
    """

    url: str = ""
    number: int = 0
    done: str = ""
    draft: bool = False
    reason: str = ""
    exit_code: int = 0


class _Held(Exception):
    """There is a reason not to open one; its message says which."""


def publish(
    target: Target, *, base: str | None, patch: str, output: Path, config: Config, clones: Path, progress: Progress
) -> Published:
    """Push the patch of a finished attempt to its branch and open a pull request for it, or update the open one.

    Args:
        target: Where it goes.
        base: The revision that the user named.
        patch: The patch.
        output: The directory of the attempt.
        config: Its settings.
        clones: Where clones of remote repositories are kept.
        progress: Tells the user.

    Returns:
        What came of it; a fault that a user can mend is told and returned, so that the patch is not lost by it.
    """
    progress.doing("opening a pull request")
    try:
        published = _publish(target, base, patch, output, config, clones, progress)
    except _Held as held:
        published = Published(reason=str(held), exit_code=1)
    except PatchwrightError as error:
        published = Published(reason=str(error), exit_code=error.exit_code)
    if published.url:
        draft = ", a draft" if published.draft else ""
        progress.say(f"pull request {published.done}{draft}: {published.url}", "green")
    else:
        progress.say(f"no pull request: {published.reason}", "red")
    return published


def _publish(
    target: Target, base: str | None, patch: str, output: Path, config: Config, clones: Path, progress: Progress
) -> Published:
    from aci_tools.sandbox.workspace import workspace

    events = read_events(output / "trajectory.jsonl")
    ended = _last(events)
    if ended.status != Status.SUBMITTED:
        raise _Held(f"the attempt ended with {ended.status}, so its patch is not taken for a solution")
    if not patch:
        raise _Held("there is no patch")
    redactor = Redactor.from_environment()
    files = changed_files(patch)
    _look_at(files, files_with_secrets(patch, redactor), target, output, progress)
    started = next(event for event in events if isinstance(event, AttemptStarted))
    issue = str(started.task.get("problem_statement") or "")
    words = words_for(
        redactor.text(patch), issue, config.model, output / _WORDS, index=ended.steps,
        task=str(started.task.get("id") or ""), on_retry=progress.retry,
    )  # fmt: skip
    if not words.change:
        progress.say("the model did not describe its change", "yellow")
    facts = Facts(target.issue, words, files, what_was_tested(events, output), started, ended, config)
    head = target.repo if target.direct else target.forge.fork(target.repo)
    keep_off(target.branch, head)
    commit_of = str(started.task.get("base_commit") or "")
    goes_to = target.base(clones, commit_of, base)
    with workspace() as scratch:
        branch = Branch(
            scratch / "push.git", goes_to.clone, target.repo.clone_url, head.clone_url, target.branch, goes_to.tip
        )
        author = Identity.of_user(scratch) or _identity(target)
        message = redactor.text(commit_message(facts))
        commit = branch.commit(commit_of, patch, message, author, round(ended.time))
        pushed = branch.push(commit)
    return _propose(target, head, goes_to.branch, redactor.text(title(facts)), redactor.text(describe(facts)), pushed)


def _propose(target: Target, head: Repo, into: str, headline: str, body: str, pushed: bool) -> Published:
    forge, repo = target.forge, target.repo
    listed = forge.pull_requests(repo.path, head=target.branch)
    known = next((one for one in listed if one.head == target.branch and one.head_repo == head.path), None)
    if known is None:
        made = forge.create(
            repo, title=headline, body=body, head=target.branch, head_repo=head.path, base=into,
            draft=not target.opening.ready,
        )  # fmt: skip
        return _as(made, "opened")
    renewed = spliced(known.body.replace("\r\n", "\n"), body)
    if renewed is not None and renewed.strip() != known.body.replace("\r\n", "\n").strip():
        # The title stays: somebody may have found a better one.
        known = forge.update(known, title=known.title, body=renewed)
        pushed = True
    return _as(known, "updated" if pushed else "unchanged")


def _as(pull_request: PullRequest, done: str) -> Published:
    return Published(pull_request.url, pull_request.number, done, pull_request.draft)


def _look_at(files: list[Changed], secret: list[str], target: Target, output: Path, progress: Progress) -> None:
    """Tell what deserves a second look; raise `_Held` for what nobody should push unseen."""
    for file in files:
        if file.care:
            progress.say(f"look at {_shown(file.path)}: it {file.care.value}", "yellow")
    if secret:
        raise _Held(f"the patch adds what looks like a secret to {', '.join(map(_shown, secret[:3]))}: look at it")
    ci = [_shown(file.path) for file in files if file.care is Care.CI]
    question = f"Push it although {', '.join(ci[:3])} {Care.CI.value}?"
    if ci and not target.opening.anyway and not progress.ask(question):
        raise _Held(
            f"the patch changes what continuous integration runs ({', '.join(ci[:3])}): look at it, then open it with "
            f"agent solve --resume --output {output} --open-pr --anyway"
        )


def _shown(path: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in path)


def _identity(target: Target) -> Identity:
    """The author where the user's git does not know one."""
    host = target.forge.web.partition("//")[2].partition(":")[0].partition("/")[0]
    me = target.me or "patchwright"
    return Identity(me, f"{me}@users.noreply.{host}")


def _last(events: list[Event]) -> AttemptEnded:
    ended = next((event for event in reversed(events) if isinstance(event, AttemptEnded)), None)
    if ended is None:
        raise UsageError("the attempt has not ended: --resume goes on with it")
    return ended
