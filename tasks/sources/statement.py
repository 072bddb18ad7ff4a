"""The problem statement made of an issue: what helps most within a number of tokens, in the order it was said."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from tasks.sources import markdown

if TYPE_CHECKING:
    from tasks.sources.issue import Comment, Issue, Reference

__all__ = ["TOKENS", "statement"]

#: Tokens of a statement where nothing else is said: enough for a long issue, and a small part of any model's window.
TOKENS = 6_000
#: What another issue's text may take of it.
_OF_A_REFERENCE = 400
#: A part that would be cut to less than this says too little.
_LEAST = 50
_BY = {"maintainer": ", by a maintainer", "reporter": ", by who reported it", "": ""}
_CODE = re.compile(r"^[ \t>]*(```|~~~)|^(?: {4}|\t)\S|`[^`\n]+`|Traceback \(most recent|^\s+at \S+\(", re.MULTILINE)
#: Words that say no more than that one is there.
_CHATTER = re.compile(
    r"(?:\W|\b(?:1|any|bump|for|here|is|issue|me|news|on|please|problem|same|still|thanks?|the|this|too|updates?|you)\b)*",
    re.IGNORECASE,
)


class _Part(NamedTuple):
    """A piece of the statement: how useful it is (0 the most), its place in it, and the bytes it may take."""

    rank: int
    place: int
    heading: str
    text: str
    limit: int
    what: str


def statement(issue: Issue, max_tokens: int = TOKENS) -> str:
    """The problem statement: title, labels, body, comments, and the issues and pull requests that it refers to.

    When not everything fits, the title and the body go first, then what maintainers and the reporter wrote with code in
    it, then without, then what is referred to, then what others wrote with code, then without. What is kept stands in
    the order in which it was said; what is left out is counted. Hidden hints of issue templates go, images are named.

    Args:
        issue: The issue.
        max_tokens: How long it may be, a token taken for four bytes of UTF-8; at least 50.
    """
    room = max_tokens * 4
    labels = f"\n\nLabels: {', '.join(issue.labels)}" if issue.labels else ""
    text = _fitting(f"{issue.title}{labels}\n\n{_clean(issue.body)}".strip(), room)
    parts = sorted([*_comments(issue.comments), *_references(issue.references)])
    left = room - _size(text)
    if sum(_size(part.heading) + min(_size(part.text), part.limit) for part in parts) > left:
        left -= _size(_left_out(parts))
    kept: dict[int, str] = {}
    lowest = max((part.rank for part in parts), default=0)
    for part in parts:
        space = min(left - _size(part.heading), part.limit)
        if space < min(_size(part.text), _LEAST * 4):
            lowest = part.rank  # What says less does not get the room of what said too much.
        elif part.rank <= lowest:
            kept[part.place] = part.heading + _fitting(part.text, space)
            left -= _size(kept[part.place])
    note = _left_out([part for part in parts if part.place not in kept])
    text += "".join(piece for _, piece in sorted(kept.items()))
    return text + note if _size(text) + _size(note) <= room else text


def _comments(comments: tuple[Comment, ...]) -> list[_Part]:
    said = [(comment.by, _clean(comment.body)) for comment in comments]
    parts = []
    for place, (by, text) in enumerate([one for one in said if one[1]], 1):
        code = _CODE.search(text) is not None
        rank = (0 if code else 1) if by else (3 if code else 5 if _CHATTER.fullmatch(text) else 4)
        parts.append(_Part(rank, place, f"\n\n## Comment {place}{_BY[by]}\n\n", text, 1 << 30, "comment"))
    return parts


def _references(references: tuple[Reference, ...]) -> list[_Part]:
    parts = []
    for place, one in enumerate(references):
        kind = "pull request" if one.pull_request else "issue"
        state = f", {one.state}" if one.state else ""
        heading = f"\n\n## Mentioned: {kind} {one.name}{state}\n\n"
        text = f"{one.title}\n\n{_clean(one.body)}".strip()
        parts.append(_Part(2, 1_000_000 + place, heading, text, _OF_A_REFERENCE * 4, "mentioned issue"))
    return parts


def _left_out(parts: list[_Part]) -> str:
    counts = {what: sum(part.what == what for part in parts) for what in ("comment", "mentioned issue")}
    said = [f"{count} {what}{'s' if count > 1 else ''}" for what, count in counts.items() if count]
    return f"\n\n[{' and '.join(said)} left out]" if said else ""


def _clean(text: str) -> str:
    return markdown.with_images_named(markdown.without_comments(text))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _fitting(text: str, room: int) -> str:
    """A text within so many bytes: the middles of its long blocks of code go first, then its end."""
    if _size(text) <= room:
        return text
    text = markdown.shorten_code(text)
    limit = room
    while _size(cut := markdown.shorten(text, limit)) > room:
        limit = limit * 9 // 10
    return cut
