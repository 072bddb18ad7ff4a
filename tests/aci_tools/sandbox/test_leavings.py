"""Nothing outlives a sandbox, not even when its driver is killed."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from aci_tools.errors import SandboxError
from aci_tools.sandbox import KINDS, Limits, Sandbox, SandboxSpec, open_sandbox, reap
from aci_tools.sandbox.docker import LABEL_OWNER
from aci_tools.sandbox.owner import STATE_VARIABLE, StateDirectory, state_root, this_process
from tests.aci_tools.sandbox.conftest import Opener, eventually, processes_seen_from_outside


class Killed(NamedTuple):
    """A sandbox whose driver was killed, and the name of a process in it."""

    name: str
    marker: str


ROOT = Path(__file__).resolve().parents[3]

DRIVER = """
import sys
from pathlib import Path
from typing import NamedTuple
from aci_tools.sandbox import SandboxSpec, open_sandbox

kind, repository, image, marker = sys.argv[1:]
sandbox = open_sandbox(kind, SandboxSpec(repository=Path(repository), image=image or None))
sandbox.snapshot()
print(sandbox.id, flush=True)
sandbox.run(f"exec -a {marker} sleep 1000", timeout=1000)
"""


@pytest.fixture
def kill_driver(request: pytest.FixtureRequest, repository: Path, tmp_path: Path) -> Iterator[Callable[[str], Killed]]:
    """Opens a sandbox of a kind in another program, and kills that in the middle of a command."""

    def open_and_kill(kind: str) -> Killed:
        image: str = request.getfixturevalue("docker_image") if kind == "docker" else ""
        marker = f"marked-{os.getpid()}-{tmp_path.name}"
        driver = subprocess.Popen(
            [sys.executable, "-c", DRIVER, kind, str(repository), image, marker],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        with driver:
            assert driver.stdout is not None
            name = driver.stdout.readline().strip()
            assert eventually(lambda: processes_named(marker) > 0)
            driver.send_signal(signal.SIGKILL)
        return Killed(name, marker)

    yield open_and_kill
    reap()


def commands() -> list[bytes]:
    """The command of every process of this machine, a zero byte after each argument."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            found.append(path.read_bytes())
    return found


def processes_named(marker: str) -> int:
    return sum(command.startswith(marker.encode()) for command in commands())


def watchdogs_of(owner: str) -> int:
    return sum(command.endswith(f"watchdog\0{owner}\0".encode()) for command in commands())


def traces(name: str) -> list[str]:
    """What there is of a sandbox outside itself."""
    found = [str(path) for path in state_root().glob(f"*{name}*")]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/patchwright/{name}")]
    found += [str(path) for path in Path("/sys/fs/cgroup").glob(f"patchwright/{name}")]
    for listing in (["ps", "--all", "--format", "{{.Names}}"], ["images", "--format", "{{.Repository}}:{{.Tag}}"]):
        try:
            done = subprocess.run(["docker", *listing], capture_output=True, text=True, check=False)
        except FileNotFoundError:
            continue
        found += [line for line in done.stdout.splitlines() if name in line]
    return found


def mine() -> list[str]:
    """What there is of this process's sandboxes; other tests may run beside it."""
    owner = str(this_process())
    found = [d.path.name for kind in KINDS for d in StateDirectory.all(kind) if d.facts().get("owner") == owner]
    if shutil.which("docker"):
        listing = ["docker", "ps", "--all", "--quiet", "--filter", f"label={LABEL_OWNER}={owner}"]
        found += subprocess.run(listing, capture_output=True, text=True, check=False).stdout.split()
    return found


@pytest.mark.parametrize("kind", [pytest.param("docker", marks=pytest.mark.docker), "namespace", "local"])
def test_what_a_killed_driver_left_is_reaped(kill_driver: Callable[[str], Killed], kind: str) -> None:
    name, marker = kill_driver(kind)
    reap()  # or a test beside this one, whose first sandbox does it too: then it is gone already
    assert eventually(lambda: traces(name) == [] and processes_named(marker) == 0)
    assert not any(name in phrase for phrase in reap())


@pytest.mark.parametrize("kind", [pytest.param("docker", marks=pytest.mark.docker), "namespace", "local"])
def test_what_a_killed_driver_left_is_gone_a_moment_later(
    kill_driver: Callable[[str], Killed], kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(STATE_VARIABLE, str(tmp_path / "state"))  # where no test beside this one looks
    name, marker = kill_driver(kind)
    assert eventually(lambda: traces(name) == [] and processes_named(marker) == 0, seconds=30)


def test_a_program_that_ends_by_itself_leaves_no_watchdog(repository: Path) -> None:
    script = """
import sys
from pathlib import Path
from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.sandbox.owner import this_process

open_sandbox("local", SandboxSpec(repository=Path(sys.argv[1]))).close()
print(this_process(), flush=True)
sys.stdin.read()
"""
    command = [sys.executable, "-c", script, str(repository)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as program:
        assert program.stdout is not None
        owner = program.stdout.readline().strip()
        assert watchdogs_of(owner) == 1
    assert program.returncode == 0
    assert watchdogs_of(owner) == 0


def test_what_lives_is_not_reaped(any_kind: Opener) -> None:
    sandbox = any_kind()
    snapshot = sandbox.snapshot()
    assert not any(sandbox.id in phrase for phrase in reap())
    sandbox.write("greeting.txt", b"changed")
    sandbox.restore(snapshot)
    assert sandbox.read("greeting.txt") == b"hello\n"


def test_what_is_past_its_deadline_is_reaped(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aci_tools.sandbox.owner._GRACE", 0)
    sandbox = open_sandbox("local", SandboxSpec(repository=repository, limits=Limits(lifetime=1)))
    identity = f"local sandbox {sandbox.id}"
    assert eventually(lambda: identity in reap())
    assert traces(sandbox.id) == []
    sandbox.close()


def test_a_namespace_dies_with_its_driver(kill_driver: Callable[[str], Killed]) -> None:
    _, marker = kill_driver("namespace")
    assert eventually(lambda: processes_named(marker) == 0)


def test_an_interrupt_ends_the_command_and_the_next_works(any_kind: Opener) -> None:
    sandbox = any_kind()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    previous = signal.signal(signal.SIGALRM, interrupt)
    try:
        for seconds in (0.3, 3.0, 30.0):  # until the command had begun on this machine
            signal.setitimer(signal.ITIMER_REAL, seconds)
            with pytest.raises(KeyboardInterrupt):
                sandbox.run("echo begun >note; setsid sleep 1000 & sleep 1000")
            if sandbox.run("[ -s note ]").ok:
                break
    finally:
        signal.signal(signal.SIGALRM, previous)
    assert sandbox.run("cat note").output == b"begun\n"
    assert eventually(lambda: processes_seen_from_outside(sandbox) == 0)


def test_close_leaves_nothing(any_kind: Opener) -> None:
    sandbox = any_kind()
    sandbox.run("mkdir -p locked/in; chmod 0 locked; sleep 1000 &")
    sandbox.snapshot()
    assert traces(sandbox.id)
    sandbox.close()
    assert traces(sandbox.id) == []


def test_an_open_that_fails_leaves_nothing(any_kind: Opener, repository: Path) -> None:
    before = set(mine())
    with pytest.raises(SandboxError):
        any_kind(startup="exit 1")
    assert set(mine()) <= before


def test_every_kind_is_a_sandbox(sandbox: Sandbox) -> None:
    assert isinstance(sandbox, Sandbox)
    assert sandbox.kind in KINDS
