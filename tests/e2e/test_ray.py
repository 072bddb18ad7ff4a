"""``agent batch --engine ray``: three nodes on this machine; whichever dies, the end is that of an undisturbed run."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.batches import Provider, batch, predictions, results, serving, tasks_of
from tests.e2e.clusters import Nodes, nodes
from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.test_batch import steps
from tests.e2e.test_endings import started
from tests.e2e.test_resume import recorded

pytest.importorskip("ray", reason="Ray is not installed: pip install 'patchwright[ray]'")
pytestmark = pytest.mark.timeout(600)
TASKS = 9
REPLIES = (
    LOOK,
    {**call("bash", command="mkdir -p deep && cd deep && echo one > notes.txt"), "delay": 0.5},
    {**call("bash", command="pwd; echo two >> notes.txt"), "delay": 0.5},
    FIX,
    {**call("bash", command="rm notes.txt; echo three > kept.txt"), "delay": 0.5},
    SUBMIT,
)


@pytest.fixture
def cluster(user: User) -> Iterator[Nodes]:
    with nodes(3, 2, user.env) as made:
        yield made


def on(cluster: Nodes, *more: str) -> tuple[str, ...]:
    """The options of a run on a cluster."""
    return ("--engine", "ray", "--address", cluster.address, "--per-attempt", "memory=16", *more)


def wait_for_events(output: Path, count: int, process: subprocess.Popen[str]) -> None:
    """Until so many events are recorded."""
    while recorded(output) < count:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def containers_of_run(output: Path) -> list[str]:
    """Containers of a run, stopped ones too."""
    run_id = json.loads((output / "run.json").read_text())["run_id"]
    row = ["docker", "ps", "-aq", "--filter", f"label=patchwright.run={run_id}"]
    return subprocess.run(row, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.docker
def test_a_node_and_then_the_driver_die_and_nothing_is_lost_or_repeated(
    user: User, tmp_path: Path, cluster: Nodes, docker_image: str
) -> None:
    tasks, whole, killed = tasks_of(user, TASKS), tmp_path / "whole", tmp_path / "killed"
    model = user.script(*REPLIES)
    undisturbed = user.agent(*batch(user, tasks, whole, model, "--workers", "3", sandbox="docker"))
    assert undisturbed.returncode == 0, undisturbed.stderr
    total = recorded(whole)
    arguments = batch(user, tasks, killed, model, *on(cluster), "--resume", sandbox="docker")
    with started(user, arguments, "") as driver:
        wait_for_events(killed, total // 4, driver)
        cluster.kill(1)
        wait_for_events(killed, total * 2 // 3, driver)
        driver.kill()
        driver.wait()
    content = {path: path.read_bytes() for path in killed.rglob("trajectory.jsonl")}
    finished = {path: text for path, text in content.items() if b'"attempt_ended"' in text}
    done = user.agent(*arguments)
    assert done.returncode == 0, done.stderr
    assert predictions(killed) == predictions(whole)
    assert steps(killed) == steps(whole)
    assert finished
    assert {path: path.read_bytes() for path in finished} == finished
    assert containers_of_run(killed) == []
