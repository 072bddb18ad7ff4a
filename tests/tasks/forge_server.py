"""A forge on the loopback interface: its REST API in the documented shape, its repositories over git's smart HTTP."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.listening import listening

GIT = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}


class Refused(Exception):
    """The answer is an error."""

    def __init__(self, status: int, message: Any = "Not Found") -> None:
        self.status = status
        self.message = message
        super().__init__(status, message)


class Request(NamedTuple):
    method: str
    path: str
    authorization: str | None


@dataclass
class Entry:
    """An issue, or with ``head`` and ``base`` a pull request."""

    number: int
    title: str
    body: str = ""
    author: str = "reporter"
    state: str = "open"
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    locked: bool = False
    comments: list[tuple[str, str]] = field(default_factory=list)
    related: list[tuple[str, int]] = field(default_factory=list)
    head: str = ""
    head_path: str = ""
    base: str = ""
    draft: bool = False
    merged: bool = False

    @property
    def is_pull(self) -> bool:
        return bool(self.head)


@dataclass
class Project:
    path: str
    identifier: int
    git: Path
    private: bool = False
    writers: set[str] = field(default_factory=set)
    entries: list[Entry] = field(default_factory=list)
    parent: str = ""
    archived: bool = False
    #: How often a new fork still says that it is being made.
    unready: int = 0

    @property
    def default_branch(self) -> str:
        return self.run("symbolic-ref", "--short", "HEAD")

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.git, env=os.environ | GIT, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def branches(self) -> list[str]:
        return self.run("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def issue(self, number: int, title: str, body: str = "", **more: Any) -> Entry:
        self.entries.append(Entry(number, title, body, **more))
        return self.entries[-1]

    def pull(self, number: int, title: str, body: str = "", *, head: str, base: str = "", **more: Any) -> Entry:
        place = {"head_path": self.path, "base": base or self.default_branch} | more
        self.entries.append(Entry(number, title, body, head=head, **place))
        return self.entries[-1]

    def find(self, number: int, *, pull: bool | None = None) -> Entry:
        for entry in self.entries:
            if entry.number == number and pull in (None, entry.is_pull):
                return entry
        raise Refused(404)

    @property
    def pulls(self) -> list[Entry]:
        return [entry for entry in self.entries if entry.is_pull]

    def mentioning(self, number: int) -> list[Entry]:
        return [one for one in self.pulls if re.search(rf"#{number}\b", f"{one.title}\n{one.body}")]


class Forge:
    """Everything on one forge; kinds of forges differ in `answer`.

    Attributes:
        users: Logins by token.
        requests: What it was asked, the API and git alike.
        failing: What the API answers instead of what was asked for: status, headers, body.
    """

    kind = ""
    api = ""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.web = ""
        self.users: dict[str, str] = {}
        self.projects: dict[str, Project] = {}
        self.requests: list[Request] = []
        self.failing: tuple[int, dict[str, str], bytes] | None = None

    def add(self, path: str, source: Path, **more: Any) -> Project:
        """Put a copy of a local repository there."""
        place = self.root / f"{path}.git"
        place.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "clone", "-q", "--bare", str(source), str(place)], env=os.environ | GIT, check=True)
        project = Project(path, len(self.projects) + 1, place, **more)
        for name in ("http.receivepack", "uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"):
            project.run("config", name, "true")
        self.projects[path] = project
        return project

    def fork(self, project: Project, login: str) -> Project:
        path = f"{login}/{project.path.rpartition('/')[2]}"
        return self.add(path, project.git, writers={login}, parent=project.path, private=project.private, unready=1)

    def project(self, path: str, login: str | None) -> Project:
        found = self.projects.get(path)
        if found is None or (found.private and login not in found.writers):
            raise Refused(404)
        return found

    def propose(self, project: Project, login: str | None, head_path: str, **words: Any) -> Entry:
        """Open a pull request, as far as the forge may."""
        if login is None:
            raise Refused(401, "Unauthorized")
        source = self.project(head_path, login)
        if words["head"] not in source.branches() or words["base"] not in project.branches():
            raise Refused(422, "head or base does not exist")
        if any(
            one.head == words["head"] and one.head_path == head_path and one.state == "open" for one in project.pulls
        ):
            raise Refused(409, "a pull request for this branch exists already")
        number = max((entry.number for entry in project.entries), default=0) + 1
        entry = Entry(number, author=login, head_path=head_path, **words)
        project.entries.append(entry)
        return entry

    def answer(self, method: str, path: str, query: dict[str, str], body: dict[str, Any], login: str | None) -> Any:
        raise NotImplementedError


@contextmanager
def serving(forge: Forge) -> Iterator[Forge]:
    """Serve a forge for the length of a ``with`` block; its ``web`` says where."""

    class Handler(_Handler):
        world = forge

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    forge.web = f"http://127.0.0.1:{server.server_address[1]}"
    with listening(server):
        yield forge


class _Handler(BaseHTTPRequestHandler):
    world: Forge

    def handle_request(self) -> None:
        parts = urlsplit(self.path)
        self.world.requests.append(Request(self.command, self.path, self.headers.get("Authorization")))
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        repository = re.match(r"/(.+?)\.git(/.*)", parts.path)
        try:
            login = self._login()
            if repository:
                self._git(repository[1], repository[2], parts.query, content, login)
            else:
                self._api(parts.path, {name: one[-1] for name, one in parse_qs(parts.query).items()}, content, login)
        except Refused as error:
            headers = {"WWW-Authenticate": 'Basic realm="forge"'} if repository and error.status == 401 else {}
            self._send(error.status, {"Content-Type": "application/json"} | headers, _json({"message": error.message}))

    do_GET = do_POST = do_PATCH = do_PUT = handle_request

    def _login(self) -> str | None:
        scheme, _, value = self.headers.get("Authorization", "").partition(" ")
        if not scheme:
            return None
        token = base64.b64decode(value).decode().partition(":")[2] if scheme == "Basic" else value
        if token not in self.world.users:
            raise Refused(401, "Bad credentials")
        return self.world.users[token]

    def _api(self, path: str, query: dict[str, str], content: bytes, login: str | None) -> None:
        if self.world.failing:
            self._send(*self.world.failing)
            return
        if not path.startswith(self.world.api):
            raise Refused(404)
        asked = path.removeprefix(self.world.api)
        found = self.world.answer(self.command, asked, query, json.loads(content or b"{}"), login)
        headers = {"Content-Type": "application/json"}
        if isinstance(found, list) and "page" in query:
            page, size = int(query["page"]), int(query.get("per_page") or query["limit"])
            if page * size < len(found):
                headers["Link"] = f'<{self.world.web}{path}?page={page + 1}>; rel="next"'
            found = found[(page - 1) * size : page * size]
        self._send(200 if self.command in ("GET", "PATCH", "PUT") else 201, headers, _json(found))

    def _git(self, path: str, rest: str, query: str, content: bytes, login: str | None) -> None:
        """What ``git http-backend`` answers, to those who may ask."""
        project = self.world.projects.get(path)
        pushing = "git-receive-pack" in query or rest.endswith("git-receive-pack")
        if project is None or (project.private and login is None) or (pushing and login is None):
            raise Refused(401)
        if (project.private or pushing) and login not in project.writers:
            raise Refused(403 if pushing and not project.private else 404)
        env = {
            "GIT_PROJECT_ROOT": str(self.world.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": f"/{path}.git{rest}",
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(content)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": login or "",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=content, env=os.environ | GIT | env, capture_output=True, check=True
        )
        head, _, body = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._send(int(headers.pop("Status", "200").split()[0]), headers, body)

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
