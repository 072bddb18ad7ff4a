"""An issue as people wrote it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from tasks.sources import markdown
from tasks.sources.statement import TOKENS, statement

__all__ = ["Comment", "Issue", "Reference"]

_TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Comment:
    """What somebody wrote below an issue.

    Attributes:
        body: Markdown.
        by: ``maintainer``, ``reporter`` (who wrote the issue), or ``""`` for anybody else; names are not kept.
    """

    body: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """Another issue or pull request that one mentions or is linked to.

    Attributes:
        name: As people write it, such as ``#12`` or ``owner/name#12``.
        title: One line.
        body: Markdown.
        state: ``open``, ``closed`` or ``merged``.
        pull_request: Whether it is one.
    """

    name: str
    title: str
    body: str = ""
    state: str = ""
    pull_request: bool = False


@dataclass(frozen=True, slots=True)
class Issue:
    """What people wrote about a problem.

    Attributes:
        title: One line.
        body: Markdown, ``""`` if there is none.
        url: Where it is on the web.
        number: Its number there.
        repo: Clone URL of its repository.
        comments: What was written below it, oldest first.
        kind: ``github``, ``gitlab``, ``gitea``, ``file``, ``stdin`` or ``text``.
        state: ``open`` or ``closed`` where that is known, else ``""``.
        labels: What it is labelled with.
        assignees: Logins of those who are to see to it; not part of the statement.
        locked: Whether only maintainers may still comment on it.
        references: Issues and pull requests that it is linked to or mentions.
        pull_request: Whether it is itself a pull request.
    """

    title: str
    body: str = ""
    url: str | None = None
    number: int | None = None
    repo: str | None = None
    comments: tuple[Comment, ...] = ()
    kind: str = "text"
    state: str = ""
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    locked: bool = False
    references: tuple[Reference, ...] = ()
    pull_request: bool = False

    @classmethod
    def from_markdown(cls, text: str, kind: str) -> Issue:
        """Take the first heading for the title, else the first line."""
        title, body = markdown.split_title(text)
        if len(title) > _TITLE_LENGTH:
            title, body = markdown.shorten(title, _TITLE_LENGTH), text
        return cls(title, body.strip(), kind=kind)

    @property
    def identifier(self) -> str:
        """A name for its task: ``owner__name-123`` like SWE-bench's, else words of the title and a digest."""
        if self.repo and self.number is not None:
            owner, name = self.repo.removesuffix(".git").split("/")[-2:]
            return f"{owner}__{name}-{self.number}"
        words = re.findall(r"[a-z0-9]+", self.title.lower())[:6]
        digest = hashlib.sha256(f"{self.title}\n{self.body}".encode("utf-8", "surrogatepass")).hexdigest()[:8]
        return "-".join([*words, digest])[-80:]

    @property
    def remarks(self) -> tuple[str, ...]:
        """What its user may not expect of it, a sentence each."""
        what = "pull request" if self.pull_request else "issue"
        said = []
        if self.state == "closed":
            said.append(f"the {what} is closed: it may be solved already, or nobody may want a solution")
        if self.locked:
            said.append(f"the {what} is locked: only maintainers may comment on it")
        return tuple(said)

    def facts(self) -> dict[str, str]:
        """Where it came from, for `tasks.task.Task.source`."""
        known = {"kind": self.kind, "url": self.url, "number": self.number, "state": self.state}
        return {name: str(value) for name, value in known.items() if value not in (None, "")}

    def statement(self, max_tokens: int = TOKENS) -> str:
        """The problem statement: see `tasks.sources.statement.statement`."""
        return statement(self, max_tokens)
