"""The repair loop: what the code did when it ran is told to the next trial, which goes on from there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.agent.conftest import SUBMIT, call, fix, types
from tests.agent.strategies.conftest import CANARY, Run, texts
from trajectories.events import AttemptStarted, Event, Message, Noted, SubagentReplied, TrialStarted
from trajectories.log import read_events

pytestmark = pytest.mark.strategies

WRONG = fix("return a * b")  # 6 instead of 5
LOOK = call("bash", command="cat calc.py")
BLOCK = "[1] block 1, line 2\n  before: a=2, b=3\n    2      return a * b\n  after: returned 6"


def says(text: str) -> dict[str, Any]:
    return {"content": text}


def of(kind: type[Event], directory: Path, trial: str = "") -> list[Any]:
    """The events of one kind of the root or of a trial."""
    file = directory / "trials" / trial / "trajectory.jsonl" if trial else directory / "trajectory.jsonl"
    return [event for event in read_events(file) if isinstance(event, kind)]


def prompt(directory: Path, trial: str) -> str:
    return "".join(event.content for event in of(Message, directory, trial) if event.purpose == "task")


def test_the_next_trial_is_shown_what_the_code_did_and_goes_on_from_it(tree: Run, tmp_path: Path) -> None:
    done = tree("repair-loop", WRONG, SUBMIT, says("Line 2 multiplies. It must add."), LOOK, fix(), SUBMIT)
    done.run()
    attempt = tmp_path / "attempt"
    assert types(read_events(attempt / "trajectory.jsonl")) == [
        "attempt_started",
        *("trial_started", "trial_ended", "evaluated", "noted", "subagent_replied"),
        *("trial_started", "trial_ended", "evaluated"),
        *("patch_changed", "attempt_ended"),
    ]
    (asked,) = of(SubagentReplied, attempt)
    (noted,) = of(Noted, attempt)
    assert (asked.purpose, noted.data["check"]) == ("diagnosis", "add(2, 3)")
    for part in ("add(2, 3) gives 6", "+    return a * b", "calc.py: add(a=2, b=3) returned 6.", BLOCK):
        assert part in asked.messages[-1]["content"]
    told = prompt(attempt, "2")
    assert "The change made so far is not right yet: add(2, 3) gives 6" in told
    assert BLOCK in told
    assert "What goes wrong: Line 2 multiplies. It must add." in told
    assert "return a * b" in of(AttemptStarted, attempt, "2")[0].initial_patch
    assert "return a * b" in (attempt / "trials/2/trajectory.jsonl").read_text()
    assert done.patch.count("return") == 2
    assert "-    return a - b\n+    return a + b" in done.patch


def test_it_can_begin_anew(tree: Run, tmp_path: Path) -> None:
    settings = ("strategy.repair_from=base",)
    done = tree("repair-loop", WRONG, SUBMIT, says("It must add."), fix(), SUBMIT, settings=settings)
    done.run()
    assert of(AttemptStarted, tmp_path / "attempt", "2")[0].initial_patch == ""
    assert "The latest change is not right yet" in prompt(tmp_path / "attempt", "2")
    assert "+    return a + b" in done.patch


def test_without_a_change_the_example_of_the_issue_is_traced(tree: Run, tmp_path: Path) -> None:
    done = tree("repair-loop", SUBMIT, says("Line 2 subtracts."), fix(), SUBMIT)
    done.run()
    told = prompt(tmp_path / "attempt", "2")
    assert "The code is not right yet: add(2, 3) gives -1" in told
    assert "after: returned -1" in told
    assert "+    return a + b" in done.patch


def test_what_cannot_be_traced_is_not_asked_about(tree: Run, tmp_path: Path) -> None:
    broken = call("bash", command="printf 'import nowhere\\n' > calc.py")
    done = tree("repair-loop", broken, SUBMIT, LOOK, fix(), SUBMIT, settings=("strategy.rounds=1",))
    done.run()
    assert of(SubagentReplied, tmp_path / "attempt") == []
    (noted,) = of(Noted, tmp_path / "attempt")
    assert "ModuleNotFoundError" in noted.data["why"]


def test_rounds_and_budget_end_it(tree: Run, tmp_path: Path) -> None:
    wrong = [fix(f"return a * {number}") for number in (2, 3, 4)]
    replies = (wrong[0], SUBMIT, says("One."), wrong[1], SUBMIT, says("Two."), wrong[2], SUBMIT)
    done = tree("repair-loop", *replies, settings=("strategy.rounds=2", "limits.steps=30"))
    ended = done.run()
    assert ended.steps == 8
    assert [event.limits["steps"] for event in of(TrialStarted, tmp_path / "attempt")] == [10, 14, 24]
    assert "+    return a * 4" in done.patch  # all were judged alike, so the latest one counts

    looks = [call("bash", command=f"echo {number}") for number in range(20)]
    short = tree("repair-loop", wrong[0], *looks, settings=("limits.steps=7",), output="short")
    assert short.run().detail == "6 of 7 steps (limits.steps)"  # an explanation would be the last: for nobody
    assert "+    return a * 2" in short.patch


def test_what_no_trial_could_use_is_not_asked(tree: Run, tmp_path: Path) -> None:
    done = tree("repair-loop", WRONG, SUBMIT, settings=("strategy.rounds=1", "limits.steps=3"))
    ended = done.run()
    assert (ended.status, ended.steps) == ("step_limit", 2)
    assert of(SubagentReplied, tmp_path / "attempt") == []
    assert "+    return a * b" in done.patch


def test_what_nobody_could_read_is_not_traced(tree: Run, tmp_path: Path) -> None:
    settings = ("strategy.rounds=1", "strategy.first_share=0.99", "limits.steps=2")
    tree("repair-loop", WRONG, SUBMIT, settings=settings).run()
    assert of(Noted, tmp_path / "attempt", "") == []


def test_an_interrupted_attempt_traces_and_asks_once(tree: Run, tmp_path: Path) -> None:
    first = tree("repair-loop", WRONG, SUBMIT, says("It must add."))  # the script ends: the model cannot be reached
    assert first.run().status == "model_error"
    again = tree("repair-loop", *[says("played already")] * 3, fix(), SUBMIT)
    assert again.run().status == "submitted"
    assert [asked.content for asked in of(SubagentReplied, tmp_path / "attempt")] == ["It must add."]
    assert len(of(Noted, tmp_path / "attempt")) == 1
    assert "+    return a + b" in again.patch


def test_hidden_tests_reach_no_event(tree: Run, tmp_path: Path) -> None:
    tree("repair-loop", WRONG, SUBMIT, says("It must add."), fix(), SUBMIT).run()
    assert CANARY not in texts(tmp_path / "attempt")
