"""``agent solve --resume``: a run that was killed goes on, and nothing that was paid for is asked again."""

from __future__ import annotations

import json
import random
import signal
import subprocess
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


@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(
    user: User, tmp_path: Path, kind: str, seed: int
) -> None:
    undisturbed = user.solve(*REPLIES, sandbox=kind)
    assert undisturbed.returncode == 0, undisturbed.stderr
    output = tmp_path / "out"
    arguments = user.solving(user.script(*REPLIES), "--output", str(output), sandbox=kind)
    chance = random.Random(seed)
    kills = 0
    while kills < 4:
        # The more kills there were the later they come, so that there is something to resume.
        process = subprocess.Popen(
            user.command(*arguments), env=user.env, cwd=user.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        try:
            process.communicate(timeout=0.8 + chance.random() * 1.5)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            kills += 1
        begun = output.is_dir() and (output / "trajectory.jsonl").exists()
        if begun and read_events(output / "trajectory.jsonl"):
            arguments = ["solve", "--resume", "--output", str(output)]
    done = user.agent("solve", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert done.stdout == undisturbed.stdout == (output / "patch.diff").read_text()
    events = read_events(output / "trajectory.jsonl")
    assert [e.step for e in events if isinstance(e, ModelReplied)] == list(range(1, len(REPLIES) + 1))
    assert user.left_behind() == []


def test_an_interrupted_run_goes_on_with_another_model_and_other_limits(user: User, tmp_path: Path) -> None:
    output = tmp_path / "out"
    with started(user, user.solving(user.script(FIX, SLOW), "--output", str(output)), EDITED) as process:
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
    model = user.script(FIX, SUBMIT)
    more = ["--model", model, "--set", "limits.steps=2", "--json"]
    done = user.agent("solve", "--resume", "--output", str(output), *more)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["status"], outcome["steps"], outcome["patch"]) == ("submitted", 2, user.patch)
    assert "going on after step 1: 1 actions executed again" in done.stderr
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
