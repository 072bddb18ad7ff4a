"""GitLab, gitlab.com or self-hosted, by its REST API of version 4."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import quote

from aci_tools.errors import InfrastructureError, PatchwrightError
from tasks.forges.api import Api
from tasks.forges.base import PullRequest, Repo
from tasks.forges.mentions import Mention, mentioned, read_all
from tasks.forges.sites import Site
from tasks.sources.issue import Comment, Issue, Reference

if TYPE_CHECKING:
    from httpx2 import Client

__all__ = ["GitLab"]

#: Access levels from this one on may push.
_DEVELOPER = 30
_BOT = re.compile(r"(project|group)_\d+_bot\w*|.*-bot")
_DRAFT = re.compile(r"\s*(?:draft:|\[draft\]|\(draft\))\s*", re.IGNORECASE)
_STATES = {"opened": "open", "locked": "closed"}
_PATIENCE = 300


class GitLab:
    """A GitLab.

    Args:
        site: Which one.
        client: The HTTP client to use; one of its own for each request if ``None``.
    """

    kind: ClassVar[str] = "gitlab"

    def __init__(self, site: Site, client: Client | None = None) -> None:
        self._api = Api("GitLab", site, client=client)
        self._paths: dict[int, str] = {}

    @property
    def web(self) -> str:
        """Its address in a browser."""
        return self._api.site.web

    def token(self) -> str | None:
        """The token for it, if the user has one."""
        token = self._api.token
        return token.value if token else None

    def issue(self, path: str, number: int, *, pull_request: bool = False) -> Issue:
        """An issue or a merge request; notes of the system, of bots and for members only are left out."""
        what = "merge_requests" if pull_request else "issues"
        url = f"{self.web}/{path}/-/{what}/{number}"
        about = f"{'merge request' if pull_request else 'issue'} {url}"
        place = f"{_project(path)}/{what}/{number}"
        found = self._api.get(place, about)
        comments: list[Comment] = []
        if found.get("user_notes_count"):
            comments = list(self._comments(path, place, about, _login(found.get("author"))))
        body = found.get("description") or ""
        linked = self._links(path, place) if not pull_request else []
        mentions = chain.from_iterable(
            mentioned(text, self._api.site, path) for text in (body, *(comment.body for comment in comments))
        )
        here = Mention(path, number, pull_request)
        return Issue(
            title=str(found.get("title") or "").strip(),
            body=body,
            url=str(found.get("web_url") or url),
            number=number,
            repo=f"{self.web}/{path}.git",
            comments=tuple(comments),
            kind=self.kind,
            state=_state(found),
            labels=tuple(str(label) for label in found.get("labels") or ()),
            assignees=tuple(_login(one) for one in found.get("assignees") or ()),
            locked=bool(found.get("discussion_locked")),
            references=tuple(read_all([*linked, *mentions], here, lambda one: self._reference(one, path))),
            pull_request=pull_request,
        )

    def repository(self, path: str) -> Repo:
        """A repository by its path."""
        return self._repo(self._api.get(_project(path), f"repository {self.web}/{path}"))

    def me(self) -> str:
        """The login of the token's owner."""
        return str(self._api.get("/user", "the user of the token")["username"])

    def pull_requests(self, path: str, *, head: str = "", state: str = "open") -> list[PullRequest]:
        """The merge requests to a repository."""
        about = f"merge requests of {self.web}/{path}"
        states = {"open": ["opened"], "closed": ["closed", "merged"], "all": ["all"]}[state]
        query = {"order_by": "created_at", "sort": "desc"} | ({"source_branch": head} if head else {})
        found = [
            entry
            for one in states
            for entry in self._api.pages(f"{_project(path)}/merge_requests", about, state=one, **query)
        ]
        return [self._pull_request(path, entry) for entry in found]

    def linked(self, path: str, issue_number: int) -> list[PullRequest]:
        """The open merge requests to a repository that GitLab says are related to an issue of it."""
        about = f"issue {self.web}/{path}/-/issues/{issue_number}"
        found = self._api.pages(f"{_project(path)}/issues/{issue_number}/related_merge_requests", about)
        related = [self._pull_request(self._path(int(one["target_project_id"])), one) for one in found]
        return [one for one in related if one.state == "open" and one.repo == path]

    def create(
        self, repo: Repo, *, title: str, body: str, head: str, head_repo: str, base: str, draft: bool
    ) -> PullRequest:
        """Open a merge request; it is made in the project of its branch."""
        about = f"the merge request to {repo.web}"
        wanted: dict[str, Any] = {
            "source_branch": head,
            "target_branch": base,
            "title": _title(title, draft=draft),
            "description": body,
        }
        if head_repo != repo.path:
            wanted["target_project_id"] = self._api.get(_project(repo.path), f"repository {repo.web}")["id"]
        made = self._api.send("POST", f"{_project(head_repo)}/merge_requests", about, wanted)
        return self._pull_request(repo.path, made)

    def update(self, pull_request: PullRequest, *, title: str, body: str) -> PullRequest:
        """Change the words of a merge request."""
        path = f"{_project(pull_request.repo)}/merge_requests/{pull_request.number}"
        words = {"title": _title(title, draft=pull_request.draft), "description": body}
        return self._pull_request(pull_request.repo, self._api.send("PUT", path, pull_request.url, words))

    def fork(self, repo: Repo) -> Repo:
        """The user's fork of a repository, made if there is none."""
        about = f"a fork of {repo.web}"
        mine = self._api.pages(f"{_project(repo.path)}/forks", about, owned="true")
        found = next(mine, None) or self._api.send("POST", f"{_project(repo.path)}/fork", about, {})
        deadline = time.monotonic() + _PATIENCE
        while True:
            project = self._api.get(f"/projects/{found['id']}", about)
            status = project.get("import_status")
            if status in (None, "none", "finished"):
                return self._repo(project)
            if status == "failed" or time.monotonic() > deadline:
                why = project.get("import_error") or "it is still being made: try again later"
                raise InfrastructureError(f"cannot fork {repo.web}: {why}")
            time.sleep(0.5)

    def _comments(self, path: str, place: str, about: str, reporter: str) -> Iterator[Comment]:
        maintainers = self._maintainers(path)
        for note in self._api.pages(f"{place}/notes", about, sort="asc", order_by="created_at"):
            author = _login(note.get("author"))
            hidden = note.get("system") or note.get("internal") or note.get("confidential")
            if hidden or _BOT.fullmatch(author) or not note.get("body"):
                continue
            by = "maintainer" if author in maintainers else "reporter" if reporter and author == reporter else ""
            yield Comment(str(note["body"]), by)

    def _maintainers(self, path: str) -> set[str]:
        """Who may push; nobody if the user may not know."""
        try:
            members = list(self._api.pages(f"{_project(path)}/members/all", "its members"))
        except PatchwrightError:
            return set()
        return {_login(one) for one in members if int(one.get("access_level") or 0) >= _DEVELOPER}

    def _links(self, path: str, place: str) -> list[Mention]:
        """The issues that people linked by GitLab's own means."""
        try:
            found = list(self._api.pages(f"{place}/links", "its links"))
        except PatchwrightError:
            return []
        names = [(str((one.get("references") or {}).get("full") or ""), one) for one in found]
        return [Mention(full.rpartition("#")[0] or path, int(one["iid"])) for full, one in names]

    def _reference(self, mention: Mention, here: str) -> Reference:
        what = "merge_requests" if mention.pull_request else "issues"
        name = mention.name(here)
        name = name.replace("#", "!") if mention.pull_request else name
        found = self._api.get(f"{_project(mention.path)}/{what}/{mention.number}", f"issue {name}")
        return Reference(
            name,
            str(found.get("title") or "").strip(),
            found.get("description") or "",
            _state(found),
            mention.pull_request,
        )

    def _path(self, project: int) -> str:
        """The path of a project by its number; ``""`` if it is not to be seen."""
        if project not in self._paths:
            try:
                found = self._api.get(f"/projects/{project}", f"project {project}")
            except PatchwrightError:
                return ""
            self._paths[project] = str(found["path_with_namespace"])
        return self._paths[project]

    def _repo(self, found: dict[str, Any]) -> Repo:
        rights = (found.get("permissions") or {}).values()
        level = max((int(one.get("access_level") or 0) for one in rights if one), default=0)
        return Repo(
            forge=self.kind,
            path=str(found["path_with_namespace"]),
            web=str(found["web_url"]),
            clone_url=str(found["http_url_to_repo"]),
            ssh_url=str(found["ssh_url_to_repo"]),
            default_branch=str(found.get("default_branch") or ""),
            private=found.get("visibility", "public") != "public",
            can_push=level >= _DEVELOPER,
            archived=bool(found.get("archived")),
            parent=str((found.get("forked_from_project") or {}).get("path_with_namespace") or ""),
        )

    def _pull_request(self, path: str, found: dict[str, Any]) -> PullRequest:
        source, target = found.get("source_project_id"), found.get("target_project_id")
        title = str(found.get("title") or "")
        return PullRequest(
            repo=path,
            number=int(found["iid"]),
            url=str(found["web_url"]),
            head=str(found["source_branch"]),
            head_repo=path if source == target else self._path(int(source)) if source else "",
            base=str(found["target_branch"]),
            state=_state(found),
            draft=bool(found.get("draft", _DRAFT.match(title) is not None)),
            author=_login(found.get("author")),
            title=_DRAFT.sub("", title, count=1) if _DRAFT.match(title) else title,
            body=found.get("description") or "",
        )


def _project(path: str) -> str:
    return f"/projects/{quote(path, safe='')}"


def _title(title: str, *, draft: bool) -> str:
    return f"Draft: {title}" if draft else title


def _state(found: dict[str, Any]) -> str:
    state = str(found.get("state") or "")
    return _STATES.get(state, state)


def _login(user: Any) -> str:
    return str(user.get("username") or "") if isinstance(user, dict) else ""
