"""What a forge is to us: a web site that keeps repositories with their issues and pull requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol

if TYPE_CHECKING:
    from tasks.sources.issue import Issue

__all__ = ["Forge", "PullRequest", "Repo"]


@dataclass(frozen=True, slots=True)
class Repo:
    """A repository on a forge.

    Attributes:
        forge: The kind of forge: ``github``, ``gitlab`` or ``gitea``.
        path: Its name with its owner's: ``owner/name``, on GitLab perhaps ``group/subgroup/name``.
        web: Its address in a browser.
        clone_url: Where it is cloned from over HTTP; holds no credentials.
        ssh_url: Where it is cloned from over ssh.
        default_branch: The branch that pull requests go to; ``""`` for an empty repository.
        private: Whether only some people may read it.
        can_push: Whether the token's owner may push to it; never without a token.
        archived: Whether it is read-only.
        parent: The path of the repository that it is a fork of; ``""`` if it is none.
    """

    forge: str
    path: str
    web: str
    clone_url: str
    ssh_url: str
    default_branch: str
    private: bool = False
    can_push: bool = False
    archived: bool = False
    parent: str = ""


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request; a merge request on GitLab.

    Attributes:
        repo: The path of the repository that it goes to.
        number: Its number there.
        url: Its address in a browser.
        head: The branch that it brings.
        head_repo: The path of the repository of that branch; ``""`` if that is gone.
        base: The branch that it goes to.
        state: ``open``, ``closed`` or ``merged``.
        draft: Whether it says that it is not ready.
        author: The login of who opened it.
        title: One line, without the words by which some forges mark a draft.
        body: Markdown.
    """

    repo: str
    number: int
    url: str
    head: str
    head_repo: str
    base: str
    state: str = "open"
    draft: bool = False
    author: str = ""
    title: str = ""
    body: str = ""


class Forge(Protocol):
    """A forge, as somebody with a token, or nobody in particular, may use it.

    Every method raises `UsageError` if there is no such thing or the user has to change something, and
    `InfrastructureError` if the forge cannot be reached, refuses access or limits the rate.
    """

    kind: ClassVar[str]

    @property
    def web(self) -> str:
        """Its address in a browser, such as ``https://github.com``, without a slash at the end."""
        ...

    def token(self) -> str | None:
        """The token for this forge: of its variables, else of its own command line's store."""
        ...

    def issue(self, path: str, number: int, *, pull_request: bool = False) -> Issue:
        """An issue or a pull request with all that was said about it.

        Args:
            path: The repository's path.
            number: Its number there.
            pull_request: Whether a pull request is meant, where the two are counted apart.
        """
        ...

    def repository(self, path: str) -> Repo:
        """A repository by its path."""
        ...

    def me(self) -> str:
        """The login of the token's owner; needs a token."""
        ...

    def pull_requests(self, path: str, *, head: str = "", state: str = "open") -> list[PullRequest]:
        """The pull requests that go to a repository, newest first.

        Args:
            path: The repository's path.
            head: Only those of this branch, in whichever repository the branch is.
            state: ``open``, ``closed`` (merged ones too) or ``all``.
        """
        ...

    def linked(self, path: str, issue_number: int) -> list[PullRequest]:
        """The open pull requests to a repository that mention an issue of it or say that they close it."""
        ...

    def create(
        self, repo: Repo, *, title: str, body: str, head: str, head_repo: str, base: str, draft: bool
    ) -> PullRequest:
        """Open a pull request.

        Args:
            repo: Where it goes.
            title: One line; what marks a draft is added where the forge wants it there.
            body: Markdown.
            head: The branch that it brings, pushed already.
            head_repo: The path of the repository that the branch was pushed to.
            base: The branch that it goes to.
            draft: Whether it is not ready to be merged.
        """
        ...

    def update(self, pull_request: PullRequest, *, title: str, body: str) -> PullRequest:
        """Change the words of a pull request; whether it is a draft stays as it is."""
        ...

    def fork(self, repo: Repo) -> Repo:
        """The fork of a repository that the token's owner has, made if there is none; it is there when this returns."""
        ...
