"""A real repository in a real sandbox of the plainest kind, and a session on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from aci_tools.guard import Guard
from aci_tools.sandbox import Sandbox, SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings

_EMPTY = "find . -mindepth 1 -maxdepth 1 -exec rm -rf {} +"
_COMMIT = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all --allow-empty"


@pytest.fixture(scope="session")
def shared_sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """One sandbox for all of these tests; :func:`session_on` empties it."""
    root: Path = tmp_path_factory.mktemp("repository")
    sandbox = open_sandbox("local", SandboxSpec(repository=root))
    yield sandbox
    sandbox.close()


@pytest.fixture
def session_on(shared_sandbox: Sandbox) -> Callable[..., Session]:
    """Makes a session on a repository that has just the given files, all committed."""

    def make(files: Mapping[str, bytes | str], **settings: object) -> Session:
        shared_sandbox.run(_EMPTY)
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            shared_sandbox.write(f"{shared_sandbox.workdir}/{path}", data)
        made = shared_sandbox.run(_COMMIT)
        assert made.ok, made.text
        return Session(shared_sandbox, SessionSettings(**settings), Guard("py38"))

    return make
