"""An issue as people wrote it, and the problem statement made of it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from tasks.sources import markdown

_TITLE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Issue:
    """What people wrote about a problem.

    Attributes:
        title: One line.
        body: Markdown, ``""`` if there is none.
        url: Where it is on the web.
        number: Its number there.
        repo: Clone URL of its repository.
        comments: What was written below it, oldest first, without the names of the authors.
        kind: ``github``, ``file``, ``stdin`` or ``text``.
        state: ``open`` or ``closed`` where that is known, else ``""``.
    """

    title: str
    body: str = ""
    url: str | None = None
    number: int | None = None
    repo: str | None = None
    comments: tuple[str, ...] = ()
    kind: str = "text"
    state: str = ""

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

    def facts(self) -> dict[str, str]:
        """Where it came from, for `tasks.task.Task.source`."""
        known = {"kind": self.kind, "url": self.url, "number": self.number, "state": self.state}
        return {name: str(value) for name, value in known.items() if value not in (None, "")}

    def statement(self, max_chars: int = 24_000) -> str:
        """The problem statement: title, body and comments, without the hidden hints of issue templates.

        When not everything fits, the body goes before the comments and earlier comments before later ones; what is left
        out is said.

        Args:
            max_chars: Characters that it may have at most; at least 200.
        """
        text = markdown.shorten(f"{self.title}\n\n{markdown.without_comments(self.body)}".strip(), max_chars)
        comments = [said for said in map(markdown.without_comments, self.comments) if said]
        for place, comment in enumerate(comments, 1):
            heading = f"\n\n## Comment {place}\n\n"
            left = len(comments) - place
            reserve = len(_left_out(left + 1))
            room = max_chars - len(text) - len(heading) - reserve
            if room < min(len(comment), 200):
                return text + _left_out(left + 1) if len(text) + reserve <= max_chars else text
            text += heading + markdown.shorten(comment, room)
        return text


def _left_out(comments: int) -> str:
    return f"\n\n[{comments} comment{'s' if comments > 1 else ''} left out]"
