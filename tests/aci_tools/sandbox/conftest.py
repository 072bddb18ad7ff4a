"""Sandboxes of every kind that this machine has, on a small repository."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from aci_tools.sandbox import Sandbox, SandboxSpec, open_sandbox
from aci_tools.sandbox.namespace import NamespaceSandbox, launcher_fault
from aci_tools.sandbox.owner import STATE_VARIABLE, StateDirectory, state_root
from aci_tools.sandbox.processes import children

#: "bwrap" and "unshare" are the two ways in which a namespace sandbox is built.
FENCED = [pytest.param("docker", marks=pytest.mark.docker), "bwrap", "unshare"]
ALL = [*FENCED, "local"]

Opener = Callable[..., Sandbox]


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(STATE_VARIABLE, str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("repository")
    (path / "greeting.txt").write_text("hello\n")
    (path / "run.sh").write_text("#!/bin/sh\necho ran\n")
    (path / "run.sh").chmod(0o755)
    (path / "link").symlink_to("greeting.txt")
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"]):
        subprocess.run([*git, *arguments], cwd=path, check=True)
    return path


@pytest.fixture(scope="module")
def opener(request: pytest.FixtureRequest, repository: Path) -> Iterator[Callable[[str], Opener]]:
    """Gives, for a kind, a function that opens a sandbox; all are closed in the end."""
    opened: list[Sandbox] = []

    def for_kind(kind: str) -> Opener:
        image = request.getfixturevalue("docker_image") if kind == "docker" else None
        if kind in ("bwrap", "unshare"):
            _need_launcher(kind)

        def open_it(**wanted: object) -> Sandbox:
            spec = replace(SandboxSpec(repository=repository, image=image), **wanted)  # type: ignore[arg-type]
            sandbox: Sandbox
            if kind in ("bwrap", "unshare"):
                made = NamespaceSandbox(spec, kind)  # type: ignore[arg-type]
                opened.append(made)
                made.open()
                sandbox = made
            else:
                sandbox = open_sandbox(kind, spec)
                opened.append(sandbox)
            return sandbox

        return open_it

    yield for_kind
    for sandbox in opened:
        sandbox.close()


@pytest.fixture(scope="module", params=ALL)
def sandbox(request: pytest.FixtureRequest, opener: Callable[[str], Opener]) -> Sandbox:
    """One of each kind, shared by the tests of a module."""
    return opener(request.param)()


@pytest.fixture(scope="module", params=FENCED)
def fenced(request: pytest.FixtureRequest, opener: Callable[[str], Opener]) -> Opener:
    """Opens a sandbox of a kind that fences commands in."""
    return opener(request.param)


@pytest.fixture(scope="module", params=ALL)
def any_kind(request: pytest.FixtureRequest, opener: Callable[[str], Opener]) -> Opener:
    """Opens a sandbox of any kind."""
    return opener(request.param)


def processes_seen_from_outside(sandbox: Sandbox) -> int:
    """How many processes a sandbox has beyond those that it needs while no command runs."""
    if sandbox.kind == "docker":
        top = ["docker", "top", f"patchwright-{sandbox.id}", "-o", "pid"]
        done = subprocess.run(top, capture_output=True, text=True, check=True)
        return len(done.stdout.splitlines()[1:]) - 4
    outermost = int(StateDirectory(state_root() / sandbox.id).facts()["process"])
    found, waiting = 0, [outermost]
    while waiting:
        below = children(waiting.pop())
        found += len(below)
        waiting += below
    return found - (1 if sandbox.kind == "namespace" else 0)


def eventually(condition: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether a condition comes true within some seconds."""
    give_up = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up:
            return False
        time.sleep(0.02)
    return True


def _need_launcher(launcher: str) -> None:
    fault = launcher_fault(launcher)  # type: ignore[arg-type]
    if fault and os.environ.get("CI"):
        pytest.fail(f"CI needs {launcher}: {fault}")
    if fault:
        pytest.skip(f"{launcher} does not work here: {fault}")
