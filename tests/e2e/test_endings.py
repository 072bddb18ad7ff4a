"""However a run is ended, nothing of it is left behind and what it did can be read."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call
from trajectories.events import AttemptEnded, Event
from trajectories.log import read_events


@contextlib.contextmanager
def started(user: User, arguments: list[str], until: str) -> Iterator[subprocess.Popen[str]]:
    """``agent`` with these arguments, in a process group of its own, once it has said something on standard error."""
    process = subprocess.Popen(
        user.command(*arguments),
        env=user.env,
        cwd=user.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout, process.stderr:
        try:
            seen = []
            for line in process.stderr:
                seen.append(line)
                if until in line:
                    break
            else:
                pytest.fail("".join(seen))
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def marked_processes(marks: list[str]) -> list[int]:
    """Processes with one of the marks in their environment or their command line."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                known = (entry / "environ").read_bytes() + (entry / "cmdline").read_bytes()
                if any(mark.encode() in known for mark in marks):
                    found.append(int(entry.name))
    return found


def containers_of(pid: int) -> list[str]:
    """Containers that a driver opened, stopped ones too."""
    row = ["docker", "ps", "-a", "--format", "{{.ID}} {{.Labels}}"]
    listed = subprocess.run(row, capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[0] for line in listed if f":{pid}:" in line]


def kill_alone(process: subprocess.Popen[str]) -> None:
    """Kill a driver and, before it, the watchdog that would remove what it leaves."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if b"sandbox.watchdog" in (command := path.read_bytes()) and f":{process.pid}:".encode() in command:
                os.kill(int(path.parent.name), signal.SIGKILL)
    process.kill()
    process.wait()


def wait_for(process: subprocess.Popen[str], trajectory: Path, text: str) -> None:
    """Until the trajectory of a live run has a text in it."""
    while not (trajectory.exists() and text in trajectory.read_text()):
        assert process.poll() is None


#: After the fix it waits, as a model that thinks for long does.
SLOW = {**SUBMIT, "delay": 600}
EDITED = "Edited calc.py"


def test_nothing_is_left_of_a_killed_run_after_cleanup(user: User, tmp_path: Path, kind: str) -> None:
    busy = call("bash", command="sleep 600 & echo started")
    output = tmp_path / "out"
    arguments = user.solving(user.script(busy, FIX, SLOW), "--output", str(output), sandbox=kind)
    with started(user, arguments, EDITED) as process:
        wait_for(process, output / "trajectory.jsonl", "patch_changed")
        ids = user.left_behind()
        assert ids
        assert kind != "docker" or containers_of(process.pid)
        kill_alone(process)
    cleaned = user.agent("cleanup")
    assert cleaned.returncode == 0, cleaned.stderr
    assert all(name in cleaned.stdout for name in ids)
    assert user.left_behind() == []
    assert marked_processes(ids) == []
    assert kind != "docker" or containers_of(process.pid) == []
    events = read_events(output / "trajectory.jsonl")
    assert [event.seq for event in events] == list(range(len(events)))
    assert events[-1].type == "patch_changed"


def test_nothing_is_left_of_a_killed_run_a_moment_later(user: User, kind: str) -> None:
    busy = call("bash", command="sleep 600 & echo started")
    with started(user, user.solving(user.script(busy, FIX, SLOW), sandbox=kind), EDITED) as process:
        ids = user.left_behind()
        process.kill()
        process.wait()
    give_up = time.monotonic() + 90
    while user.left_behind() or marked_processes(ids) or (kind == "docker" and containers_of(process.pid)):
        assert time.monotonic() < give_up
        time.sleep(0.1)


def test_the_next_run_cleans_up_after_a_killed_one(user: User) -> None:
    with started(user, user.solving(user.script(FIX, SLOW)), EDITED) as process:
        kill_alone(process)
    assert user.left_behind()
    assert user.solve(FIX, SUBMIT).returncode == 0
    assert user.left_behind() == []


def test_cleanup_leaves_a_running_one_alone(user: User) -> None:
    with started(user, user.solving(user.script(FIX, SLOW)), EDITED) as process:
        before = user.left_behind()
        cleaned = user.agent("cleanup")
        assert not any(name in cleaned.stdout for name in before)
        assert user.left_behind() == before
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 130


def to_group(process: subprocess.Popen[str]) -> None:
    """Ctrl-C at a terminal reaches the whole group."""
    os.killpg(process.pid, signal.SIGINT)


def to_driver(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("stop", [to_group, to_driver])
def test_an_interrupt_keeps_the_patch_so_far(
    user: User, tmp_path: Path, kind: str, stop: Callable[[subprocess.Popen[str]], None]
) -> None:
    output = tmp_path / "out"
    arguments = user.solving(user.script(LOOK, FIX, SLOW), "--output", str(output), sandbox=kind)
    with started(user, arguments, EDITED) as process:
        stop(process)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert out == user.patch
    assert (output / "patch.diff").read_text() == user.patch
    ended: Event = read_events(output / "trajectory.jsonl")[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.patch) == ("interrupted", user.patch)
    assert "Traceback" not in err
    assert user.left_behind() == []


def test_an_interrupt_in_the_middle_of_a_command_keeps_the_patch(user: User, kind: str) -> None:
    arguments = user.solving(user.script(FIX, call("bash", command="sleep 600")), "--json", sandbox=kind)
    with started(user, arguments, EDITED) as process:
        (run,) = (user.state / "runs").iterdir()
        wait_for(process, run / "trajectory.jsonl", '"sleep 600"')
        to_group(process)
        out, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert json.loads(out)["patch"] == user.patch
    assert user.left_behind() == []


def test_an_interrupt_before_the_attempt_is_130_too(user: User) -> None:
    script = user.home / "script.jsonl"
    os.mkfifo(script)
    waiting = subprocess.Popen(
        user.command(*user.solving(f"scripted:{script}")),
        env=user.env,
        cwd=user.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with waiting, script.open("w"):  # opened once the other side is: it waits for a line that does not come
        assert user.left_behind()
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=90)
    assert waiting.returncode == 130
    assert out == ""
    assert err.splitlines()[-1] == "agent: interrupted"
    assert user.left_behind() == []


@pytest.mark.docker
def test_a_container_that_someone_removes_ends_the_run_with_the_patch_so_far(user: User, docker_image: str) -> None:
    arguments = user.solving(user.script(FIX, call("bash", command="sleep 600"), SUBMIT), sandbox="docker")
    with started(user, arguments, EDITED) as process:
        (run,) = (user.state / "runs").iterdir()
        wait_for(process, run / "trajectory.jsonl", '"sleep 600"')
        subprocess.run(["docker", "rm", "-f", *containers_of(process.pid)], capture_output=True, check=True)
        out, err = process.communicate(timeout=90)
    assert "Traceback" not in err
    assert "sandbox_lost" in err
    assert (process.returncode, out) == (3, user.patch), err
    assert containers_of(process.pid) == []
    assert user.left_behind() == []
