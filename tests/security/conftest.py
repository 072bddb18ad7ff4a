"""Attacks, each made twice: on Patchwright as it is, where it must fail, and with the defence off, where it must not.

The second shows that the first can fail.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aci_tools.sandbox import Sandbox, SandboxSpec, available_kinds, open_sandbox
from aci_tools.sandbox.owner import STATE_VARIABLE
from tests.listening import listening

#: What nobody but the user may ever see.
CANARY = "canary-5f1c9a7e-never-shown"


@pytest.fixture(params=[True, False], ids=["defended", "undefended"])
def defended(request: pytest.FixtureRequest) -> bool:
    """Whether the defence is on."""
    return bool(request.param)


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def host_file(tmp_path: Path) -> Path:
    """A file of the user's with a secret in it, beside the repository."""
    path = tmp_path / "home" / ".ssh" / "id_ed25519"
    path.parent.mkdir(parents=True)
    path.write_text(CANARY + "\n")
    return path


class Listener(ThreadingHTTPServer):
    """A server of the attacker's that remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Remember)
        self.asked: list[str] = []
        self.headers: list[str] = []
        self.address = f"127.0.0.1:{self.server_address[1]}"


class _Remember(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        self.server.headers.append(str(self.headers))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def attacker() -> Iterator[Listener]:
    """A server that an attacker wants to be asked."""
    server = Listener()
    with listening(server):
        yield server


@pytest.fixture
def fence(request: pytest.FixtureRequest, defended: bool) -> str:
    """The kind of sandbox: namespaces, or with the defence off the one that isolates nothing."""
    return fenced_kind() if defended else "local"


def fenced_kind() -> str:
    """``namespace``; where none can be made, CI fails and other machines skip."""
    (found,) = [known for known in available_kinds() if known.kind == "namespace"]
    if not found.usable:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"namespaces do not work here: {found.reason}")
    return "namespace"


#: Opens a sandbox of a kind on a repository.
Opening = Callable[..., Sandbox]


@pytest.fixture
def opening() -> Iterator[Opening]:
    opened: list[Sandbox] = []

    def open_it(kind: str, repository: Path, env: Mapping[str, str] | None = None, **wanted: object) -> Sandbox:
        spec = SandboxSpec(repository=repository, env=env or {}, **wanted)  # type: ignore[arg-type]
        opened.append(open_sandbox(kind, spec))
        return opened[-1]

    yield open_it
    for sandbox in opened:
        sandbox.close()


def git(directory: Path, *arguments: str, check: bool = True, **env: str) -> str:
    """Run plain git, without the user's own configuration."""
    safe = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments], cwd=directory, env=os.environ | safe | env, capture_output=True, check=False
    )
    assert not check or done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").strip()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A repository with one file and one commit."""
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "-q", "-b", "main")
    (path / "story").write_text("one\n")
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "Begin")
    return path
