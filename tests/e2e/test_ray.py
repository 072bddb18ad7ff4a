"""``agent batch --engine ray``: three nodes on this machine; whichever dies, the end is that of an undisturbed run."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.batches import Provider, batch, predictions, results, serving, tasks_of
from tests.e2e.clusters import Nodes, nodes
from tests.e2e.conftest import FIX, LOOK, ROOT, SUBMIT, User, call, one_line
from tests.e2e.test_batch import steps
from tests.e2e.test_endings import SLOW, started
from tests.e2e.test_resume import recorded
from tests.telemetry.receiver import receiving, run_of_three_steps_a_task

pytest.importorskip("ray", reason="Ray is not installed: pip install 'patchwright[ray]'")
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
TASKS = 9
REPLIES = (
    LOOK,
    {**call("bash", command="mkdir -p deep && cd deep && echo one > notes.txt"), "delay": 0.5},
    {**call("bash", command="pwd; echo two >> notes.txt"), "delay": 0.5},
    FIX,
    {**call("bash", command="rm notes.txt; echo three > kept.txt"), "delay": 0.5},
    SUBMIT,
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of who began the nodes; what attempts keep on disk is below it."""
    return tmp_path_factory.mktemp("nodes")


@pytest.fixture(scope="module")
def cluster(home: Path) -> Iterator[Nodes]:
    kept = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST") if name in os.environ}
    env = {**kept, "HOME": str(home), "PYTHONPATH": str(ROOT), "LC_ALL": "C.UTF-8", "OPENAI_API_KEY": "none"}
    with nodes(3, 2, env) as made:
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


def left_on_nodes(home: Path) -> list[Path]:
    """Sandboxes and workspaces on the disks of nodes."""
    return sorted(home.glob(".local/state/patchwright/sandboxes/*"))


def test_the_driver_tells_what_the_nodes_do(user: User, tmp_path: Path, cluster: Nodes) -> None:
    """The nodes' processes know nothing of a receiver: it is named in the driver's variables alone."""
    tasks, output = tasks_of(user, 4), tmp_path / "out"
    with receiving() as receiver:
        arguments = batch(user, tasks, output, user.script(LOOK, FIX, SUBMIT), *on(cluster))
        done = user.agent(*arguments, env={**user.env, **receiver.env})
    assert done.returncode == 0, done.stderr
    run_of_three_steps_a_task(receiver, 4)
    assert sum(point.as_int for point in receiver.points("patchwright.steps")) == 12


def test_all_processes_wait_when_one_is_told_to_and_the_cost_limit_is_that_of_all(
    user: User, tmp_path: Path, cluster: Nodes, home: Path
) -> None:
    tasks, output = tasks_of(user, 6), tmp_path / "out"
    price = ["--set", "model.price={input: 10000, output: 0}"]  # a dollar a call
    with serving(Provider((LOOK, FIX, SUBMIT), faults=(429,))) as provider:
        arguments = batch(user, tasks, output, "mine", *on(cluster), "--set", f"model.api_base={provider.address}")
        limited = user.agent(*arguments, *price, "--cost-limit", "9")
        assert limited.returncode == 1, limited.stderr
        made = sum(len(calls) for calls in steps(output).values())
        assert 9 <= made < 9 + 6, "beyond the limit are only calls that were under way"
        assert "run_limit" in results(output)["attempts_ended"]
        done = user.agent(*arguments, *price, "--resume")
    assert done.returncode == 0, done.stderr
    assert predictions(output) == {f"mine__calc-{number}": user.patch for number in range(1, 7)}
    assert provider.answered == sum(len(calls) for calls in steps(output).values()) == 18
    assert "rate limit; trying again" in limited.stderr + done.stderr
    assert "6/6 done" in done.stderr
    assert left_on_nodes(home) == []


def test_a_run_that_is_interrupted_stops_on_every_node_and_goes_on_anywhere(
    user: User, tmp_path: Path, cluster: Nodes, home: Path
) -> None:
    tasks, output = tasks_of(user, 3), tmp_path / "out"
    with started(user, batch(user, tasks, output, user.script(FIX, SLOW), *on(cluster)), "") as process:
        wait_for_events(output, 3 * 7, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(90) == 130
    assert left_on_nodes(home) == []
    assert {row["status"] for row in results(output)["attempts"]} == {"interrupted"}
    user.script(FIX, SUBMIT)
    done = user.agent("batch", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert predictions(output) == {f"mine__calc-{number}": user.patch for number in (1, 2, 3)}
    assert set(map(tuple, steps(output).values())) == {(1, 2)}


def test_nodes_that_share_nothing_keep_a_run_at_a_url(user: User, tmp_path: Path, cluster: Nodes, home: Path) -> None:
    tasks, place = tasks_of(user, 3), tmp_path / "far" / "run"
    arguments = batch(user, tasks, Path("out"), user.script(FIX), *on(cluster), "--output", f"file://{place}")
    cut_off = user.agent(*arguments, "--retries", "0")
    assert cut_off.returncode == 3, cut_off.stderr
    assert set(map(tuple, steps(place).values())) == {(1,)}
    user.script(FIX, SUBMIT)
    done = user.agent(*arguments, "--resume")
    assert done.returncode == 0, done.stderr
    assert predictions(place) == {f"mine__calc-{number}": user.patch for number in (1, 2, 3)}
    assert set(map(tuple, steps(place).values())) == {(1, 2)}
    assert results(place)["attempts_ended"] == {"submitted": 3}
    assert left_on_nodes(home) == []


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


def test_what_cannot_work_is_one_line(user: User, tmp_path: Path, cluster: Nodes) -> None:
    arguments = batch(user, tasks_of(user, 1), tmp_path / "out", user.script(SUBMIT), "--engine", "ray")
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody = f"127.0.0.1:{closed.getsockname()[1]}"
    done = user.agent(*arguments, "--resume", "--address", nobody)
    assert done.returncode == 3
    assert f"--address {nobody}: no cluster answers there" in one_line(done)
    for address in ("cluster", "ray://127.0.0.1:10001"):
        done = user.agent(*arguments, "--resume", "--address", address)
        assert done.returncode == 2
        assert f"--address {address}: give HOST:PORT" in one_line(done)
    done = user.agent(*arguments, "--resume", "--address", cluster.address, "--per-attempt", "sandbox=100")
    assert done.returncode == 2
    assert "no node of the cluster has room for an attempt (cpu=1, memory=1024, sandbox=100)" in one_line(done)
    without = "import sys; sys.modules['ray'] = None; from agent.cli import main; main()"
    missing = subprocess.run(
        [user.command()[0], "-c", without, *arguments, "--resume"],
        env=user.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert missing.returncode == 2
    assert "--engine ray needs Ray: pip install 'patchwright[ray]'" in one_line(missing)
