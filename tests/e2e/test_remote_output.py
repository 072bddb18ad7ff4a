"""``agent batch --output URL``: the URL is the state of the run, whatever becomes of the machine."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.batch.mirror import Mirror
from tests.e2e.batches import batch, predictions, results, tasks_of
from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.object_store import BUCKET
from trajectories.events import ModelReplied
from trajectories.log import read_events

pytest.importorskip("fsspec")
SLOW = [call("bash", command=f"sleep 1.2; : {number}") for number in range(20)]


@dataclass
class Place:
    """A URL for a run.

    Attributes:
        url: The URL.
        copies: Directory for copies of what is there.
    """

    url: str
    copies: Path

    def copy(self) -> Path:
        """What is there now."""
        copy = self.copies / uuid.uuid4().hex
        Mirror(self.url, copy).pull()
        return copy


@pytest.fixture(params=["file", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path, user: User, monkeypatch: pytest.MonkeyPatch) -> Place:
    if request.param == "file":
        return Place(f"file://{tmp_path}/store/run", tmp_path / "copies")
    env = request.getfixturevalue("s3")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    user.env.update(env)
    return Place(f"s3://{BUCKET}/{uuid.uuid4().hex}/run", tmp_path / "copies")


def lose_the_machine(user: User) -> None:
    """Leave nothing of what runs kept on this machine."""
    shutil.rmtree(Path(user.env["XDG_CACHE_HOME"]), ignore_errors=True)


def steps(output: Path) -> list[list[int]]:
    paths = sorted(output.glob("attempts/*/*/trajectory.jsonl"))
    return [[event.step for event in read_events(path) if isinstance(event, ModelReplied)] for path in paths]


def kill_when(user: User, arguments: list[str], ready: Callable[[], bool]) -> None:
    """Run ``agent`` and kill it when something is so."""
    process = subprocess.Popen(
        user.command(*arguments), env=user.env, cwd=user.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    while not ready():
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.kill()
    process.communicate()


def test_a_run_is_kept_at_a_url_and_begins_there_once(user: User, place: Place) -> None:
    arguments = batch(user, tasks_of(user, 2), Path("unused"), user.script(LOOK, FIX, SUBMIT))
    arguments[arguments.index("unused")] = place.url
    done = user.agent(*arguments)
    assert done.returncode == 0, done.stderr
    kept = place.copy()
    assert predictions(kept) == {f"mine__calc-{number}": user.patch for number in (1, 2)}
    assert results(kept)["attempts_ended"] == {"submitted": 2}
    assert json.loads((kept / "run.json").read_text())["attempts"] == 1
    assert (kept / "attempts" / "mine__calc-2" / "1" / "patch.diff").read_text() == user.patch
    assert steps(kept) == [[1, 2, 3]] * 2
    again = user.agent(*arguments)
    assert again.returncode == 2
    assert "not empty" in one_line(again)


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_a_run_goes_on_where_nothing_but_the_url_is_left(user: User, place: Place) -> None:
    hold = user.home / "hold"
    hold.touch()
    waiting = call("bash", command=f"while [ -e {hold} ]; do sleep 0.1; done")
    replies = (LOOK, call("bash", command="echo more"), waiting, FIX, SUBMIT)
    arguments = batch(user, tasks_of(user, 2), Path("unused"), user.script(*replies), "--workers", "2", "--resume")
    arguments[arguments.index("unused")] = place.url
    kill_when(user, arguments, lambda: any(len(made) > 1 for made in steps(place.copy())))
    before = steps(place.copy())
    hold.unlink()
    lose_the_machine(user)
    done = user.agent(*arguments)
    assert done.returncode == 0, done.stderr
    kept = place.copy()
    assert predictions(kept) == {f"mine__calc-{number}": user.patch for number in (1, 2)}
    assert steps(kept) == [list(range(1, len(replies) + 1))] * 2
    assert any(0 < len(made) < len(replies) for made in before), "it was killed in the middle"
    lose_the_machine(user)
    repeated = user.agent("batch", "--resume", "--output", place.url)
    assert repeated.returncode == 0, repeated.stderr
    assert steps(place.copy()) == steps(kept)


@pytest.mark.parametrize("place", ["s3"], indirect=True)
def test_of_two_drivers_the_second_is_refused(user: User, place: Place) -> None:
    arguments = batch(user, tasks_of(user, 1), Path("unused"), user.script(*SLOW, SUBMIT), "--resume")
    arguments[arguments.index("unused")] = place.url

    def second_is_refused() -> bool:
        if not (place.copy() / "run.json").exists():
            return False
        elsewhere = {**user.env, "XDG_CACHE_HOME": str(user.home / "another")}
        refused = user.agent(*arguments, env=elsewhere)
        assert refused.returncode == 2
        assert "another process works in it" in one_line(refused)
        return True

    kill_when(user, arguments, second_is_refused)
