"""An attempt that a strategy spent is one attempt: the steps of its trials are its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    ModelReplied,
    Observed,
    SubagentReplied,
    TrialEnded,
    TrialStarted,
    Usage,
)
from trajectories.log import EventLog
from trajectories.stats.reader import read_attempt
from trajectories.stats.runs import gather
from trajectories.stats.tables import tables

SPENT = Usage(prompt_tokens=10, completion_tokens=5)


def _attempt(directory: Path, *, patches: tuple[str, str] = ("", ""), handed_in: str = "") -> Path:
    with EventLog(directory / "trajectory.jsonl") as root:
        root.append(AttemptStarted(attempt_id="root", task={"id": "t"}))
        for number, patch in zip(("1", "2"), patches, strict=True):
            file = f"trials/{number}/trajectory.jsonl"
            root.append(TrialStarted(name=number, trajectory=file))
            with EventLog(directory / file) as trial:
                trial.append(AttemptStarted(attempt_id=f"trial-{number}", task={"id": "t"}))
                trial.append(ModelReplied(step=1, content="x", usage=SPENT))
                trial.append(ActionTaken(step=1, call=Call(name="open", arguments={"path": "a.py"})))
                trial.append(Observed(step=1, text="…"))
                trial.append(AttemptEnded(status="submitted", steps=1, usage=SPENT))
            root.append(TrialEnded(name=number, status="submitted", patch=patch, steps=1, usage=SPENT))
            root.append(SubagentReplied(key=f"reflection/{number}", content="Look closer.", usage=SPENT))
        spent = Usage(prompt_tokens=40, completion_tokens=20)
        root.append(AttemptEnded(status="submitted", patch=handed_in, steps=4, usage=spent))
    return directory / "trajectory.jsonl"


def test_the_steps_of_trials_and_sub_agents_are_steps_of_the_attempt(tmp_path: Path) -> None:
    recorded = read_attempt(_attempt(tmp_path))
    assert [step.trial for step in recorded.steps] == ["1", "", "2", ""]
    assert [len(step.actions) for step in recorded.steps] == [1, 0, 1, 0]
    assert sum(step.completion_tokens for step in recorded.steps) == 20


def test_trials_are_no_attempts_of_their_own(tmp_path: Path) -> None:
    _attempt(tmp_path / "run/attempts/t/1")
    assert len(gather([tmp_path / "run"], steps=False).attempts) == 1
    assert len(gather([tmp_path / "run/attempts/t/1/trials/2/trajectory.jsonl"], steps=False).attempts) == 1


@pytest.mark.parametrize(
    ("patches", "handed_in", "trial"),
    [
        pytest.param(("one", "two"), "two", 2, id="the second"),
        pytest.param(("same", "same"), "same", 1, id="the first of two that agree"),
        pytest.param(("one", "two"), "both", None, id="made of several"),
        pytest.param(("", ""), "", None, id="nothing"),
    ],
)
def test_the_trial_whose_patch_was_handed_in(
    tmp_path: Path, patches: tuple[str, str], handed_in: str, trial: int | None
) -> None:
    rows = gather([_attempt(tmp_path, patches=patches, handed_in=handed_in)])
    assert (rows.attempts[0].trials, rows.attempts[0].trial) == (2, trial)


def test_trials_are_counted_by_their_number(tmp_path: Path) -> None:
    for task, patches in enumerate([("a", "b"), ("c", "c"), ("", "")]):
        _attempt(tmp_path / f"attempts/{task}/1", patches=patches, handed_in=patches[1])
    table = next(table for table in tables(gather([tmp_path]).attempts, []) if table.name == "trials")
    assert [row[:3] for row in table.rows] == [(1, 3, 1), (2, 3, 1)]


def test_attempts_without_a_strategy_have_no_trials(tmp_path: Path) -> None:
    with EventLog(tmp_path / "trajectory.jsonl") as log:
        log.append(AttemptStarted(attempt_id="a", task={"id": "t"}))
        log.append(AttemptEnded(status="submitted", patch="a"))
    assert "trials" not in [table.name for table in tables(gather([tmp_path]).attempts, [])]
