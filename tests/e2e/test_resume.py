"""``agent solve --resume``: a run that was killed goes on, and nothing that was paid for is asked again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.test_endings import EDITED, SLOW, started
from trajectories.events import ModelReplied, Resumed
from trajectories.log import read_events

REPLIES = (
    LOOK,
    call("bash", command="echo one > notes.txt; mkdir -p deep && cd deep"),
    call("bash", command="pwd; sleep 0.2; echo two >> ../notes.txt"),
    FIX,
    {"content": "Hm."},
    call("open", path="calc.py"),
    call("bash", command="rm ../notes.txt; sleep 0.2; echo three > inside.txt"),
    SUBMIT,
)


def kill_after(user: User, arguments: list[str], output: Path, events: int) -> int:
    """Run ``agent`` and kill it once it has recorded so many further events, if it has not ended; its process id."""
    before = recorded(output)
    process = subprocess.Popen(
        user.command(*arguments), env=user.env, cwd=user.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while recorded(output) < before + events and process.poll() is None:
        time.sleep(0.002)
    process.kill()
    process.communicate()
    return process.pid


def recorded(output: Path) -> int:
    """Events in all trajectories of an output."""
    return sum(path.read_bytes().count(b"\n") for path in output.rglob("trajectory.jsonl"))


@pytest.mark.kills
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(
    user: User, tmp_path: Path, kind: str, seed: int
) -> None:
    undisturbed = user.solve(*REPLIES, sandbox=kind)
    assert undisturbed.returncode == 0, undisturbed.stderr
    output = tmp_path / "out"
    arguments = user.solving(user.script(*REPLIES), "--output", str(output), sandbox=kind)
    resume = ["solve", "--resume", "--output", str(output)]
    chance = random.Random(seed)
    for _ in range(3):
        kill_after(user, arguments, output, chance.randint(1, 9))
        arguments = resume
    done = user.agent(*resume)
    assert done.returncode == 0, done.stderr
    assert done.stdout == undisturbed.stdout == (output / "patch.diff").read_text()
    events = read_events(output / "trajectory.jsonl")
    assert [e.step for e in events if isinstance(e, ModelReplied)] == list(range(1, len(REPLIES) + 1))
    assert user.left_behind() == []


def test_an_interrupted_run_goes_on_with_another_model_and_other_limits(user: User, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with started(user, user.solving(user.script(FIX, SLOW), "--output", str(output)), EDITED) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 130
    model = user.script(FIX, SUBMIT)
    more = ["--model", model, "--set", "limits.steps=2", "--json"]
    done = user.agent("solve", "--resume", "--output", str(output), *more)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["status"], outcome["steps"], outcome["patch"]) == ("submitted", 2, user.patch)
    assert "going on after step 1: 1 action executed again" in done.stderr
    (resumed,) = [e for e in read_events(output / "trajectory.jsonl") if isinstance(e, Resumed)]
    assert resumed.limits["steps"] == 2


def test_a_finished_run_is_not_run_again(user: User, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert user.solve(FIX, SUBMIT, more=("--output", str(output))).returncode == 0
    before = (output / "trajectory.jsonl").read_bytes()
    done = user.agent("solve", "--resume", "--output", str(output))
    assert (done.returncode, done.stdout) == (0, user.patch)
    assert "finished" in done.stderr
    assert (output / "trajectory.jsonl").read_bytes() == before


def test_uncommitted_changes_are_part_of_what_is_resumed(user: User, tmp_path: Path) -> None:
    (user.repository / "new.py").write_text("x = 1\n")
    output = tmp_path / "out"
    arguments = user.solving(user.script(FIX, SLOW), "--output", str(output), "--include-uncommitted")
    with started(user, arguments, EDITED) as process:
        process.kill()
        process.wait()
    resume = ["solve", "--resume", "--output", str(output), "--model", user.script(FIX, SUBMIT)]
    (user.repository / "new.py").write_text("x = 2\n")
    assert "not those that the attempt began with" in one_line(user.agent(*resume))
    (user.repository / "new.py").write_text("x = 1\n")
    done = user.agent(*resume)
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "name the directory of the attempt with --output"),
        (["--output", "nowhere"], "no attempt has begun in nowhere"),
        (["--output", "out", "--issue", "other"], "--issue: an attempt that is resumed keeps what it began with"),
        (["--output", "out", "--sandbox", "namespace"], "sandbox.kind cannot change in the middle of an attempt"),
        (["--output", "out", "--set", "aci.window=3"], "aci.window cannot change in the middle of an attempt"),
    ],
)
def test_what_cannot_be_resumed_is_one_line(user: User, more: list[str], says: str) -> None:
    if "out" in more:
        failed = user.solve(FIX, more=("--output", "out"))  # the script is too short
        assert failed.returncode == 3
    done = user.agent("solve", "--resume", *more)
    assert says in one_line(done)
    assert done.returncode == 2
