"""GitHub and GitHub Enterprise, by their REST API of version 2022-11-28."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar

from aci_tools.errors import InfrastructureError, UsageError
from tasks.forges.api import Api, Missing
from tasks.forges.base import PullRequest, Repo
from tasks.forges.mentions import Mention, mentioned, read_all
from tasks.forges.sites import Site
from tasks.sources.issue import Comment, Issue, Reference

if TYPE_CHECKING:
    from httpx2 import Client

__all__ = ["GitHub"]

_MAINTAINERS = ("OWNER", "MEMBER", "COLLABORATOR")
#: Seconds for which a new fork is waited for; GitHub asks to be told when it takes more than five minutes.
_PATIENCE = 300


class GitHub:
    """GitHub, or a GitHub Enterprise.

    Args:
        site: Which one.
        client: The HTTP client to use; one of its own for each request if ``None``.
    """

    kind: ClassVar[str] = "github"

    def __init__(self, site: Site, client: Client | None = None) -> None:
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        self._api = Api("GitHub", site, headers=headers, client=client)

    @property
    def web(self) -> str:
        """Its address in a browser."""
        return self._api.site.web

    def token(self) -> str | None:
        """The token for it, if the user has one."""
        token = self._api.token
        return token.value if token else None

    def issue(self, path: str, number: int, *, pull_request: bool = False) -> Issue:
        """An issue or a pull request; one that was moved is read from its new place. Bots' comments are left out."""
        about = f"issue {self.web}/{path}/issues/{number}"
        found = self._api.get(f"/repos/{path}/issues/{number}", about)
        url = str(found.get("html_url") or f"{self.web}/{path}/issues/{number}")
        moved = next((one for one in mentioned(url, self._api.site, path)), None)
        if moved:
            path, number = moved.path, moved.number
        reporter = _login(found.get("user"))
        comments: list[Comment] = []
        if found.get("comments"):
            comments = list(self._comments(f"/repos/{path}/issues/{number}/comments", about, reporter))
        body = found.get("body") or ""
        mentions = chain.from_iterable(
            mentioned(text, self._api.site, path) for text in (body, *(comment.body for comment in comments))
        )
        here = Mention(path, number)
        return Issue(
            title=str(found.get("title") or "").strip(),
            body=body,
            url=url,
            number=number,
            repo=f"{self.web}/{path}.git",
            comments=tuple(comments),
            kind=self.kind,
            state=str(found.get("state") or ""),
            labels=tuple(str(one.get("name")) for one in found.get("labels") or () if isinstance(one, dict)),
            assignees=tuple(_login(one) for one in found.get("assignees") or ()),
            locked=bool(found.get("locked")),
            references=tuple(
                read_all(
                    (one._replace(pull_request=False) for one in mentions), here, lambda one: self._reference(one, path)
                )
            ),
            pull_request="pull_request" in found,
        )

    def repository(self, path: str) -> Repo:
        """A repository by its path."""
        return self._repo(self._api.get(f"/repos/{path}", f"repository {self.web}/{path}"))

    def me(self) -> str:
        """The login of the token's owner."""
        return str(self._api.get("/user", "the user of the token")["login"])

    def pull_requests(self, path: str, *, head: str = "", state: str = "open") -> list[PullRequest]:
        """The pull requests to a repository; those of a branch are looked for in it and in the user's fork."""
        about = f"pull requests of {self.web}/{path}"
        query = {"state": state, "sort": "created", "direction": "desc"}
        owners = dict.fromkeys([path.partition("/")[0], *self._user()]) if head else [""]
        heads = [{"head": f"{owner}:{head}"} if head else {} for owner in owners]
        found = [entry for one in heads for entry in self._api.pages(f"/repos/{path}/pulls", about, **query, **one)]
        # A forge that does not know the filter gives all.
        return [one for entry in found if (one := self._pull_request(path, entry)).head == head or not head]

    def linked(self, path: str, issue_number: int) -> list[PullRequest]:
        """The open pull requests to a repository that mention an issue of it."""
        about = f"issue {self.web}/{path}/issues/{issue_number}"
        numbers: dict[int, None] = {}
        for event in self._api.pages(f"/repos/{path}/issues/{issue_number}/timeline", about):
            source = (event.get("source") or {}).get("issue") or {}
            where = (source.get("repository") or {}).get("full_name") or path
            if source.get("pull_request") and source.get("state") == "open" and where.lower() == path.lower():
                numbers[int(source["number"])] = None
        about = f"pull request of {self.web}/{path}"
        return [self._pull_request(path, self._api.get(f"/repos/{path}/pulls/{number}", about)) for number in numbers]

    def create(
        self, repo: Repo, *, title: str, body: str, head: str, head_repo: str, base: str, draft: bool
    ) -> PullRequest:
        """Open a pull request; where drafts are not to be had, one that is none."""
        owner, _, name = head_repo.partition("/")
        wanted: dict[str, Any] = {"title": title, "body": body, "head": f"{owner}:{head}", "base": base}
        if head_repo != repo.path and owner == repo.path.partition("/")[0]:
            wanted["head_repo"] = name
        about = f"the pull request to {repo.web}"
        try:
            made = self._api.send("POST", f"/repos/{repo.path}/pulls", about, wanted | {"draft": draft})
        except UsageError as error:
            if not draft or "draft pull requests are not supported" not in str(error).lower():
                raise
            made = self._api.send("POST", f"/repos/{repo.path}/pulls", about, wanted)
        return self._pull_request(repo.path, made)

    def update(self, pull_request: PullRequest, *, title: str, body: str) -> PullRequest:
        """Change the words of a pull request."""
        path = f"/repos/{pull_request.repo}/pulls/{pull_request.number}"
        changed = self._api.send("PATCH", path, pull_request.url, {"title": title, "body": body})
        return self._pull_request(pull_request.repo, changed)

    def fork(self, repo: Repo) -> Repo:
        """The user's fork of a repository; GitHub gives the one that is there already."""
        about = f"a fork of {repo.web}"
        made = self._repo(self._api.send("POST", f"/repos/{repo.path}/forks", about, {"default_branch_only": True}))
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                self._api.get(f"/repos/{made.path}/git/ref/heads/{made.default_branch}", about)
            except (Missing, UsageError):  # 404 or 409: its git is not there yet.
                if time.monotonic() > deadline:
                    raise InfrastructureError(f"{made.web} is still being made: try again later") from None
                time.sleep(0.5)
            else:
                return made

    def _user(self) -> list[str]:
        """The login of the token's owner, unless there is none: an app's token, such as Actions give, is nobody's."""
        if self._api.token is None:
            return []
        try:
            return [self.me()]
        except InfrastructureError:
            return []

    def _comments(self, path: str, about: str, reporter: str) -> Iterator[Comment]:
        for entry in self._api.pages(path, about):
            user = entry.get("user") or {}
            if user.get("type") != "Bot" and entry.get("body"):
                maintainer = entry.get("author_association") in _MAINTAINERS
                by = "maintainer" if maintainer else "reporter" if reporter and _login(user) == reporter else ""
                yield Comment(str(entry["body"]), by)

    def _reference(self, mention: Mention, here: str) -> Reference:
        name = mention.name(here)
        found = self._api.get(f"/repos/{mention.path}/issues/{mention.number}", f"issue {name}")
        merged = (found.get("pull_request") or {}).get("merged_at")
        return Reference(
            name=name,
            title=str(found.get("title") or "").strip(),
            body=found.get("body") or "",
            state="merged" if merged else str(found.get("state") or ""),
            pull_request="pull_request" in found,
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
            can_push=bool((found.get("permissions") or {}).get("push")),
            archived=bool(found.get("archived")),
            parent=str((found.get("parent") or {}).get("full_name") or ""),
        )

    def _pull_request(self, path: str, found: dict[str, Any]) -> PullRequest:
        merged = found.get("merged_at") or found.get("merged")
        return PullRequest(
            repo=path,
            number=int(found["number"]),
            url=str(found["html_url"]),
            head=str(found["head"]["ref"]),
            head_repo=str((found["head"].get("repo") or {}).get("full_name") or ""),
            base=str(found["base"]["ref"]),
            state="merged" if merged else str(found["state"]),
            draft=bool(found.get("draft")),
            author=_login(found.get("user")),
            title=str(found.get("title") or ""),
            body=found.get("body") or "",
        )


def _login(user: Any) -> str:
    return str(user.get("login") or "") if isinstance(user, dict) else ""
