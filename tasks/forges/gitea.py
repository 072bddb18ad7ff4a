"""Gitea and Forgejo, by the REST API of version 1 that they share."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from aci_tools.errors import InfrastructureError, PatchwrightError, UsageError
from tasks.forges.api import Api
from tasks.forges.base import PullRequest, Repo
from tasks.forges.mentions import Mention, mentioned, read_all
from tasks.forges.sites import Site
from tasks.sources.issue import Comment, Issue, Reference

if TYPE_CHECKING:
    from httpx2 import Client

__all__ = ["Gitea"]

#: The words that mark a draft, as Gitea is set up unless it is told otherwise.
_DRAFT = re.compile(r"\s*(?:wip:|\[wip\])\s*", re.IGNORECASE)
_PATIENCE = 300


class Gitea:
    """A Gitea or Forgejo.

    Args:
        site: Which one.
        client: The HTTP client to use; one of its own for each request if ``None``.
    """

    kind: ClassVar[str] = "gitea"

    def __init__(self, site: Site, client: Client | None = None) -> None:
        # A page has 50 entries at most, unless its administrator says otherwise.
        self._api = Api("Gitea", site, scheme="token", per_page=50, client=client)

    @property
    def web(self) -> str:
        """Its address in a browser."""
        return self._api.site.web

    def token(self) -> str | None:
        """The token for it, if the user has one."""
        token = self._api.token
        return token.value if token else None

    def issue(self, path: str, number: int, *, pull_request: bool = False) -> Issue:
        """An issue or a pull request with its comments."""
        url = f"{self.web}/{path}/issues/{number}"
        about = f"issue {url}"
        place = f"/repos/{path}/issues/{number}"
        found = self._api.get(place, about)
        comments: list[Comment] = []
        if found.get("comments"):
            comments = list(self._comments(path, place, about, _login(found.get("user"))))
        body = found.get("body") or ""
        depends = self._dependencies(path, place)
        mentions = chain.from_iterable(
            mentioned(text, self._api.site, path) for text in (body, *(comment.body for comment in comments))
        )
        others = (one._replace(pull_request=False) for one in chain(depends, mentions))
        return Issue(
            title=str(found.get("title") or "").strip(),
            body=body,
            url=str(found.get("html_url") or url),
            number=number,
            repo=f"{self.web}/{path}.git",
            comments=tuple(comments),
            kind=self.kind,
            state=str(found.get("state") or ""),
            labels=tuple(str(one.get("name")) for one in found.get("labels") or () if isinstance(one, dict)),
            assignees=tuple(_login(one) for one in found.get("assignees") or ()),
            locked=bool(found.get("is_locked")),
            references=tuple(read_all(others, Mention(path, number), lambda one: self._reference(one, path))),
            pull_request=bool(found.get("pull_request")),
        )

    def repository(self, path: str) -> Repo:
        """A repository by its path."""
        return self._repo(self._api.get(f"/repos/{path}", f"repository {self.web}/{path}"))

    def me(self) -> str:
        """The login of the token's owner."""
        return str(self._api.get("/user", "the user of the token")["login"])

    def pull_requests(self, path: str, *, head: str = "", state: str = "open") -> list[PullRequest]:
        """The pull requests to a repository; those of a branch are looked for among the newest 500."""
        about = f"pull requests of {self.web}/{path}"
        found = self._api.pages(f"/repos/{path}/pulls", about, state=state)
        return [one for entry in found if (one := self._pull_request(path, entry)).head == head or not head]

    def linked(self, path: str, issue_number: int) -> list[PullRequest]:
        """The open pull requests to a repository that mention an issue of it."""
        about = f"issue {self.web}/{path}/issues/{issue_number}"
        numbers: dict[int, None] = {}
        for event in self._api.pages(f"/repos/{path}/issues/{issue_number}/timeline", about):
            source = event.get("ref_issue") or {}
            where = (source.get("repository") or {}).get("full_name") or path
            if source.get("pull_request") and source.get("state") == "open" and where.lower() == path.lower():
                numbers[int(source["number"])] = None
        about = f"pull request of {self.web}/{path}"
        return [self._pull_request(path, self._api.get(f"/repos/{path}/pulls/{number}", about)) for number in numbers]

    def create(
        self, repo: Repo, *, title: str, body: str, head: str, head_repo: str, base: str, draft: bool
    ) -> PullRequest:
        """Open a pull request; its title says if it is a draft."""
        source = head if head_repo == repo.path else f"{head_repo.partition('/')[0]}:{head}"
        wanted = {"head": source, "base": base, "title": _title(title, draft=draft), "body": body}
        made = self._api.send("POST", f"/repos/{repo.path}/pulls", f"the pull request to {repo.web}", wanted)
        return self._pull_request(repo.path, made)

    def update(self, pull_request: PullRequest, *, title: str, body: str) -> PullRequest:
        """Change the words of a pull request."""
        path = f"/repos/{pull_request.repo}/pulls/{pull_request.number}"
        words = {"title": _title(title, draft=pull_request.draft), "body": body}
        return self._pull_request(pull_request.repo, self._api.send("PATCH", path, pull_request.url, words))

    def fork(self, repo: Repo) -> Repo:
        """The user's fork of a repository, made if there is none."""
        about = f"a fork of {repo.web}"
        me = self.me()
        try:
            made = self._api.send("POST", f"/repos/{repo.path}/forks", about, {})
        except UsageError:  # 409: there is one already.
            forks = self._api.pages(f"/repos/{repo.path}/forks", about)
            mine = next((one for one in forks if _login(one.get("owner")) == me), None)
            if mine is None:
                raise
            made = mine
        deadline = time.monotonic() + _PATIENCE
        while made.get("empty"):
            if time.monotonic() > deadline:
                raise InfrastructureError(f"{made['html_url']} is still being made: try again later")
            time.sleep(0.5)
            made = self._api.get(f"/repos/{made['full_name']}", about)
        return self._repo(made)

    def _comments(self, path: str, place: str, about: str, reporter: str) -> Iterator[Comment]:
        maintainers = self._maintainers(path)
        # All of them come at once: Gitea knows no pages here.
        for entry in self._api.entries(f"{place}/comments", about):
            author = _login(entry.get("user"))
            if entry.get("body") and not author.endswith(("-bot", "[bot]")):
                by = "maintainer" if author in maintainers else "reporter" if reporter and author == reporter else ""
                yield Comment(str(entry["body"]), by)

    def _maintainers(self, path: str) -> set[str]:
        """Who may be assigned, which is who may push; only the owner if the user may not know."""
        owner = path.partition("/")[0]
        if self._api.token is None:
            return {owner}
        try:
            return {owner, *(_login(one) for one in self._api.entries(f"/repos/{path}/assignees", "its assignees"))}
        except PatchwrightError:
            return {owner}

    def _dependencies(self, path: str, place: str) -> list[Mention]:
        """The issues that people said this one depends on."""
        try:
            found = list(self._api.pages(f"{place}/dependencies", "its dependencies"))
        except PatchwrightError:
            return []
        return [
            Mention(str((one.get("repository") or {}).get("full_name") or path), int(one["number"])) for one in found
        ]

    def _reference(self, mention: Mention, here: str) -> Reference:
        name = mention.name(here)
        found = self._api.get(f"/repos/{mention.path}/issues/{mention.number}", f"issue {name}")
        merging = found.get("pull_request") or {}
        return Reference(
            name=name,
            title=str(found.get("title") or "").strip(),
            body=found.get("body") or "",
            state="merged" if merging.get("merged") else str(found.get("state") or ""),
            pull_request=bool(merging),
        )

    def _repo(self, found: dict[str, Any]) -> Repo:
        return Repo(
            forge=self.kind,
            path=str(found["full_name"]),
            web=str(found["html_url"]),
            clone_url=str(found["clone_url"]),
            ssh_url=str(found["ssh_url"]),
            default_branch=str(found.get("default_branch") or ""),
            private=bool(found.get("private")),
            can_push=self._api.token is not None and bool((found.get("permissions") or {}).get("push")),
            archived=bool(found.get("archived")),
            parent=str((found.get("parent") or {}).get("full_name") or ""),
        )

    def _pull_request(self, path: str, found: dict[str, Any]) -> PullRequest:
        title = str(found.get("title") or "")
        marked = _DRAFT.match(title)
        return PullRequest(
            repo=path,
            number=int(found["number"]),
            url=str(found["html_url"]),
            head=str(found["head"]["ref"]),
            head_repo=str((found["head"].get("repo") or {}).get("full_name") or ""),
            base=str(found["base"]["ref"]),
            state="merged" if found.get("merged") else str(found["state"]),
            draft=bool(found.get("draft")) or marked is not None,
            author=_login(found.get("user")),
            title=title[marked.end() :] if marked else title,
            body=found.get("body") or "",
        )


def _title(title: str, *, draft: bool) -> str:
    return f"WIP: {title}" if draft else title


def _login(user: Any) -> str:
    return str(user.get("login") or "") if isinstance(user, dict) else ""
