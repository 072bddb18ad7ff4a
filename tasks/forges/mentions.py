"""Which other issues and pull requests people mention."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import NamedTuple

from aci_tools.errors import PatchwrightError
from tasks.forges.sites import Site
from tasks.sources import markdown
from tasks.sources.issue import Reference

__all__ = ["Mention", "mentioned", "read_all"]

#: How many are read; each is a request.
_AT_MOST = 5
_PROJECT = r"[A-Za-z0-9][\w.-]*(?:/[\w.-]+)+"
_SHORT = re.compile(rf"(?<![\w/&#.-])(?P<project>{_PROJECT})?(?P<mark>[#!])(?P<number>[1-9]\d{{0,8}})\b")
_ADDRESS = re.compile(r"https?://[^\s<>\"'`()\[\]]+")
_PATH = re.compile(
    rf"/(?P<project>{_PROJECT}?)(?:/-)?/(?P<what>issues|pull|pulls|merge_requests|work_items)/(?P<number>\d+)\b.*"
)


class Mention(NamedTuple):
    """A repository's path, a number, and whether it is certainly a pull request."""

    path: str
    number: int
    pull_request: bool = False

    def name(self, here: str) -> str:
        """As people write it in the repository ``here``."""
        return f"{'' if self.path == here else self.path}#{self.number}"


def mentioned(text: str, site: Site, path: str) -> list[Mention]:
    """What a text of a repository mentions on the same site, each once; not what stands in code.

    Args:
        text: Markdown.
        site: The forge.
        path: The repository's path.
    """
    prose = markdown.prose(text)
    found: dict[int, Mention] = {}
    for address in _ADDRESS.finditer(prose):
        parts = _PATH.fullmatch(site.path(address[0])) if site.serves(address[0]) else None
        if parts:
            merging = parts["what"] not in ("issues", "work_items")
            found[address.start()] = Mention(parts["project"], int(parts["number"]), merging)
    for match in _SHORT.finditer(_ADDRESS.sub(lambda address: " " * len(address[0]), prose)):
        if match["mark"] == "#" or site.kind == "gitlab":
            found[match.start()] = Mention(match["project"] or path, int(match["number"]), match["mark"] == "!")
    return list(dict.fromkeys(found[place] for place in sorted(found)))


def read_all(mentions: Iterable[Mention], here: Mention, read: Callable[[Mention], Reference]) -> list[Reference]:
    """Read the first few of what is mentioned, without the issue itself; what cannot be read is passed over."""
    references: list[Reference] = []
    others = dict.fromkeys(one for one in mentions if one[:2] != here[:2] or one.pull_request != here.pull_request)
    for mention in list(others)[:_AT_MOST]:
        try:
            references.append(read(mention))
        except PatchwrightError:
            continue
    return references
