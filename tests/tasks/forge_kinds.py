"""The forges that the tests talk to, each with answers in the shape that its maker documents."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from tests.tasks.forge_server import Entry, Forge, Project, Refused

TIME = "2026-03-04T05:06:07Z"


class GitHubServer(Forge):
    """GitHub Enterprise."""

    kind = "github"
    api = "/api/v3"

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], login: str | None) -> Any:
        if path == "/user":
            return _user(self, _known(login))
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(?:/(.*))?", path)
        if not found:
            raise Refused(404)
        project, rest = self.project(found[1], login), found[2] or ""
        words = rest.split("/")
        if rest == "":
            return self.repository(project, login)
        if rest == "forks" and method == "POST":
            mine = f"{_known(login)}/{project.path.rpartition('/')[2]}"
            return self.repository(self.projects.get(mine) or self.fork(project, _known(login)), login)
        if words[:3] == ["git", "ref", "heads"]:
            project.unready -= 1
            if project.unready >= 0:
                raise Refused(409, "Git Repository is empty.")
            return {
                "ref": f"refs/heads/{words[3]}",
                "object": {"type": "commit", "sha": project.run("rev-parse", words[3])},
            }
        if rest == "pulls" and method == "GET":
            return [self.pull(project, one) for one in _listed(project, query) if _headed(one, query)]
        if rest == "pulls":
            owner, _, head = body["head"].rpartition(":")
            source = f"{owner}/{project.path.rpartition('/')[2]}" if owner else project.path
            wanted = {name: body[name] for name in ("title", "body", "base", "draft") if name in body}
            return self.pull(project, self.propose(project, login, source, head=head, **wanted))
        entry = project.find(int(words[1]), pull=None if words[0] == "issues" else True)
        if words[0] == "pulls":
            if method == "PATCH":
                _change(project, entry, login, title=body["title"], body=body["body"])
            return self.pull(project, entry)
        if len(words) == 2:
            return self.issue(project, entry)
        if words[2] == "comments":
            return [self.comment(project, *one) for one in entry.comments]
        return [self.event(project, one) for one in project.mentioning(entry.number)]

    def repository(self, project: Project, login: str | None) -> dict[str, Any]:
        return _repository(self, project, login) | {
            "permissions": {"admin": False, "push": login in project.writers, "pull": True}
        }

    def issue(self, project: Project, entry: Entry) -> dict[str, Any]:
        url = f"{self.web}/{project.path}/{'pull' if entry.is_pull else 'issues'}/{entry.number}"
        links = (
            {"pull_request": {"html_url": url, "merged_at": TIME if entry.merged else None}} if entry.is_pull else {}
        )
        return _issue(self, entry) | links | {"html_url": url, "locked": entry.locked, "comments": len(entry.comments)}

    def comment(self, project: Project, author: str, body: str) -> dict[str, Any]:
        association = "COLLABORATOR" if author in project.writers else "NONE"
        kind = "Bot" if author.endswith("[bot]") else "User"
        user = _user(self, author) | {"type": kind}
        return {"id": 1, "user": user, "body": body, "author_association": association, "created_at": TIME}

    def event(self, project: Project, entry: Entry) -> dict[str, Any]:
        issue = self.issue(project, entry) | {"repository": _repository(self, project, None)}
        return {"event": "cross-referenced", "created_at": TIME, "source": {"type": "issue", "issue": issue}}

    def pull(self, project: Project, entry: Entry) -> dict[str, Any]:
        return _pull(self, project, entry, "pull") | {"merged_at": TIME if entry.merged else None, "draft": entry.draft}


class GiteaServer(Forge):
    """Gitea or Forgejo."""

    kind = "gitea"
    api = "/api/v1"

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], login: str | None) -> Any:
        if path == "/version":
            return {"version": "1.24.6"}
        if path == "/user":
            return _user(self, _known(login))
        found = re.fullmatch(r"/repos/([^/]+/[^/]+)(?:/(.*))?", path)
        if not found:
            raise Refused(404)
        project, rest = self.project(found[1], login), found[2] or ""
        words = rest.split("/")
        if rest == "":
            project.unready -= 1
            return self.repository(project, login)
        if rest == "assignees":
            return [_user(self, one) for one in sorted(project.writers)] if _known(login) else []
        if rest == "forks" and method == "POST":
            if f"{_known(login)}/{project.path.rpartition('/')[2]}" in self.projects:
                raise Refused(409, "The repository with the same name already exists.")
            return self.repository(self.fork(project, _known(login)), login)
        if rest == "forks":
            return [self.repository(one, login) for one in self.projects.values() if one.parent == project.path]
        if rest == "pulls" and method == "GET":
            return [self.pull(project, one) for one in _listed(project, query)]
        if rest == "pulls":
            owner, _, head = body["head"].rpartition(":")
            source = f"{owner}/{project.path.rpartition('/')[2]}" if owner else project.path
            wanted = {name: body[name] for name in ("title", "body", "base")}
            return self.pull(project, self.propose(project, login, source, head=head, **wanted))
        entry = project.find(int(words[1]), pull=None if words[0] == "issues" else True)
        if words[0] == "pulls":
            if method == "PATCH":
                _change(project, entry, login, title=body["title"], body=body["body"])
            return self.pull(project, entry)
        if len(words) == 2:
            return self.issue(project, entry)
        if words[2] == "dependencies":
            return [self.issue(self.projects[path], self.projects[path].find(number)) for path, number in entry.related]
        if words[2] == "comments":
            return [
                {"id": 1, "user": _user(self, who), "body": said, "created_at": TIME} for who, said in entry.comments
            ]
        return [
            {"id": 1, "type": "pull_ref", "created_at": TIME, "ref_issue": self.issue(project, one)}
            for one in project.mentioning(entry.number)
        ]

    def repository(self, project: Project, login: str | None) -> dict[str, Any]:
        rights = {"admin": False, "push": login in project.writers, "pull": True}
        return _repository(self, project, login) | {"permissions": rights, "empty": project.unready > 0}

    def issue(self, project: Project, entry: Entry) -> dict[str, Any]:
        url = f"{self.web}/{project.path}/{'pulls' if entry.is_pull else 'issues'}/{entry.number}"
        owner, _, name = project.path.partition("/")
        return _issue(self, entry) | {
            "html_url": url,
            "is_locked": entry.locked,
            "comments": len(entry.comments),
            "repository": {"id": project.identifier, "name": name, "owner": owner, "full_name": project.path},
            "pull_request": {"merged": entry.merged, "merged_at": None, "html_url": url} if entry.is_pull else None,
        }

    def pull(self, project: Project, entry: Entry) -> dict[str, Any]:
        return _pull(self, project, entry, "pulls") | {
            "merged": entry.merged,
            "draft": entry.title.upper().startswith(("WIP:", "[WIP]")),
        }


class GitLabServer(Forge):
    """GitLab, self-hosted."""

    kind = "gitlab"
    api = "/api/v4"

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], login: str | None) -> Any:
        if path == "/user":
            return self.user(_known(login))
        found = re.fullmatch(r"/projects/([^/]+)(?:/(.*))?", path)
        if not found:
            raise Refused(404, "404 Not Found")
        project, rest = self.project(self.named(unquote(found[1])), login), found[2] or ""
        words = rest.split("/")
        if rest == "":
            project.unready -= 1
            return self.repository(project, login)
        if rest == "members/all":
            return [self.user(one) | {"access_level": 30} for one in sorted(project.writers)] if _known(login) else []
        if rest == "forks":
            forks = [one for one in self.projects.values() if one.parent == project.path]
            return [self.repository(one, login) for one in forks if "owned" not in query or login in one.writers]
        if rest == "fork":
            return self.repository(self.fork(project, _known(login)), login)
        if rest == "merge_requests" and method == "GET":
            known = {"opened": "open"}.get(query["state"], query["state"])
            listed = [one for one in project.pulls if known in ("all", "merged" if one.merged else one.state)]
            return [self.pull(one) for one in listed if query.get("source_branch") in (None, one.head)]
        if rest == "merge_requests":
            target = self.project(self.named(str(body.get("target_project_id", project.path))), login)
            words_of = {"title": body["title"], "body": body["description"], "base": body["target_branch"]}
            made = self.propose(target, login, project.path, head=body["source_branch"], **words_of)
            return self.pull(made)
        entry = project.find(int(words[1]), pull=words[0] == "merge_requests")
        if method == "PUT":
            _change(project, entry, login, title=body["title"], body=body["description"])
        if words[2:] == ["notes"]:
            return [self.note(*one) for one in entry.comments]
        if words[2:] == ["links"]:
            return [self.issue(self.projects[path], self.projects[path].find(number)) for path, number in entry.related]
        if words[2:] == ["related_merge_requests"]:
            return [self.pull(one) for one in project.mentioning(entry.number)]
        return self.pull(entry) if entry.is_pull else self.issue(project, entry)

    def named(self, identifier: str) -> str:
        return next((one.path for one in self.projects.values() if str(one.identifier) == identifier), identifier)

    def user(self, login: str) -> dict[str, Any]:
        return {"id": 1, "username": login, "name": login.title(), "state": "active", "web_url": f"{self.web}/{login}"}

    def note(self, author: str, body: str) -> dict[str, Any]:
        return {
            "id": 1,
            "author": self.user(author),
            "body": body.removeprefix("internal: "),
            "system": body.startswith("changed the"),
            "internal": body.startswith("internal: "),
            "created_at": TIME,
        }

    def repository(self, project: Project, login: str | None) -> dict[str, Any]:
        web = f"{self.web}/{project.path}"
        level = {"access_level": 30, "notification_level": 3} if login in project.writers else None
        return {
            "id": project.identifier,
            "path_with_namespace": project.path,
            "web_url": web,
            "http_url_to_repo": f"{web}.git",
            "ssh_url_to_repo": f"git@127.0.0.1:{project.path}.git",
            "default_branch": project.default_branch,
            "visibility": "private" if project.private else "public",
            "archived": project.archived,
            "import_status": "started" if project.unready > 0 else "finished" if project.parent else "none",
            "permissions": {"project_access": level, "group_access": None},
        } | ({"forked_from_project": {"path_with_namespace": project.parent}} if project.parent else {})

    def issue(self, project: Project, entry: Entry) -> dict[str, Any]:
        return {
            "id": 1000 + entry.number,
            "iid": entry.number,
            "title": entry.title,
            "description": entry.body,
            "state": {"open": "opened"}.get(entry.state, entry.state),
            "labels": entry.labels,
            "author": self.user(entry.author),
            "assignees": [self.user(one) for one in entry.assignees],
            "user_notes_count": len(entry.comments),
            "discussion_locked": entry.locked or None,
            "web_url": f"{self.web}/{project.path}/-/issues/{entry.number}",
            "references": {"short": f"#{entry.number}", "full": f"{project.path}#{entry.number}"},
        }

    def pull(self, entry: Entry) -> dict[str, Any]:
        target = next(one for one in self.projects.values() if entry in one.entries)
        source = self.projects.get(entry.head_path)
        return self.issue(target, entry) | {
            "state": "merged" if entry.merged else {"open": "opened"}.get(entry.state, entry.state),
            "web_url": f"{self.web}/{target.path}/-/merge_requests/{entry.number}",
            "source_branch": entry.head,
            "target_branch": entry.base,
            "source_project_id": source.identifier if source else None,
            "target_project_id": target.identifier,
            "draft": entry.title.lower().startswith("draft:"),
            "references": {"short": f"!{entry.number}", "full": f"{target.path}!{entry.number}"},
        }


def _known(login: str | None) -> str:
    if login is None:
        raise Refused(401, "Requires authentication")
    return login


def _change(project: Project, entry: Entry, login: str | None, **words: str) -> None:
    if _known(login) not in {entry.author, *project.writers}:
        raise Refused(403, "Forbidden")
    for name, value in words.items():
        setattr(entry, name, value)


def _listed(project: Project, query: dict[str, str]) -> list[Entry]:
    return [one for one in reversed(project.pulls) if query.get("state") in ("all", one.state)]


def _headed(entry: Entry, query: dict[str, str]) -> bool:
    return query.get("head") in (None, f"{entry.head_path.partition('/')[0]}:{entry.head}")


def _user(forge: Forge, login: str) -> dict[str, Any]:
    return {"id": 1, "login": login, "type": "User", "html_url": f"{forge.web}/{login}"}


def _repository(forge: Forge, project: Project, login: str | None) -> dict[str, Any]:
    web = f"{forge.web}/{project.path}"
    owner, _, name = project.path.rpartition("/")
    return {
        "id": project.identifier,
        "name": name,
        "full_name": project.path,
        "owner": _user(forge, owner),
        "private": project.private,
        "html_url": web,
        "clone_url": f"{web}.git",
        "ssh_url": f"git@127.0.0.1:{project.path}.git",
        "default_branch": project.default_branch,
        "archived": project.archived,
        "fork": bool(project.parent),
    } | ({"parent": {"full_name": project.parent}} if project.parent else {})


def _issue(forge: Forge, entry: Entry) -> dict[str, Any]:
    return {
        "id": 1000 + entry.number,
        "number": entry.number,
        "title": entry.title,
        "body": entry.body or None,
        "user": _user(forge, entry.author),
        "state": entry.state,
        "labels": [{"id": 1, "name": label, "color": "d73a4a"} for label in entry.labels],
        "assignees": [_user(forge, one) for one in entry.assignees] or None,
        "created_at": TIME,
    }


def _pull(forge: Forge, project: Project, entry: Entry, word: str) -> dict[str, Any]:
    source = forge.projects.get(entry.head_path)
    owner = entry.head_path.partition("/")[0]
    head = {"ref": entry.head, "label": f"{owner}:{entry.head}", "repo": source and _repository(forge, source, None)}
    return {
        "id": 2000 + entry.number,
        "number": entry.number,
        "html_url": f"{forge.web}/{project.path}/{word}/{entry.number}",
        "title": entry.title,
        "body": entry.body or None,
        "user": _user(forge, entry.author),
        "state": entry.state,
        "head": head,
        "base": {"ref": entry.base, "label": entry.base, "repo": _repository(forge, project, None)},
        "created_at": TIME,
    }


KINDS: dict[str, type[Forge]] = {one.kind: one for one in (GitHubServer, GitLabServer, GiteaServer)}
_ADDRESS = {"github": "GITHUB_API_URL", "gitlab": "GITLAB_HOST", "gitea": "GITEA_URL"}
_TOKEN = {"github": "GITHUB_TOKEN", "gitlab": "GITLAB_TOKEN", "gitea": "GITEA_TOKEN"}


def settings(forge: Forge, token: str = "") -> dict[str, str]:
    """The variables with which a user reaches a forge; every other forge's are empty."""
    names = (
        "GITHUB_API_URL GITHUB_SERVER_URL GITHUB_TOKEN GH_TOKEN GH_HOST GH_ENTERPRISE_TOKEN GITHUB_ENTERPRISE_TOKEN "
        "GITLAB_HOST GITLAB_URI GL_HOST CI_SERVER_URL GITLAB_TOKEN GITLAB_ACCESS_TOKEN "
        "GITEA_URL GITEA_SERVER_URL GITEA_TOKEN GITEA_SERVER_TOKEN FORGEJO_URL FORGEJO_TOKEN"
    )
    address = f"{forge.web}{forge.api}" if forge.kind == "github" else forge.web
    return dict.fromkeys(names.split(), "") | {_ADDRESS[forge.kind]: address, _TOKEN[forge.kind]: token}
