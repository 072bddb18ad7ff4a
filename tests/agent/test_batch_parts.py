"""The parts that workers of a run share: the gate before a provider, places made ahead, calls that can be given up."""

from __future__ import annotations

import hashlib
import heapq
import itertools
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from aci_tools.errors import UsageError
from agent.batch import record
from agent.batch.budget import RunBudget
from agent.batch.engine import side_by_side
from agent.batch.jobs import NOT_STARTED, Job, Result
from agent.batch.output import Output
from agent.batch.places import LookAhead, Place
from agent.batch.stop import Stop, StoppableModel
from agent.batch.worker import numbered
from agent.budget import AttemptOver
from agent.config_files import load_config
from agent.models import Query, Reply
from agent.models.pacer import Pacer
from agent.models.scripted import ScriptedModel
from agent.status import Status
from tasks.task import Task
from trajectories import EventLog
from trajectories.events import AttemptEnded, AttemptStarted, Resumed, Usage


def jobs(count: int) -> list[Job]:
    return [Job(Task(id=f"t{n}", repo="r", base_commit="c", problem_statement="p")) for n in range(count)]


def in_threads(count: int, do: Callable[[], object]) -> list[threading.Thread]:
    threads = [threading.Thread(target=do) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads


def test_when_one_is_told_to_wait_all_wait_and_then_go_one_by_one() -> None:
    read = threading.local()

    def clock() -> float:
        read.last = time.monotonic()
        return float(read.last)

    pacer = Pacer(spacing=0.05, clock=clock)
    pacer.turn()  # nothing is held
    pacer.hold(0.2)
    until = read.last + 0.2
    passed: list[float] = []

    def call() -> None:
        pacer.turn()
        passed.append(read.last)  # when it was let through; it may run on much later

    for thread in in_threads(4, call):
        thread.join()
    passed.sort()
    assert passed[0] >= until
    assert all(later >= earlier + 0.05 for earlier, later in itertools.pairwise(passed))


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_answers_open_the_gate_little_by_little_unless_another_must_wait_since() -> None:
    clock = Clock()
    pacer = Pacer(spacing=8.0, clock=clock)
    pacer.hold(3.0)
    pacer.answered()  # of a call that was made before
    assert pacer.wait() == 3.0
    clock.now = 3.0
    assert (pacer.wait(), pacer.wait()) == (0.0, 8.0)
    pacer.answered()
    clock.now = 11.0
    assert pacer.wait() == 0.0
    assert 0.0 < pacer.wait() < 8.0
    for _ in range(300):
        pacer.answered()
    clock.now = 12.0
    assert [pacer.wait() for _ in range(3)] == [0.0, 0.0, 0.0]


def test_calls_refused_together_slow_down_once_and_those_who_wait_come_one_after_the_other() -> None:
    clock = Clock()
    pacer = Pacer(spacing=1.0, clock=clock)
    for _ in range(20):
        pacer.hold(2.0)
    assert [pacer.wait() for _ in range(3)] == [2.0, 3.0, 4.0]
    clock.now = 2.0
    assert (pacer.wait(), pacer.wait()) == (0.0, 3.0)  # the places from 2 to 4 s are given away
    clock.now = 4.0
    pacer.hold(0.0)
    assert pacer.wait() == 0.0
    clock.now = 6.0
    assert pacer.wait() == 0.0  # at half the speed


def test_many_callers_find_the_speed_that_a_provider_allows() -> None:
    """Fifty callers, each of whom calls again when answered, for ten minutes; five calls a second are allowed."""
    clock = Clock()
    pacer = Pacer(clock=clock)
    left, answers, refused = 5.0, 0, 0
    due: list[tuple[float, str]] = [(0.0, "ask")] * 50
    while (event := heapq.heappop(due))[0] < 600:
        left = min(5.0, left + (event[0] - clock.now) * 5)
        clock.now = event[0]
        if event[1] == "answer":
            answers += 1
            pacer.answered()
        if wait := pacer.wait():
            heapq.heappush(due, (clock.now + max(wait, 1e-6), "ask"))
        elif left >= 1:
            left -= 1
            heapq.heappush(due, (clock.now + 4.0, "answer"))
        else:
            refused += 1
            pacer.hold(1.0)
            heapq.heappush(due, (clock.now + 1.0, "ask"))
    assert answers > 0.9 * 600 * 5
    assert refused < 0.1 * answers


@dataclass(eq=False)
class Computer:
    """A sandbox that only knows whether it is open."""

    name: str
    closed: threading.Event = field(default_factory=threading.Event)

    def close(self) -> None:
        self.closed.set()


def test_places_are_made_ahead_up_to_a_depth_and_none_is_left() -> None:
    made: list[Computer] = []
    changed = threading.Condition()

    def make(job: Job) -> Place:
        with changed:
            made.append(Computer(job.task.id))
            changed.notify()
        return Place(job.task, cast(Any, made[-1]), "c")

    todo = jobs(6)
    with LookAhead(todo, make, 2) as ahead:
        first = ahead.take(todo[0])
        with changed:
            assert changed.wait_for(lambda: len(made) == 3, 10)
        second = ahead.take(todo[1])
        with changed:
            assert changed.wait_for(lambda: len(made) == 4, 10)
        assert sorted(computer.name for computer in made) == ["t0", "t1", "t2", "t3"]
    used = {first.sandbox, second.sandbox}
    assert [computer.closed.is_set() for computer in made] == [computer not in used for computer in made]


def test_what_cannot_be_made_ahead_fails_where_it_is_taken() -> None:
    def make(job: Job) -> Place:
        raise OSError(job.task.id)

    todo = jobs(2)
    with LookAhead(todo, make, 1) as ahead:
        for job in todo:
            with pytest.raises(OSError, match=job.task.id):
                ahead.take(job)


class Silent(ScriptedModel):
    """A model that does not answer until it is let."""

    def __init__(self) -> None:
        super().__init__([])
        self.asked, self.may_answer = threading.Event(), threading.Event()

    def query(self, query: Query) -> Reply:
        self.asked.set()
        self.may_answer.wait()
        return Reply("late")


def test_a_call_is_given_up_when_the_run_is_stopped() -> None:
    stop, model = Stop(), Silent()
    asked = StoppableModel(model, stop)
    outcome: list[object] = []

    def ask() -> None:
        try:
            outcome.append(asked.query(Query([])))
        except KeyboardInterrupt:
            outcome.append("given up")

    (thread,) = in_threads(1, ask)
    model.asked.wait()
    stop.set()
    thread.join()
    assert outcome == ["given up"]
    model.may_answer.set()
    with pytest.raises(KeyboardInterrupt):
        asked.query(Query([]))


def test_what_must_not_be_disturbed_and_the_end_of_the_process_come_one_after_the_other() -> None:
    stop, order = Stop(), list[str]()
    within, go_on = threading.Event(), threading.Event()

    def wrap_up() -> None:
        with stop.undisturbed():
            within.set()
            go_on.wait()
            order.append("wrapped up")

    (wrapping,) = in_threads(1, wrap_up)
    within.wait()
    (ending,) = in_threads(1, lambda: stop.abandon(lambda: order.append("ended")))
    go_on.set()
    for thread in (wrapping, ending):
        thread.join()
    assert order == ["wrapped up", "ended"]


def test_a_run_that_is_stopped_or_out_of_money_ends_attempts() -> None:
    stop = Stop()
    budget = RunBudget(1.0, stop)
    budget.check()
    for thread in in_threads(8, lambda: [budget.spend(Usage(cost=0.01)) for _ in range(25)]):
        thread.join()
    assert budget.usage.cost == pytest.approx(2.0)
    with pytest.raises(AttemptOver) as over:
        budget.check()
    assert over.value.status is Status.RUN_LIMIT
    stop.set()
    with pytest.raises(AttemptOver) as over:
        budget.check()
    assert over.value.status is Status.INTERRUPTED


def test_a_programming_error_in_a_worker_is_not_lost() -> None:
    def work(job: Job) -> Result:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(side_by_side(2, jobs(3), work, lambda job: False))


def test_no_job_begins_once_it_is_halted() -> None:
    done: list[str] = []

    def work(job: Job) -> Result:
        done.append(job.task.id)
        return Result(job, "submitted")

    results = list(side_by_side(1, jobs(5), work, lambda job: len(done) >= 2 and job.task.id != "t3"))
    assert [result.job.task.id for result in results] == done == ["t0", "t1", "t3"]


def test_attempts_of_a_task_have_seeds_of_their_own() -> None:
    seeded = load_config([], ["model.seed=7"])
    assert [numbered(seeded, number).model.seed for number in (1, 2, 3)] == [7, 8, 9]
    assert numbered(load_config(), 2).model.seed is None


def test_a_result_that_is_kept_is_the_same_with_a_patch_of_its_own() -> None:
    result = Result(jobs(1)[0], "submitted", patch='+caf\udce9 "x"\n+é\n')
    kept = result.to_keep()
    assert kept == result
    assert kept.patch is not result.patch


def test_a_task_that_holds_bytes_of_another_encoding_is_known_again() -> None:
    (plain, other), config = [job.task for job in jobs(2)], load_config()
    tasks = [plain, other.model_copy(update={"patch": "+caf\udce9\n"})]
    asked = record.facts("run", "tasks.jsonl", {}, tasks, 1, config)
    record.refuse_difference(asked, record.facts("run", "tasks.jsonl", {}, tasks, 1, config))
    with pytest.raises(UsageError, match="t1 is not what it was"):
        record.refuse_difference(asked, record.facts("run", "tasks.jsonl", {}, [plain, other], 1, config))
    known = hashlib.sha256(plain.model_dump_json().encode()).hexdigest()
    assert known.startswith(asked["task_digests"]["t0"]), "as runs of earlier versions have it"


TOKEN = "ghp_" + "A1b2C3d4E5" * 4


@pytest.mark.parametrize(
    ("kept", "ended", "patch"),
    [
        ("+old\n", "+new\n", "+new\n"),
        ("+old\n", f"+new {TOKEN}\n", "+new [secret removed]\n"),
        (f"+new {TOKEN}\n+{TOKEN}\n.\n", f"+new {TOKEN}\n+{TOKEN}\n.\n", f"+new {TOKEN}\n+{TOKEN}\n.\n"),
        (None, "+caf\udce9\n", "+caf\udce9\n"),
    ],
)
def test_a_resumed_run_takes_the_patch_of_the_last_end(
    tmp_path: Path, kept: str | None, ended: str, patch: str
) -> None:
    output, (job,) = Output(tmp_path), jobs(1)
    with EventLog(output.trajectory(job)) as log:
        log.append(AttemptStarted(attempt_id="a", model="m", task={"id": "t0"}))
        log.append(AttemptEnded(status="model_error", patch=kept or ""))
        log.append(Resumed())
        log.append(AttemptEnded(status="submitted", patch=ended))
    if kept is not None:
        output.write_patch(job, kept)
    result = output.finished(job)
    assert result is not None
    assert result.patch == patch


@pytest.mark.parametrize("count", [0, 1, 3])
def test_predictions_are_written_as_json_with_an_indent_of_two(tmp_path: Path, count: int) -> None:
    results = [Result(job, "submitted", patch='+caf\udce9 "x"\n+é\n') for job in jobs(count)]
    Output(tmp_path).write_predictions([*results, Result(jobs(9)[8], NOT_STARTED)], 1, "a/model")
    wanted = {
        name: {"instance_id": name, "model_name_or_path": "a/model", "model_patch": result.patch}
        for name, result in ((result.job.task.id, result) for result in results)
    }
    assert (tmp_path / "preds.json").read_text("utf-8") == json.dumps(wanted, indent=2) + "\n"
    assert [path.name for path in tmp_path.iterdir()] == ["preds.json"]
