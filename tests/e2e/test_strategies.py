"""Attempts that a strategy spends, from the command line: whatever happens to the process, no call is made twice."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.batches import batch, predictions, tasks_of
from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.test_resume import kill_after
from trajectories.events import Event, ModelReplied, Resumed, SubagentReplied
from trajectories.log import read_events

WRONG = call("rewrite_function", path="calc.py", name="add", code="def add(a, b):\n    return a * b\n")
SLOW = {"delay": 0.1}
LESSON = {"content": "It multiplies. It has to add.", **SLOW}
ISSUE = "add subtracts its arguments.\n\n>>> from calc import add\n>>> add(2, 3)\n-1\n\nIt should give 5.\n"
#: Two trials each: the first is wrong, and the check that the issue gives says so.
REPLIES = {
    "reflexion": ({**LOOK, **SLOW}, {**WRONG, **SLOW}, SUBMIT, LESSON, {**LOOK, **SLOW}, {**FIX, **SLOW}, SUBMIT),
    "best-of-n": ({**LOOK, **SLOW}, {**WRONG, **SLOW}, SUBMIT, {**LOOK, **SLOW}, {**FIX, **SLOW}, SUBMIT),
}


def asking(user: User, count: int) -> Path:
    """Tasks whose issue gives an example."""
    file = tasks_of(user, count)
    rows = [{**json.loads(line), "problem_statement": ISSUE} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return file


def spending(strategy: str) -> list[str]:
    return ["--set", f"agent.strategy={strategy}", "--set", "strategy.evaluators=[examples]"]


def course(output: Path) -> dict[str, list[Any]]:
    """What each trajectory says was asked of models, and what the roots say was done."""
    found: dict[str, list[Any]] = {}
    for path in sorted(output.rglob("trajectory.jsonl")):
        events = [event for event in read_events(path) if not isinstance(event, Resumed)]
        calls = [event for event in events if isinstance(event, ModelReplied | SubagentReplied)]
        asked = [event.step if isinstance(event, ModelReplied) else event.key for event in calls]
        done = [] if path.parent.parent.name == "trials" else [_short(event) for event in events]
        found[str(path.relative_to(output))] = [*asked, *done]
    return found


def _short(event: Event) -> str:
    return f"{event.type} {getattr(event, 'name', '') or getattr(event, 'key', '')}".strip()


@pytest.mark.kills
@pytest.mark.parametrize("strategy", REPLIES)
def test_a_run_of_trees_killed_at_random_moments_ends_as_if_it_had_not_been(
    user: User, tmp_path: Path, strategy: str
) -> None:
    tasks, whole, killed = asking(user, 2), tmp_path / "whole", tmp_path / "killed"
    model = user.script(*REPLIES[strategy])
    undisturbed = user.agent(*batch(user, tasks, whole, model, "--workers", "2", *spending(strategy)))
    assert undisturbed.returncode == 0, undisturbed.stderr
    assert set(predictions(whole).values()) == {user.patch}
    chance = random.Random(strategy)
    arguments = batch(user, tasks, killed, model, "--workers", "2", "--resume", *spending(strategy))
    for _ in range(3):
        kill_after(user, arguments, killed, chance.randint(1, 20))
    done = user.agent(*arguments)
    assert done.returncode == 0, done.stderr
    assert predictions(killed) == predictions(whole)
    assert course(killed) == course(whole)
    assert len(course(whole)) == 2 * (1 + 2)
    assert user.left_behind() == []


def test_an_attempt_of_trials_killed_in_the_second_goes_on_in_it(user: User, tmp_path: Path) -> None:
    output = tmp_path / "out"
    replies = [*REPLIES["reflexion"][:-2], {**FIX, "delay": 3}, SUBMIT]
    arguments = user.solving(user.script(*replies), "--output", str(output), *spending("reflexion"))
    arguments[arguments.index("--issue") + 1] = ISSUE
    kill_after(user, arguments, output, 23)
    trials = output / "trials"
    first = (trials / "1/trajectory.jsonl").read_bytes()
    begun = (trials / "2/trajectory.jsonl").read_bytes()
    assert not (output / "patch.diff").exists()
    assert f"is a trial of the attempt in {output}" in one_line(
        user.agent("solve", "--resume", "--output", str(trials / "2"))
    )
    done = user.agent("solve", "--resume", "--output", str(output))
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    assert (trials / "1/trajectory.jsonl").read_bytes() == first
    assert (trials / "2/trajectory.jsonl").read_bytes().startswith(begun)
    calls = [event for path in output.rglob("trajectory.jsonl") for event in read_events(path)]
    assert sum(isinstance(event, ModelReplied | SubagentReplied) for event in calls) == len(replies)


def test_what_a_strategy_spent_is_replayed_by_trial_and_not_forked_as_a_whole(user: User, tmp_path: Path) -> None:
    output = tmp_path / "out"
    arguments = user.solving(user.script(*REPLIES["reflexion"]), "--output", str(output), *spending("reflexion"))
    arguments[arguments.index("--issue") + 1] = ISSUE
    assert user.agent(*arguments).returncode == 0
    done = user.agent("replay", str(output), "--sandbox", "local")
    assert (done.returncode, done.stdout.count("3 actions: 3 equal, 0 different; patch: equal")) == (0, 2), done.stderr
    assert "an attempt of 2 trials: each is replayed from its own beginning" in done.stderr
    done = user.agent("replay", str(output), "--offline", "--json")
    assert [row["trial"] for row in json.loads(done.stdout)] == ["1"] * 3 + ["2"] * 3
    refused = one_line(user.agent("fork", str(output), "--at", "1", "--edit"))
    assert refused.endswith(f"{output}/trials/1, {output}/trials/2")
    compared = user.agent("compare", str(output / "trajectory.jsonl"), str(output / "trials/1/trajectory.jsonl"))
    assert "A: (reflection)" in compared.stdout
    assert "[2]: of trial 2" in compared.stdout
