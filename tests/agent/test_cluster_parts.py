"""The parts of the Ray engine that need no cluster: what fits where, which job is for whom, where a run is kept."""

from __future__ import annotations

import asyncio
import pickle
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from agent.batch.assignment import Assignment
from agent.batch.cluster.hub import Hub, News
from agent.batch.cluster.kept import Kept
from agent.batch.cluster.node import Brief
from agent.batch.cluster.placement import Share, Waiting, sizes
from agent.batch.engine import engine_of
from agent.batch.jobs import Job
from agent.batch.output import Output
from agent.config_files import load_config
from tasks.task import Task
from trajectories.events import Usage

GIB = 2.0**30


def job(name: str, repo: str = "r", image: str | None = None) -> Job:
    return Job(Task(id=name, repo=repo, base_commit="c", problem_statement="p", image=image))


def test_what_an_attempt_asks_is_said_in_a_line() -> None:
    assert Share.parse("") == Share(1.0, 1024.0, 1.0)
    assert Share.parse("cpu=0.5,memory=2048").times(4) == {"CPU": 2.0, "memory": 8 * GIB, "sandbox": 4.0}
    for wrong in ("cpu", "cpu=much", "gpu=1", "cpu=-1", "memory=inf", "sandbox=0"):
        with pytest.raises(UsageError, match="--per-attempt"):
            Share.parse(wrong)


def test_processes_fit_on_the_nodes_that_are_there() -> None:
    node = {"CPU": 8.0, "memory": 64 * GIB, "sandbox": 4.0}
    assert sizes([node, node, {"CPU": 8.0, "memory": 64 * GIB}], Share(), None) == [4, 4]
    assert sizes([node, node], Share(cpu=4), None) == [2, 2]
    assert sizes([node, node], Share(), 3) == [2, 1]
    assert sizes([node], Share(), 10) == [4, 4, 2], "those without room wait for further nodes"
    assert sizes([{**node, "CPU": 64.0, "sandbox": 32.0}], Share(), None) == [8, 8, 8, 8]
    assert sizes([node], Share(cpu=0.1, memory=0), None) == [4]
    with pytest.raises(UsageError, match="no node of the cluster has room"):
        sizes([{"CPU": 8.0}], Share(), None)


def test_a_node_gets_jobs_whose_images_it_has_and_is_never_idle() -> None:
    waiting = Waiting()
    waiting.add([job("a1", "a"), job("a2", "a"), job("b1", "b"), job("a3", "a")])
    assert waiting.take("one", ["two"]).task.id == "a1"
    assert waiting.take("two", ["one"]).task.id == "b1", "the images of a are on the way to the other node"
    assert waiting.take("one", ["two"]).task.id == "a2"
    assert waiting.take("two", ["one"]).task.id == "a3", "rather twice than idle"
    assert not len(waiting)


def test_a_node_gets_jobs_whose_images_it_had_before_the_run() -> None:
    waiting = Waiting()
    waiting.add([job(f"t{number}", f"r{number}") for number in range(4)])
    waiting.found("one", {"t2": 0.5, "t3": 1.0})
    waiting.found("two", {"t0": 0.5})
    assert [waiting.take("one", ["two"]).task.id for _ in range(3)] == ["t3", "t2", "t1"]
    assert [task.id for task in waiting.earmark("two", ["one"], 5)] == ["t0"]
    assert waiting.take("one", ["two"]).task.id == "t0"


def test_a_job_that_failed_on_a_node_is_rather_tried_on_another() -> None:
    waiting = Waiting()
    waiting.add([job("a"), job("b", "other")])
    first = waiting.take("one", ["two"])
    waiting.failed(first, "one")
    waiting.put_back([first])
    assert waiting.take("one", ["two"]).task.id == "b"
    assert waiting.take("one", ["two"]).task.id == "a"


def test_of_the_jobs_that_wait_some_are_let_go() -> None:
    waiting = Waiting()
    waiting.add([job("a"), job("b"), job("c")])
    waiting.keep({job("b").key})
    assert [task.id for task in waiting.next_tasks()] == ["b"]


def test_a_hub_counts_what_is_spent_paces_calls_and_keeps_news_in_order() -> None:
    async def use() -> None:
        hub = Hub()
        await asyncio.gather(*(hub.spend(Usage(cost=0.25)) for _ in range(8)))
        assert await hub.wait("m") == 0.0
        await hub.hold("m", 60.0)
        assert 50 < await hub.wait("m") <= 60
        assert await hub.wait("another") == 0.0
        await hub.tell([News("say", said=("one", "")), News("begin", ("t", 1))])
        news, usage = await hub.heard()
        assert ([item.what for item in news], usage.cost) == (["say", "begin"], 2.0)
        assert (await hub.heard())[0] == []
        waiting = asyncio.ensure_future(hub.until_stopped())
        await hub.stop()
        await asyncio.wait_for(waiting, 10)

    asyncio.run(use())


def test_what_a_node_is_told_can_be_sent_and_leads_it_to_the_output(tmp_path: Path) -> None:
    output = Output(tmp_path / "out")
    assignment = Assignment("run", load_config([], ["model.seed=7"]), True, 1.5)
    brief = Brief(assignment, Kept.of(output), 2, "/")
    received = pickle.loads(pickle.dumps(brief))
    assert received == brief
    assert received.kept.open(tmp_path / "scratch", "node").path == tmp_path / "out"
    Kept.of(output)  # another driver has the directory now
    with pytest.raises(UsageError, match="node does not see the driver's files there; give a directory that all"):
        received.kept.open(tmp_path / "scratch", "node")


def test_two_processes_never_work_on_the_same_attempt(tmp_path: Path) -> None:
    output, asked = Output(tmp_path), 0

    def check() -> None:
        nonlocal asked
        asked += 1
        raise KeyboardInterrupt

    with output.alone(job("a"), check):
        with pytest.raises(KeyboardInterrupt), output.alone(job("a"), check):
            raise AssertionError("both have it")
        with output.alone(job("b"), check):
            pass
    with output.alone(job("a"), check):
        pass
    assert asked == 1
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_options_of_a_cluster_need_its_engine() -> None:
    for given in ({"address": "host:1"}, {"share": "cpu=1"}):
        with pytest.raises(UsageError, match="is for --engine ray"):
            engine_of("local", 2, **given)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="there are local and ray"):
        engine_of("slurm", 2)
