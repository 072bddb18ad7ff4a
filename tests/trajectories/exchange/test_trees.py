"""What a strategy spent, in other programs' formats: a tree, the chosen trial, or every trial as an attempt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.trajectories.exchange.test_cli import agent
from tests.trajectories.grown import RIGHT, ROOT, TRIAL, WRONG, grow
from trajectories.exchange import import_file
from trajectories.log import read_events
from trajectories.verdicts import patch_digest


@pytest.fixture
def attempt(tmp_path: Path) -> Path:
    return grow(tmp_path / "run/attempts/calc/1")


def exported(format: str, *paths: Path, more: tuple[str | Path, ...] = ()) -> tuple[str, str]:
    done = agent("export", *paths, "--format", format, *more)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


@pytest.mark.parametrize("named", ["", "trajectory.jsonl"])
def test_atif_holds_the_trials_in_the_document_of_the_attempt(attempt: Path, named: str) -> None:
    text, said = exported("atif", attempt / named)
    data: dict[str, Any] = json.loads(text)
    pytest.importorskip("atif").Trajectory.model_validate(data)
    assert (data["trajectory_id"], said) == (ROOT, "")
    assert [each["trajectory_id"] for each in data["subagent_trajectories"]] == ["7c1d01", TRIAL]
    refers = [ref for step in data["steps"] for result in step.get("observation", {}).get("results", []) for ref in
              result["subagent_trajectory_ref"]]  # fmt: skip
    assert [ref["trajectory_id"] for ref in refers] == ["7c1d01", TRIAL]
    messages = [step["message"] for step in data["steps"]]
    assert "It multiplies; it has to add." in messages
    assert any("add(2, 3): gives 6, should give 5" in message for message in messages)
    assert data["steps"][-1]["extra"]["patchwright"]["noted"]["reason"] == "passes every check"


def test_what_atif_holds_of_a_tree_can_be_imported(attempt: Path, tmp_path: Path) -> None:
    file = tmp_path / "tree.json"
    file.write_text(exported("atif", attempt)[0])
    _, (root, first, second) = import_file(file)
    assert [imported.events[-1].model_dump()["status"] for imported in (root, first, second)] == ["submitted"] * 3
    assert WRONG in json.dumps([event.model_dump() for event in first.events])


@pytest.mark.parametrize("format", ["swe-agent", "mini-swe-agent", "openhands"])
def test_formats_of_one_agent_take_the_chosen_trial_and_say_so(attempt: Path, format: str) -> None:
    text, said = exported(format, attempt)
    assert said.endswith("trial 2 stands for it\n")
    assert RIGHT in text
    json.loads(text)


def test_an_attempt_whose_trials_are_gone_is_left_out_with_a_word(attempt: Path) -> None:
    done = agent("export", attempt / "trajectory.jsonl", attempt / "trials/1/trajectory.jsonl", "-f", "openhands")
    assert (done.returncode, done.stderr.count("stands for it")) == (0, 1)
    for trial in ("1", "2"):
        (attempt / "trials" / trial / "trajectory.jsonl").unlink()
    done = agent("export", attempt, "-f", "openhands")
    assert "left out, because its trials are not here" in done.stderr


def test_a_prediction_is_the_attempts_and_trials_are_none(attempt: Path) -> None:
    text, said = exported("preds", attempt.parents[2])
    assert (list(json.loads(text)), said) == (["calc"], "")
    assert RIGHT in json.loads(text)["calc"]["model_patch"]


def test_each_trial_is_an_attempt_to_learn_from(attempt: Path) -> None:
    rows = [json.loads(line) for line in exported("sharegpt", attempt)[0].splitlines()]
    assert [row["id"] for row in rows] == ["7c1d01", TRIAL]
    ((alone),) = exported("sharegpt", attempt / "trials/2/trajectory.jsonl")[0].splitlines()
    assert json.loads(alone) == rows[1]


def test_a_verdict_is_on_the_trial_that_has_the_patch(attempt: Path) -> None:
    patch = read_events(attempt / "trajectory.jsonl")[-1].model_dump()["patch"]
    judged = attempt.parents[2] / "verdicts/calc/a/verdict.json"
    judged.parent.mkdir(parents=True)
    verdict = {"task_id": "calc", "resolved": True, "status": "resolved", "patch_sha256": patch_digest(patch)}
    judged.write_text(json.dumps(verdict))
    run = attempt.parents[2]
    (row,) = exported("rollouts", run)[0].splitlines()
    assert json.loads(row)["attempt"] == TRIAL
    (resolved,) = exported("sharegpt", run, more=("--resolved",))[0].splitlines()
    assert json.loads(resolved)["id"] == TRIAL
