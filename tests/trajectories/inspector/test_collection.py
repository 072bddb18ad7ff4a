"""What is found below a path, and what is known of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from tests.trajectories.inspector import samples
from trajectories.events import AttemptEnded, AttemptStarted, ModelReplied, PatchChanged, Resumed, Usage
from trajectories.inspector import Collection
from trajectories.inspector.summary import patch_size
from trajectories.log import EventLog


def row(collection: Collection, name: str) -> dict[str, object]:
    (found,) = [row for row in collection.rows() if row["id"] == name]
    return found


def test_files_and_directories_are_found_each_once(tmp_path: Path) -> None:
    first = samples.write(tmp_path / "runs" / "a" / "trajectory.jsonl", samples.story(1, 2))
    samples.write(tmp_path / "runs" / "a" / "sub" / "other.jsonl", samples.story(2, 2))
    (tmp_path / "runs" / "preds.jsonl").write_text('{"instance_id": "x"}\n')
    (tmp_path / "runs" / "torn.jsonl").write_text('{"type":"attempt_started"')
    collection = Collection([tmp_path / "runs", first])
    assert [attempt.name for attempt in collection.attempts.values()] == [
        "runs/a/trajectory.jsonl",
        "runs/a/sub/other.jsonl",
    ]


def test_links_out_of_a_directory_are_not_followed(tmp_path: Path) -> None:
    outside = samples.write(tmp_path / "outside.jsonl", samples.story(1, 2))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link.jsonl").symlink_to(outside)
    (tmp_path / "runs" / "up").symlink_to(tmp_path)
    with pytest.raises(UsageError, match="no trajectories below"):
        Collection([tmp_path / "runs"])
    assert len(Collection([tmp_path / "runs" / "link.jsonl"]).attempts) == 1, "a file that is named itself is shown"


def test_two_files_of_one_name_are_two_attempts(tmp_path: Path) -> None:
    for name in "abc":
        samples.write(tmp_path / f"{name}.jsonl", samples.story(1, 2))
    assert list(Collection([tmp_path]).attempts) == ["attempt-1", "attempt-1~2", "attempt-1~3"]


def test_an_attempt_is_followed_while_it_is_written(tmp_path: Path) -> None:
    collection = Collection([tmp_path], may_be_empty=True)
    assert collection.rows() == []
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@\n-a\n+b\n+c\n"
    with EventLog(tmp_path / "trajectory.jsonl") as log:
        log.append(AttemptStarted(attempt_id="it", task={"id": "t"}, model="m"))
        collection.refresh()
        log.append(ModelReplied(step=1, usage=Usage(prompt_tokens=10, completion_tokens=2, cost=0.5)))
        log.append(PatchChanged(step=1, patch=patch))
        collection.refresh()
        seen = row(collection, "it")
        assert (seen["status"], seen["steps"], seen["prompt_tokens"], seen["cost"]) == ("unfinished", 1, 10, 0.5)
        assert seen["patch"] == {"files": 1, "added": 2, "removed": 1}
        log.append(AttemptEnded(status="submitted", patch=patch, duration=7.0))
    collection.refresh()
    seen = row(collection, "it")
    assert (seen["status"], seen["duration"], seen["verdict"]) == ("submitted", 7.0, "")
    home = tmp_path / "verdicts" / "t" / "key"
    home.mkdir(parents=True)
    tests = {"FAIL_TO_PASS": {"success": [], "failure": ["a"]}, "PASS_TO_PASS": {"success": ["b"], "failure": []}}
    (home / "verdict.json").write_text(json.dumps({"status": "unresolved", "resolved": False, "tests": tests}))
    (home / "patch.diff").write_text(patch)
    collection.refresh()
    seen = row(collection, "it")
    assert (seen["verdict"], seen["failure"], seen["tests"]) == ("unresolved", "tests_failed", [1, 2])
    (tmp_path / "trajectory.jsonl").unlink()
    collection.refresh()
    assert collection.rows() == []


def test_an_attempt_that_goes_on_has_no_end_yet(tmp_path: Path) -> None:
    with EventLog(tmp_path / "trajectory.jsonl") as log:
        log.append(AttemptStarted(attempt_id="it", task={"id": "t"}, model="m"))
        log.append(AttemptEnded(status="model_error", detail="The provider is down."))
        collection = Collection([tmp_path])
        assert (row(collection, "it")["status"], row(collection, "it")["failure"]) == ("model_error", "infrastructure")
        log.append(Resumed(steps=0))
    collection.refresh()
    seen = row(collection, "it")
    assert (seen["status"], seen["detail"], seen["failure"]) == ("unfinished", "", "")


def test_a_verdict_on_another_patch_is_not_this_attempts(tmp_path: Path) -> None:
    samples.write(tmp_path / "attempts" / "django__django-12907" / "1" / "trajectory.jsonl", samples.story(1, 9))
    home = tmp_path / "verdicts" / "django__django-12907" / "key"
    home.mkdir(parents=True)
    (home / "verdict.json").write_text('{"status": "resolved", "resolved": true}')
    (home / "patch.diff").write_text("another\n")
    assert row(Collection([tmp_path]), "attempt-1")["verdict"] == ""


def test_a_verdict_on_a_patch_that_is_masked_in_its_trajectory(tmp_path: Path) -> None:
    path = tmp_path / "attempts" / "t" / "1" / "trajectory.jsonl"
    patch = f"+b = 'ghp_{'A1b2C3d4E5' * 4}'\n"
    with EventLog(path) as log:
        log.append(AttemptStarted(attempt_id="it", task={"id": "t"}, model="m"))
        log.append(AttemptEnded(status="submitted", patch=patch))
    home = tmp_path / "verdicts" / "t" / "key"
    home.mkdir(parents=True)
    (home / "verdict.json").write_text('{"status": "resolved", "resolved": true}')
    for place in (home, path.parent):
        (place / "patch.diff").write_text(patch)
    assert row(Collection([tmp_path]), "it")["verdict"] == "resolved"


def test_where_a_fork_begins_is_told_from_the_event_it_names(tmp_path: Path) -> None:
    samples.write(tmp_path / "parent.jsonl", samples.story(1, 9))
    third = [json.loads(line) for line in (tmp_path / "parent.jsonl").read_text().splitlines()]
    seq = [event["seq"] for event in third if event["type"] == "model_replied"][3] - 1
    samples.write(tmp_path / "fork.jsonl", samples.story(2, 5, parent={"attempt_id": "attempt-1", "seq": seq}))
    samples.write(tmp_path / "lost.jsonl", samples.story(3, 5, parent={"attempt_id": "gone", "seq": 4}))
    collection = Collection([tmp_path])
    origin = {"id": "attempt-1", "seq": seq, "step": 3, "relation": "fork", "changed": []}
    assert row(collection, "attempt-2")["parent"] == origin
    assert row(collection, "attempt-1")["parent"] is None
    assert collection.parent(collection.attempts["attempt-3"]) is None


@pytest.mark.parametrize(
    ("patch", "size"),
    [
        ("", (0, 0, 0)),
        (samples.patch(5), (2, 7, 1)),
        ("--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n--- a/y\n+++ b/y\n@@ -0,0 +1 @@\n+b\n", (2, 2, 1)),
        ("diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n--- dashes\n+++ pluses\n same\n", (1, 1, 1)),
    ],
)
def test_the_size_of_a_patch(patch: str, size: tuple[int, int, int]) -> None:
    assert tuple(patch_size(patch).values()) == size


def test_golden_trajectories_are_shown(tmp_path: Path) -> None:
    (golden,) = (Path(__file__).parent.parent / "golden").glob("v1.jsonl")
    (shown,) = Collection([golden]).rows()
    assert (shown["status"], shown["steps"], shown["corrected"], shown["failed"]) == ("submitted", 10, 1, 1)
