"""The facts of an attempt, from trajectories that the real log wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.status import Status
from trajectories.log import TrajectoryError
from trajectories.stats import INFRASTRUCTURE, AttemptFacts, StepFacts, facts, read_attempt

GOLDEN = Path(__file__).parents[1] / "golden" / "v1.jsonl"


def rows(path: Path) -> tuple[AttemptFacts, list[StepFacts]]:
    return facts(read_attempt(path))


def test_the_golden_file_counts_as_it_was_written() -> None:
    attempt, steps = rows(GOLDEN)
    assert (attempt.status, attempt.steps, attempt.actions, attempt.malformed) == ("submitted", 10, 9, 1)
    assert (attempt.failed, attempt.repeats, attempt.condensed) == (1, 1, 1)
    assert (attempt.prompt_tokens, attempt.completion_tokens, attempt.cached_tokens) == (17900, 400, 8950)
    assert attempt.cost == pytest.approx(0.0179)
    assert attempt.first_edit == 6
    assert attempt.patch_files == ("calc.py", "menu.txt")
    assert attempt.seconds == pytest.approx(0.08296, rel=1e-3)
    assert [row.tool for row in steps if row.repeated] == ["bash"]
    assert [row.correction for row in steps if not row.call] == ["no-action"]


def test_what_a_step_took_is_counted_once_however_many_actions_it_has(write: Any) -> None:
    script = write().reply(prompt_tokens=300).act("open", {"path": "a.py"}).act("open", {"path": "b.py"})
    attempt, steps = rows(script.do("bash", {"command": "ls"}).end())
    assert [(row.step, row.call, row.prompt_tokens) for row in steps] == [(1, 1, 300), (1, 2, 0), (2, 1, 100)]
    assert (attempt.prompt_tokens, attempt.cost, attempt.model_seconds) == (400, pytest.approx(0.02), 4.0)
    assert attempt.tool_seconds == 1.5


def test_a_repeat_is_the_same_call_with_the_same_result_on_unchanged_files(write: Any) -> None:
    look = {"command": "cat a.py"}
    script = write().do("bash", look, "old").do("bash", look, "old").edit("a.py")
    script.do("bash", look, "old").do("bash", look, "new").do("bash", look, "new")
    _, steps = rows(script.end())
    assert [row.repeated for row in steps] == [False, True, False, False, False, True]


REFUSED = {"code": "guard-refused"}


@pytest.mark.parametrize(
    ("later", "followed_by", "landed_after"),
    [
        (lambda s: s, "end", None),
        (lambda s: s.edit("a.py", text="x"), "landed", 1),
        (lambda s: s.edit("a.py", text="bad", **REFUSED), "same", None),
        (lambda s: s.edit("a.py", text="worse", **REFUSED).edit("a.py"), "refused", 2),
        (lambda s: s.edit("a.py", tool="replace", code="not-found").edit("a.py"), "failed", 2),
        (lambda s: s.do("open", {"path": "a.py"}).edit("a.py"), "else", 2),
        (lambda s: s.edit("b.py"), "else", None),
    ],
)
def test_what_follows_a_refusal(write: Any, later: Any, followed_by: str, landed_after: int | None) -> None:
    attempt, steps = rows(later(write().edit("a.py", text="bad", **REFUSED)).end())
    assert (steps[0].followed_by, steps[0].landed_after) == (followed_by, landed_after)
    assert attempt.refusals == sum(row.code == "guard-refused" for row in steps)
    assert all(not row.followed_by for row in steps if row.code != "guard-refused")


def test_the_agents_own_tests_and_whether_they_came_after_the_last_edit(write: Any) -> None:
    script = write().do("run_tests", code="tests-failed").edit("a.py")
    before, _ = rows(script.path)
    assert (before.own_tests_ok, before.tested_after_edit) == (False, False)
    after, _ = rows(script.do("bash", {"command": "cd /testbed && python -m pytest -q tests"}).end())
    assert (after.own_tests_ok, after.tested_after_edit) == (True, True)


def test_a_killed_attempt_has_no_status_and_its_torn_line_is_dropped(write: Any) -> None:
    path = write().edit("a.py").do("bash", {"command": "ls"}).stop()
    path.write_bytes(path.read_bytes()[:-20])
    attempt, steps = rows(path)
    assert (attempt.status, attempt.infrastructure, attempt.failure) == ("", True, "infrastructure")
    assert attempt.patch_files == ("a.py",)
    assert [row.tool for row in steps] == ["edit", "bash"]


def test_statuses_that_say_nothing_about_the_task_are_the_runtimes_own() -> None:
    assert {status.value for status in Status if status.resumable} | {""} == INFRASTRUCTURE


def test_what_an_importer_could_not_know_is_done_without(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    lines = [
        '{"type":"attempt_started","attempt_id":"x"}',
        '{"type":"dreamt","of":"sheep"}',
        '{"type":"action","step":1,"call":{"name":"str_replace_editor","arguments":{"command":"view","path":"/a.py"}}}',
        '{"type":"observation","step":1,"text":"1 x"}',
        '{"type":"observation","step":2,"text":"of no recorded action"}',
        '{"type":"attempt_ended","status":"exit_cost","steps":30,"usage":{"prompt_tokens":900,"cost":1.5}}',
    ]
    path.write_text("".join(f"{line}\n" for line in lines))
    attempt, steps = rows(path)
    assert (attempt.task, attempt.steps, attempt.prompt_tokens, attempt.cost) == ("t", 30, 900, 1.5)
    assert [row.tool for row in steps] == ["str_replace_editor", ""]
    assert attempt.failure == "limits"


def test_a_repository_that_is_not_said_is_read_off_the_tasks_name(write: Any) -> None:
    assert rows(write("psf__requests-6028", repo="").end())[0].repo == "psf/requests"
    assert rows(write("scikit-learn__scikit-learn-1", repo="").end())[0].repo == "scikit-learn/scikit-learn"
    assert rows(write("mine", repo="").end())[0].repo == ""
    assert rows(write("a__b-1", repo="other/one").end())[0].repo == "other/one"


def test_an_attempt_that_was_resumed_ended_as_its_last_end_says(write: Any) -> None:
    script = write().edit("a.py")
    path = script.end("interrupted", seconds=5)
    with path.open("a") as file:
        file.write('{"type":"resumed","steps":1}\n')
    assert rows(path)[0].infrastructure
    with path.open("a") as file:
        file.write('{"type":"attempt_ended","status":"submitted","patch":"","duration":9.0}\n')
    attempt, _ = rows(path)
    assert (attempt.status, attempt.infrastructure, attempt.seconds) == ("submitted", False, 9.0)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "holds no event"),
        ("{}\n", ":1 is not an event"),
        ("[\n", ":1 is"),
        pytest.param("[" * 100_000 + "\n", ":1 is", id="deep"),
    ],
)
def test_what_is_no_trajectory_is_refused(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(TrajectoryError, match=fault):
        read_attempt(tmp_path / "x.jsonl")
    with pytest.raises(TrajectoryError, match="cannot read"):
        read_attempt(tmp_path / "absent.jsonl")


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ({"type": "model_replied", "usage": {"cost": "x"}}, "usage.cost: .*number"),
        ({"type": "model_replied", "usage": 1.5}, "usage: .*dictionary"),
        ({"type": "attempt_started", "sandbox": "docker"}, "sandbox: .*dictionary"),
        ({"type": "attempt_started", "schema_version": 2}, "schema_version: a later version wrote it, .*upgrade"),
        ({"type": "action", "call": {"name": True}}, "call.name: .*string"),
        ({"type": "action", "call": {"arguments": 5}}, "call.arguments: .*dictionary"),
        ({"type": "observation", "data": []}, "data: .*dictionary"),
        ({"type": "observation", "step": "x"}, "step: .*integer"),
        ({"type": "attempt_ended", "status": [[None]]}, "status: .*string"),
        ({"type": "attempt_ended", "duration": "x"}, "duration: .*number"),
        ({"type": "attempt_ended", "duration": float("nan")}, "duration: .*finite"),
        ({"type": "model_replied", "usage": {"cost": float("inf")}}, "usage.cost: .*finite"),
        ({"type": "model_replied", "usage": {"prompt_tokens": 10**18}}, "usage.prompt_tokens: .*less"),
        ({"type": "of a later version", "time": "x"}, "time: .*number"),
        ({"type": {}}, "type: .*string"),
    ],
)
def test_a_field_of_the_wrong_type_is_named(write: Any, tmp_path: Path, line: dict[str, Any], fault: str) -> None:
    path = write().do("bash", {"command": "ls"}).stop()
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")
    with pytest.raises(TrajectoryError, match=rf":5 is not an event of a trajectory \({fault}"):
        read_attempt(path)


def test_fields_that_are_null_and_events_of_later_versions_are_passed_over(write: Any) -> None:
    path = write().do("bash", {"command": "ls"}).stop()
    before = rows(path)
    with path.open("a") as file:
        file.write('{"type":"dreamt","time":null,"usage":"much","step":"last"}\n')
        file.write('{"type":"message","purpose":null,"code":null,"step":null}\n')
    assert rows(path) == before
