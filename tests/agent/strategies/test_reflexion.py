"""Reflexion: what goes wrong in one trial is told to the next, within budgets, and to later tasks of the repository."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from aci_tools.sandbox import SandboxSpec, open_sandbox
from agent.config_files import load_config
from agent.memory import MemoryStore, Reflection
from agent.strategies.reflection import in_words
from agent.strategies.tree import open_tree
from tasks.task import Task
from tests.agent.conftest import SUBMIT, TOOLS, call, fix, git, scripted, types
from trajectories.events import AttemptEnded, Event, Message, Noted, Observed, SubagentReplied, TrialStarted
from trajectories.log import read_events

pytestmark = pytest.mark.strategies

ISSUE = "add subtracts:\n\n>>> from calc import add\n>>> add(1, 2)\n-1\n>>> add(5, 5)\n0\n\nIt should give 3 and 10.\n"
WRONG = fix("return a * b")  # 2 and 25
HALF = fix("return a + 2")  # 3 and 7
SIGN = "The product was tried. The operator in add must be plus."


def says(text: str) -> dict[str, Any]:
    return {"content": text}


#: With five steps: a trial of two, a reflection, a trial of one, a reflection.
OUT_OF_BUDGET = (HALF, SUBMIT, says(SIGN), call("bash", command="ls"), says("Two."))


@dataclass
class Ran:
    """An attempt by reflexion.

    Attributes:
        ended: Its last event.
        patch: Its patch.
        root: The events of its root.
        trials: The events of its trials, by name.
    """

    ended: AttemptEnded
    patch: str
    root: list[Event]
    trials: dict[str, list[Event]]

    def prompt(self, trial: str) -> str:
        """What a trial was told at its beginning."""
        return "".join(e.content for e in self.trials[trial] if isinstance(e, Message) and e.purpose == "task")

    @property
    def asked(self) -> list[SubagentReplied]:
        return [event for event in self.root if isinstance(event, SubagentReplied)]

    @property
    def limits(self) -> list[dict[str, Any]]:
        return [event.limits for event in self.root if isinstance(event, TrialStarted)]

    def noted(self, key: str) -> dict[str, Any]:
        return next(event.data for event in self.root if isinstance(event, Noted) and event.key == key)


Run = Callable[..., Ran]


@pytest.fixture
def run(repository: Path, tmp_path: Path) -> Run:
    def run(
        *replies: dict[str, Any],
        settings: tuple[str, ...] = (),
        output: str = "out",
        strategy: str = "reflexion",
        **task: Any,
    ) -> Ran:
        shipped = ["aci.review_submit=false", f"agent.tools={json.dumps(TOOLS)}", "strategy.evaluators=[examples]"]
        facts = {"id": "calc-1", "repo": "us/calc", "problem_statement": ISSUE, **task}
        root = tmp_path / output / "trajectory.jsonl"
        with contextlib.ExitStack() as stack:
            sandbox = stack.enter_context(contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))))
            tree = stack.enter_context(
                open_tree(
                    task=Task(base_commit=git(repository, "rev-parse", "HEAD").strip(), **facts),
                    sandbox=sandbox,
                    model=scripted(*replies),
                    config=load_config([], [*shipped, f"agent.strategy={strategy}", *settings]),
                    trajectory=root,
                    listener=lambda event: None,
                )
            )
            ended = tree.run()
        files = sorted((root.parent / "trials").rglob("trajectory.jsonl"))
        trials = {str(file.parent.relative_to(root.parent / "trials")): read_events(file) for file in files}
        return Ran(ended, tree.patch, read_events(root), trials)

    return run


def test_what_went_wrong_is_told_to_the_next_trial(run: Run) -> None:
    ran = run(WRONG, SUBMIT, says(SIGN), fix(), SUBMIT)
    assert types(ran.root) == [
        "attempt_started",
        *("trial_started", "trial_ended", "evaluated", "subagent_replied"),
        *("trial_started", "trial_ended", "evaluated"),
        *("patch_changed", "attempt_ended"),
    ]
    assert "+    return a + b" in ran.patch
    assert (ran.ended.status, ran.ended.steps) == ("submitted", 5)
    assert "earlier" not in ran.prompt("1")
    assert f"Learnt from an earlier attempt that failed: {SIGN}" in ran.prompt("2")
    assert "+    return a * b" in ran.prompt("2")
    assert "gives 2" in ran.prompt("2")


def test_the_reflection_sees_the_issue_the_trial_and_the_evaluation(run: Run) -> None:
    ran = run(call("bash", command="cat calc.py"), WRONG, SUBMIT, says(SIGN), fix(), SUBMIT)
    (asked,) = ran.asked
    question = asked.messages[-1]["content"]
    assert (asked.purpose, asked.content) == ("reflection", SIGN)
    for part in (ISSUE.strip(), "1. bash(command=cat calc.py)", "2. rewrite_function(", "+    return a * b", "gives 2"):
        assert part in question


def test_a_success_ends_it_at_once(run: Run) -> None:
    ran = run(fix(), SUBMIT)
    assert list(ran.trials) == ["1"]
    assert ran.asked == []
    assert "return a + b" in ran.patch


def test_every_trial_begins_on_a_fresh_copy(run: Run) -> None:
    litter = call("bash", command="echo left > litter.txt; git add -A; echo changed >> calc.py; mkdir -p build/x")
    look = call("bash", command="git status --short; ls; tail -n 1 calc.py")
    ran = run(litter, WRONG, SUBMIT, says(SIGN), look, fix(), SUBMIT)
    seen = next(event.text for event in ran.trials["2"] if isinstance(event, Observed))
    assert seen.split() == ["calc.py", "return", "a", "*", "2"]
    assert "litter" not in ran.patch
    assert ran.patch.count("diff --git") == 1


def test_all_trials_share_one_budget(run: Run) -> None:
    looks = [call("bash", command=f"echo {n}") for n in range(20)]
    ran = run(*looks, settings=("limits.steps=12", "limits.tokens=9000"))
    # Each could use a third of the whole; the reflections between them are paid out of the same budget.
    assert [limits["steps"] for limits in ran.limits] == [4, 4, 2]
    assert ran.limits[0]["tokens"] == 3000
    assert (ran.ended.steps, len(ran.asked)) == (12, 2)


def test_a_reflection_that_no_trial_could_use_is_not_asked_for(run: Run) -> None:
    ran = run(WRONG, SUBMIT, settings=("limits.steps=3", "strategy.trials=2"))
    assert (ran.ended.status, ran.ended.steps) == ("step_limit", 2)
    assert [event for event in ran.root if isinstance(event, SubagentReplied)] == []


def test_when_the_budget_is_used_up_the_best_change_so_far_counts(run: Run) -> None:
    ran = run(*OUT_OF_BUDGET, settings=("limits.steps=5",))
    assert (ran.ended.status, ran.ended.steps) == ("step_limit", 4)  # the fifth would be a reflection for nobody
    assert "+    return a + 2" in ran.patch


def test_when_all_trials_fail_the_best_evaluated_change_counts(run: Run) -> None:
    ran = run(WRONG, SUBMIT, says("One."), HALF, SUBMIT, says("Two."), fix("return b"), SUBMIT)
    assert list(ran.trials) == ["1", "2", "3"]
    assert "+    return a + 2" in ran.patch
    assert len(ran.asked) == 2  # nobody would read a third one


def test_only_the_latest_reflections_enter_the_prompt(run: Run) -> None:
    failing = [WRONG, SUBMIT]
    lessons = [says(f"Lesson {word}.") for word in ("alpha", "beta", "gamma")]
    replies = [reply for lesson in lessons for reply in (*failing, lesson)]
    ran = run(*replies, fix(), SUBMIT, settings=("strategy.trials=4", "strategy.reflections=2"))
    told = [[w for w in ("alpha", "beta", "gamma") if w in ran.prompt(str(n))] for n in range(1, 5)]
    assert told == [[], ["alpha"], ["alpha", "beta"], ["beta", "gamma"]]
    assert "- Lesson alpha.\n- Lesson beta." in ran.asked[2].messages[-1]["content"]


def test_the_failed_change_can_be_kept_out_of_the_prompt(run: Run) -> None:
    ran = run(WRONG, SUBMIT, says(SIGN), fix(), SUBMIT, settings=("strategy.show_change=false",))
    assert SIGN in ran.prompt("2")
    assert "return a * b" not in ran.prompt("2")


def test_where_nothing_can_be_checked_a_submitted_change_is_not_questioned(run: Run) -> None:
    ran = run(WRONG, SUBMIT, problem_statement="add subtracts.")
    assert list(ran.trials) == ["1"]
    assert "return a * b" in ran.patch


def test_where_nothing_can_be_checked_an_end_that_was_forced_is_a_failure(run: Run) -> None:
    look = call("bash", command="ls")
    ran = run(WRONG, look, says(SIGN), fix(), SUBMIT, problem_statement="add subtracts.", settings=("limits.steps=6",))
    assert [limits["steps"] for limits in ran.limits] == [2, 2]
    assert SIGN in ran.prompt("2")


def test_an_attempt_without_a_change_is_a_failure(run: Run) -> None:
    ran = run(SUBMIT, says("Edit something."), fix(), SUBMIT)
    assert "It left no change." in ran.asked[0].messages[-1]["content"]
    assert "return a + b" in ran.patch


def test_it_wraps_another_strategy(run: Run) -> None:
    settings = ("strategy.candidates=2",)
    replies = (WRONG, SUBMIT, HALF, SUBMIT, says(SIGN), fix(), SUBMIT)
    ran = run(*replies, strategy="reflexion+best-of-n", settings=settings)
    assert list(ran.trials) == ["1.1", "1.2", "2.1"]
    assert SIGN in ran.prompt("2.1")
    assert "return a + b" in ran.patch


def test_hidden_tests_reach_no_event(run: Run, tmp_path: Path) -> None:
    canary = "CANARY_4711"
    hidden = {
        "test_patch": f"diff --git a/test_calc.py b/test_calc.py\n+++ b/test_calc.py\n+# {canary}\n",
        "patch": canary,
        "fail_to_pass": (f"test_calc.py::{canary}",),
        "pass_to_pass": (f"test_calc.py::{canary}2",),
        "eval_script": canary,
    }
    settings = (f"strategy.memory={tmp_path / 'memory'}",)
    ran = run(WRONG, SUBMIT, says(SIGN), HALF, SUBMIT, says("Two."), fix(), SUBMIT, settings=settings, **hidden)
    assert len(ran.trials) == 3
    files = [file for file in tmp_path.rglob("*") if file.is_file() and ".git" not in file.parts]
    assert len(files) > 5
    assert [file for file in files if canary.encode() in file.read_bytes()] == []


def test_an_interrupted_attempt_reflects_and_remembers_once(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "memory"
    MemoryStore(file).add(Reflection("us/calc", "calc-0", "In add, mind the sign."))
    settings = (f"strategy.memory={file}",)
    first = run(WRONG, SUBMIT, says(SIGN), settings=settings)  # the script ends: the model cannot be reached
    assert first.ended.status == "model_error"
    again = run(*[says("played already")] * 3, fix(), SUBMIT, settings=settings)
    assert again.ended.status == "submitted"
    assert [asked.content for asked in again.asked] == [SIGN]
    assert SIGN in again.prompt("2")
    assert {r.text: (r.used, r.outcome) for r in MemoryStore(file).reflections()} == {
        "In add, mind the sign.": (1, "unknown"),
        SIGN: (0, "solved"),
    }


def test_what_was_learnt_is_told_to_the_next_task_of_the_repository(run: Run, tmp_path: Path) -> None:
    settings = (f"strategy.memory={tmp_path / 'memory'}",)
    run(WRONG, SUBMIT, says(SIGN), fix(), SUBMIT, settings=settings, output="first")
    later = run(fix(), SUBMIT, settings=settings, output="second", id="calc-2")
    assert f"Learnt from an earlier task on this repository: {SIGN}" in later.prompt("1")
    assert later.noted("memory/recalled/attempt")["reflections"][0]["task"] == "calc-1"
    other = run(fix(), SUBMIT, settings=settings, output="third", repo="us/other")
    assert SIGN not in other.prompt("1")


def test_each_reflection_is_kept_with_what_came_of_it(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "memory"
    replies = (WRONG, SUBMIT, says("One."), HALF, SUBMIT, says("Two."), fix(), SUBMIT)
    run(*replies, settings=(f"strategy.memory={file}",))
    assert {r.text: r.outcome for r in MemoryStore(file).reflections()} == {"One.": "failed", "Two.": "solved"}


def test_a_reflection_with_half_of_a_character_is_told_and_kept(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "memory"
    ran = run(WRONG, SUBMIT, says("Add \ud83d instead."), fix(), SUBMIT, settings=(f"strategy.memory={file}",))
    assert ran.ended.status == "submitted"
    assert "Add \ufffd instead." in ran.prompt("2")
    assert [r.text for r in MemoryStore(file).reflections()] == ["Add \ufffd instead."]


def test_what_was_learnt_before_the_budget_was_used_up_is_kept(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "memory"
    ran = run(*OUT_OF_BUDGET, settings=("limits.steps=5", f"strategy.memory={file}"))
    assert ran.ended.status == "step_limit"
    assert {r.text: r.outcome for r in MemoryStore(file).reflections()} == {SIGN: "failed", "Two.": "unknown"}


def test_a_file_that_is_no_memory_is_said_before_anything_is_tried(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("A shopping list, which is no memory.")
    with pytest.raises(UsageError, match="not a memory"):
        run(fix(), SUBMIT, settings=(f"strategy.memory={file}",))
    assert not (tmp_path / "out" / "trials").exists()


def test_a_memory_that_cannot_be_written_costs_no_patch(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "memory"
    spoil = call("bash", command=f"echo this is not a database any more, but long enough to be one > {file}")
    ran = run(WRONG, SUBMIT, says(SIGN), spoil, fix(), SUBMIT, settings=(f"strategy.memory={file}",))
    assert "return a + b" in ran.patch
    assert "not a memory" in ran.noted("memory/kept/attempt/1")["error"]


@pytest.mark.parametrize(
    ("reply", "kept"),
    [
        ("  The sign\nwas wrong. ", "The sign was wrong."),
        ("Use plus.\n```python\ndef add(a, b):\n    return a + b\n```\nThen submit.", "Use plus. Then submit."),
        ("```python\nnever closed", ""),
        ("First. " + "long " * 100 + ". " + "more " * 100, "First. " + "long " * 100 + "."),
        ("x" * 5000, "x" * 698 + " …"),
    ],
)
def test_a_reflection_is_a_few_sentences_without_code(reply: str, kept: str) -> None:
    assert in_words(reply) == kept
