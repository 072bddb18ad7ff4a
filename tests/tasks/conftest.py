"""Real repositories for the tests of the tasks package."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest


class Repository:
    """A user's repository: plain git, with the user's own configuration switched off."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "trunk", *init)
        self.git("config", "user.name", "User")
        self.git("config", "user.email", "user@example.org")

    def git(self, *arguments: str, **env: str) -> str:
        safe = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
        done = subprocess.run(
            ["git", *arguments], cwd=self.path, env=os.environ | safe | env, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode("utf-8", "surrogateescape").strip()

    def write(self, name: str, content: str | bytes) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def commit(self, message: str, **files: str) -> str:
        for name, content in files.items():
            self.write(name, content)
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message)
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    """A repository of three commits of one file, ``story``."""
    made = Repository(tmp_path / "project")
    made.commit("One", story="one\n")
    made.commit("Two", story="one\ntwo\n")
    made.commit("Three", story="one\ntwo\nthree\n")
    return made


@pytest.fixture
def new_repository() -> type[Repository]:
    return Repository


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def serve() -> Iterator[Any]:
    """Start a web server on the loopback interface: of a directory's files, or of a handler. Gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def start(directory: Path | None = None, handler: type[BaseHTTPRequestHandler] | None = None) -> str:
        def files(*args: Any) -> _Quiet:
            return _Quiet(*args, directory=str(directory))

        server = ThreadingHTTPServer(("127.0.0.1", 0), handler or files)  # type: ignore[arg-type]
        servers.append(server)
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
