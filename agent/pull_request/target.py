"""Where a pull request goes, and whether one is wanted there: asked before anything is spent on the issue."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import InfrastructureError, UsageError
from tasks.branch import base_branch
from tasks.forges import Forge, PullRequest, Repo, locate_issue
from tasks.sources import Issue

__all__ = ["Base", "Opening", "Target", "find_target", "keep_off"]


@dataclass(frozen=True, slots=True)
class Opening:
    """How a pull request is wanted.

    Attributes:
        ready: Whether it is to be reviewed at once, instead of a draft.
        anyway: Whether it is wanted even if somebody is on the issue, the issue is closed, an earlier one was closed,
            or the patch changes what continuous integration runs.
    """

    ready: bool = False
    anyway: bool = False


@dataclass(frozen=True, slots=True)
class Base:
    """What a pull request goes to.

    Attributes:
        clone: The kept clone that has it.
        branch: The branch.
        tip: The commit that it is at.
    """

    clone: Path
    branch: str
    tip: str


@dataclass(frozen=True, slots=True)
class Target:
    """The repository of an issue, as one who may open a pull request there sees it.

    Attributes:
        forge: The forge.
        repo: The repository.
        issue: The issue; its number is known.
        me: The login of the token's owner; ``""`` for a token that is nobody's, such as that of GitHub's Actions.
        opening: How the pull request is wanted.
    """

    forge: Forge
    repo: Repo
    issue: Issue
    me: str
    opening: Opening

    @property
    def branch(self) -> str:
        """The branch that belongs to the issue."""
        return f"patchwright/issue-{self.issue.number}"

    @property
    def direct(self) -> bool:
        """Whether the branch goes into the repository itself; else into the user's fork, which nobody's token has."""
        return self.repo.can_push or not self.me

    def ours(self, pull_request: PullRequest) -> bool:
        """Whether a pull request brings the branch that we would push."""
        if pull_request.head != self.branch:
            return False
        return pull_request.head_repo == self.repo.path if self.direct else pull_request.author == self.me

    def base(self, clones: Path, commit: str, wanted: str | None) -> Base:
        """The branch that a change to a commit goes to.

        Args:
            clones: Where clones of remote repositories are kept.
            commit: The id of the base commit.
            wanted: The revision that the user named, which may be a branch.

        Raises:
            UsageError: The commit is on no such branch of the repository.
            InfrastructureError: The repository cannot be reached.
        """
        names = list(dict.fromkeys(name for name in (wanted, self.repo.default_branch) if name))
        found = Base(*base_branch(clones, self.repo.clone_url, commit, names))
        keep_off(self.branch, self.repo, found.branch)
        return found


def keep_off(branch: str, repo: Repo, *others: str) -> None:
    """Raise `UsageError` if a branch that is to be pushed is a repository's default branch, or one of some others."""
    if branch in (repo.default_branch, *others):
        raise UsageError(f"{branch} is where pull requests go to in {repo.web}: nothing is pushed there")


def find_target(issue: Issue, opening: Opening) -> Target:
    """See who would open a pull request for an issue, and that it would be welcome.

    Raises:
        UsageError: It is no issue of a forge, nobody wants a pull request for it, or somebody else is on it.
        InfrastructureError: The forge cannot be reached, or there is no token for it.
    """
    if issue.url is None or issue.number is None:
        raise UsageError("--open-pr: give the URL of an issue with --issue; a pull request is opened where it is")
    if issue.pull_request:
        raise UsageError(f"--open-pr: {issue.url} is a pull request itself; give an issue")
    place = locate_issue(issue.url)
    forge = place.forge
    repo = forge.repository(place.path)
    if repo.archived:
        raise UsageError(f"--open-pr: {repo.web} is archived: it takes no changes")
    if not repo.default_branch:
        raise UsageError(f"--open-pr: {repo.web} has no commit yet")
    target = Target(forge, repo, issue, _me(forge), opening)
    if not opening.anyway and (reason := _unwanted(target)):
        raise UsageError(f"--open-pr: {reason}; --anyway goes on all the same")
    return target


def _me(forge: Forge) -> str:
    if forge.token() is None:
        return forge.me()  # Which says what is missing.
    try:
        return forge.me()
    except InfrastructureError:
        # The repository was just read with this token, so the forge is there: the token is no person's.
        return ""


def _unwanted(target: Target) -> str:
    """Why nobody may want a pull request, ``""`` if nothing speaks against it."""
    issue, forge, path = target.issue, target.forge, target.repo.path
    assert issue.number is not None
    if issue.state == "closed":
        return "the issue is closed"
    others = [login for login in issue.assignees if login != target.me]
    if others:
        return f"{', '.join(others[:3])} {'is' if len(others) == 1 else 'are'} assigned to the issue"
    open_ones = [one for one in forge.linked(path, issue.number) if not target.ours(one)]
    if open_ones:
        return f"{open_ones[0].author or 'somebody'} is on it with {open_ones[0].url}"
    earlier = [one for one in forge.pull_requests(path, head=target.branch, state="all") if target.ours(one)]
    if earlier and all(one.state != "open" for one in earlier):
        return f"an earlier pull request for it was {earlier[0].state}: {earlier[0].url}"
    return ""
