"""The reader of GitHub issues, over real HTTP from payloads of the real shape."""

from __future__ import annotations

import json
import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.sources import read_issue

URL = "https://github.com/octo/hello.world/issues/7"


def comment(body: str, kind: str = "User") -> dict[str, Any]:
    return {"id": 1, "user": {"login": "somebody", "type": kind}, "body": body, "author_association": "NONE"}


class GitHub:
    """What the server answers, and what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.raw: bytes | None = None
        self.moved = False
        self.requests: list[tuple[str, str | None]] = []
        self.comments: list[dict[str, Any]] = []
        self.issue: dict[str, Any] = {
            "url": "https://api.github.com/repos/octo/hello.world/issues/7",
            "html_url": URL,
            "number": 7,
            "title": "Greeting is wrong ",
            "user": {"login": "octocat", "type": "User"},
            "state": "open",
            "locked": False,
            "body": "<!-- template -->It says `bye`.\r\n",
        }

    def answer(self, path: str) -> Any:
        parts = urlsplit(path)
        if parts.path.endswith("/comments"):
            page = int(parse_qs(parts.query)["page"][0])
            return self.comments[(page - 1) * 100 : page * 100]
        return self.issue | {"comments": len(self.comments)}


@pytest.fixture
def github(serve: Any, monkeypatch: pytest.MonkeyPatch) -> GitHub:
    state = GitHub()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests.append((self.path, self.headers.get("Authorization")))
            redirected = state.moved and self.path.startswith("/repos/")
            self.send_response(301 if redirected else state.status)
            if redirected:
                self.send_header("Location", self.path.replace("/repos/octo/hello.world", "/repositories/1"))
            for name, value in state.headers.items():
                self.send_header(name, value)
            body = state.raw if state.raw is not None else json.dumps(state.answer(self.path)).encode()
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None: ...

    monkeypatch.setenv("GITHUB_API_URL", serve(handler=Handler))
    monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    monkeypatch.delenv("GH_TOKEN", raising=False)
    return state


@pytest.mark.parametrize(
    "url",
    [
        URL,
        f" {URL}\n",
        f"{URL}#issuecomment-1",
        f"{URL}?foo=1",
        "http://www.github.com/octo/hello.world/issues/7",
        "github.com/octo/hello.world/issues/7",
        "https://github.com/octo/hello.world/pull/7/files",
    ],
)
def test_issue_is_read(github: GitHub, url: str) -> None:
    github.comments = [comment("Here too."), comment("This is stale.", "Bot"), comment("")]
    issue = read_issue(url)
    assert (issue.title, issue.number, issue.url, issue.state) == ("Greeting is wrong", 7, URL, "open")
    assert issue.repo == "https://github.com/octo/hello.world.git"
    assert issue.statement() == "Greeting is wrong\n\nIt says `bye`.\n\n## Comment 1\n\nHere too."
    assert "octocat" not in repr(issue)
    assert issue.identifier == "octo__hello.world-7"
    assert github.requests[0] == ("/repos/octo/hello.world/issues/7", None)


def test_issue_without_a_body_or_comments(github: GitHub) -> None:
    github.issue["body"] = None
    assert read_issue(URL).statement() == "Greeting is wrong"
    assert len(github.requests) == 1


def test_all_pages_of_comments(github: GitHub) -> None:
    github.comments = [comment(f"number {number}") for number in range(250)]
    assert [said.body for said in read_issue(URL).comments] == [f"number {number}" for number in range(250)]


def test_enterprise_server(github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    server = os.environ["GITHUB_API_URL"]
    monkeypatch.setenv("GITHUB_API_URL", f"{server}/api/v3/")
    monkeypatch.delenv("GITHUB_SERVER_URL")
    issue = read_issue(f"{server}/octo/hello.world/issues/7")
    assert github.requests[0][0] == "/api/v3/repos/octo/hello.world/issues/7"
    assert issue.repo == f"{server}/octo/hello.world.git"


@pytest.mark.parametrize("variable", ["GITHUB_TOKEN", "GH_TOKEN"])
def test_token_is_sent(github: GitHub, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "hunter2")
    read_issue(URL)
    assert github.requests[0][1] == "Bearer hunter2"


def test_moved_issue_is_read_from_its_new_place(github: GitHub) -> None:
    github.moved = True
    github.issue["html_url"] = "https://github.com/octo/renamed/issues/3"
    issue = read_issue(URL)
    assert (issue.repo, issue.number) == ("https://github.com/octo/renamed.git", 3)


@pytest.mark.parametrize(
    ("status", "token", "kind", "said"),
    [
        (404, "", UsageError, "private: then set GITHUB_TOKEN"),
        (404, "hunter2", UsageError, "GITHUB_TOKEN has no access"),
        (410, "", UsageError, "deleted"),
        (401, "hunter2", InfrastructureError, "refused the token in GITHUB_TOKEN"),
        (403, "hunter2", InfrastructureError, "refused access"),
        (500, "", InfrastructureError, "answered 500"),
        (429, "", InfrastructureError, "rate limit"),
    ],
)
def test_refusals_are_one_clear_line(
    github: GitHub, monkeypatch: pytest.MonkeyPatch, status: int, token: str, kind: type[Exception], said: str
) -> None:
    github.status = status
    github.raw = json.dumps({"message": "no", "documentation_url": "https://docs.github.com"}).encode()
    monkeypatch.setenv("GITHUB_TOKEN", token)
    with pytest.raises(kind, match=said) as caught:
        read_issue(URL)
    assert "\n" not in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("status", [403, 429])
def test_rate_limit_says_until_when(github: GitHub, status: int) -> None:
    github.status = status
    reset = int(time.time()) + 720
    github.headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    clock = time.strftime("%H:%M", time.gmtime(reset))
    with pytest.raises(InfrastructureError, match=rf"until {clock} UTC \(in 12 minutes\); with GITHUB_TOKEN"):
        read_issue(URL)
    github.headers = {"Retry-After": "60"}
    with pytest.raises(InfrastructureError, match=r"in 1 minute\)"):
        read_issue(URL)


def test_answer_that_is_not_githubs(github: GitHub) -> None:
    github.raw = b"<html>Sign in to the hotel's network</html>"
    with pytest.raises(InfrastructureError, match="no JSON"):
        read_issue(URL)


def test_nobody_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        monkeypatch.setenv("GITHUB_SERVER_URL", "https://github.com")
        monkeypatch.setenv("GITHUB_API_URL", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(InfrastructureError, match=r"cannot reach GitHub at 127\.0\.0\.1"):
            read_issue(URL)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://github.com/octo/hello", "not the URL of an issue"),
        ("https://github.com/octo/hello/issues", "OWNER/REPO/issues/N"),
        ("https://github.com/octo/hello/issues/new", "not the URL of an issue"),
        ("https://github.com/octo/../issues/3", "not the URL of an issue"),
        ("https://gitlab.com/a/b", "GROUP/PROJECT/-/issues/N"),
        ("https://[github.com/octo/hello/issues/3", "not a URL"),
        ("https://github.com:x/octo/hello/issues/3", "not a URL"),
        ("https://例え：x/octo/hello/issues/3", "not a URL"),
        ("https://example.org/a/b/tickets/3", "example.org is no GitHub.*GITHUB_API_URL"),
    ],
)
def test_other_urls_are_refused_before_anything_is_sent(github: GitHub, url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_issue(url)
    assert github.requests == []
