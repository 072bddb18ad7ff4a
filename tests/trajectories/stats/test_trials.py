"""An attempt that a strategy spent is one attempt: the steps of its trials are its own."""

from __future__ import annotations

from pathlib import Path

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

SPENT = Usage(prompt_tokens=10, completion_tokens=5)


def _attempt(directory: Path) -> Path:
    with EventLog(directory / "trajectory.jsonl") as root:
        root.append(AttemptStarted(attempt_id="root", task={"id": "t"}))
        for number in ("1", "2"):
            file = f"trials/{number}/trajectory.jsonl"
            root.append(TrialStarted(name=number, trajectory=file))
            with EventLog(directory / file) as trial:
                trial.append(AttemptStarted(attempt_id=f"trial-{number}", task={"id": "t"}))
                trial.append(ModelReplied(step=1, content="x", usage=SPENT))
                trial.append(ActionTaken(step=1, call=Call(name="open", arguments={"path": "a.py"})))
                trial.append(Observed(step=1, text="…"))
                trial.append(AttemptEnded(status="submitted", steps=1, usage=SPENT))
            root.append(TrialEnded(name=number, status="submitted", steps=1, usage=SPENT))
            root.append(SubagentReplied(key=f"reflection/{number}", content="Look closer.", usage=SPENT))
        root.append(AttemptEnded(status="submitted", steps=4, usage=Usage(prompt_tokens=40, completion_tokens=20)))
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
