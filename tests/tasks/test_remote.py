"""Clone URLs: any revision over HTTP, and one clear line for each way in which a server can refuse."""

from __future__ import annotations

import socket
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.remote import without_credentials
from tasks.repository import prepare


@pytest.fixture
def remote(repository: Any, tmp_path: Path, serve: Any) -> str:
    """The clone URL of a repository with a tag and a second branch."""
    repository.git("tag", "-m", "first", "v1", "HEAD~2")
    repository.git("branch", "feature/x", "HEAD~1")
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "served/project.git"))
    subprocess.run(["git", "update-server-info"], cwd=tmp_path / "served/project.git", check=True)
    return f"{serve(tmp_path / 'served')}/project.git"


@pytest.mark.parametrize(
    ("base", "subjects"),
    [
        (None, ["Three", "Two", "One"]),
        ("trunk", ["Three", "Two", "One"]),
        ("feature/x", ["Two", "One"]),
        ("v1", ["One"]),
        ("trunk~2", ["One"]),
        ("short", ["Two", "One"]),
        ("full", ["Two", "One"]),
    ],
)
def test_clone_at_any_revision(
    remote: str, repository: Any, tmp_path: Path, base: str | None, subjects: list[str]
) -> None:
    wanted = repository.git("rev-parse", "HEAD~1")
    revision = {"short": wanted[:9], "full": wanted}.get(base or "", base)
    made = prepare(remote, revision, tmp_path / "copy")
    log = subprocess.run(["git", "log", "--format=%s"], cwd=made.path, capture_output=True, text=True, check=True)
    assert log.stdout.split() == subjects
    assert (made.origin, made.dirty, made.notes) == (remote, False, ())
    files = {
        file.relative_to(made.path / ".git").as_posix() for file in (made.path / ".git").rglob("*") if file.is_file()
    }
    assert {name for name in files if "objects/pack/" not in name} == {"HEAD", "config", "index", "refs/heads/main"}
    assert b"127.0.0.1" not in b"".join((made.path / ".git" / name).read_bytes() for name in files)


def test_unknown_revision_and_repository(remote: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no revision nowhere in http"):
        prepare(remote, "nowhere", tmp_path / "copy")
    with pytest.raises(UsageError, match="no such repository, or it is private"):
        prepare(remote.replace("project", "other"), None, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_refused_access_says_so_without_the_password(tmp_path: Path, serve: Any, status: int) -> None:
    class Refusing(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None: ...

    address = serve(handler=Refusing).replace("http://", "http://user:hunter2@")
    with pytest.raises(InfrastructureError, match="access refused") as caught:
        prepare(f"{address}/o/r.git", None, tmp_path / "copy")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("scheme", ["http", "ssh", "git"])
def test_nobody_there(tmp_path: Path, scheme: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(InfrastructureError, match=r"cannot clone .*127\.0\.0\.1") as caught:
            prepare(f"{scheme}://user:hunter2@127.0.0.1:{port}/o/r.git", None, tmp_path / "copy")
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://user:hunter2@[x/y", "ssh://user:hunter2@x:y/z", "https://hunter2@例え：x/y"])
def test_an_address_that_cannot_be_one_is_said_without_the_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="not a clone URL") as caught:
        prepare(url, None, tmp_path / "copy")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:token@example.org/o/r.git", "https://example.org/o/r.git"),
        ("https://token@example.org:8443/o/r", "https://example.org:8443/o/r"),
        ("ssh://git:secret@example.org/o/r", "ssh://git@example.org/o/r"),
        ("git@example.org:o/r.git", "git@example.org:o/r.git"),
        ("/some/where", "/some/where"),
    ],
)
def test_credentials_are_removed_from_the_origin(url: str, clean: str) -> None:
    assert without_credentials(url) == clean
