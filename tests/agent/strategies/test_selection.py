"""Which candidate is taken, and the reason that is recorded for it."""

from __future__ import annotations

import contextlib
import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from agent.budget import Budget
from agent.config_files import load_config
from agent.models.base import ModelError, Query, Reply
from agent.models.scripted import ScriptedModel
from agent.status import Status
from agent.strategies.base import Candidate
from agent.strategies.bench import Bench
from agent.strategies.evaluation import Check, Evaluation
from agent.strategies.selection import select
from agent.strategies.selection.forms import normal_form
from agent.strategies.selection.inputs import more_calls
from agent.strategies.selection.verifier import probability_of_yes
from tasks.task import Task
from tests.agent.conftest import SUBMIT, call, fix, git, scripted
from tests.agent.strategies.conftest import Run
from trajectories.events import Noted, SubagentReplied, TrialStarted, Usage
from trajectories.log import EventLog, read_events

pytestmark = pytest.mark.strategies

#: Shows how to call the function, and not what it should give: nothing can be checked.
CALLED = "`add` in `calc.py` is wrong.\n\n>>> from calc import add\n>>> add(2, 3)\n"
SILENT = "`add` in `calc.py` is wrong."
SUM, SUM_AGAIN, PRODUCT = fix("return a + b"), fix("return b + a"), fix("return a * b")


def chosen(directory: Path) -> dict[str, Any]:
    """What was recorded of the choice."""
    events = read_events(directory / "trajectory.jsonl")
    return next(event.data for event in events if isinstance(event, Noted) and event.key == "selection")


@pytest.fixture
def bench(repository: Path, tmp_path: Path) -> Iterator[Bench]:
    config = load_config([], [])
    task = Task(id="calc", repo=str(repository), base_commit="HEAD", problem_statement=SILENT)
    with (
        contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox,
        EventLog(tmp_path / "choice" / "trajectory.jsonl") as log,
    ):
        yield Bench(
            task=task,
            base=git(repository, "rev-parse", "HEAD").strip(),
            sandbox=sandbox,
            model=scripted(),
            config=config,
            log=log,
            budget=Budget(config.limits),
            listener=lambda event: None,
        )


def judged(name: str, checks: str, patch: str = "+") -> Candidate:
    """A candidate with checks, such as ``R+ E- D+``: kind, and whether it passed."""
    kinds = {"R": "regression", "E": "examples", "D": "designed"}
    found = [Check(kinds[each[0]], f"check {place}", each[1] == "+") for place, each in enumerate(checks.split())]
    return Candidate(name, patch, Status.SUBMITTED, evaluation=Evaluation(tuple(found)) if patch else None)


@pytest.mark.parametrize(
    ("one", "other", "reason"),
    [
        ("R- E+ D+", "R+ E- D-", "fewer regression tests fail (0 against 1)"),
        ("R+ E- D+", "R+ E+ D-", "more examples give what they should (1 against 0)"),
        ("E+ D- D-", "E+ D+ D-", "more designed tests pass (1 against 0)"),
        ("", "E+", "all of its checks passed"),
    ],
)
def test_execution_decides_first(bench: Bench, tmp_path: Path, one: str, other: str, reason: str) -> None:
    taken = select(bench, "selection", [judged("1", one), judged("2", other)])
    assert taken.name == "2"
    assert chosen(tmp_path / "choice")["reason"] == reason


def test_a_change_is_better_than_none(bench: Bench, tmp_path: Path) -> None:
    taken = select(bench, "selection", [judged("1", "", ""), judged("2", "R- E-")])
    assert taken.name == "2"
    assert chosen(tmp_path / "choice")["reason"] == "it holds a change"


def test_of_several_without_a_change_the_first_is_taken(bench: Bench) -> None:
    assert select(bench, "selection", [judged("1", "", ""), judged("2", "", "")]).name == "1"


def test_candidates_that_do_the_same_with_generated_inputs_speak_for_each_other(tree: Run, tmp_path: Path) -> None:
    done = tree(
        "best-of-n", PRODUCT, SUBMIT, SUM, SUBMIT, SUM_AGAIN, SUBMIT, issue=CALLED, settings=("strategy.candidates=3",)
    )
    done.run()
    assert "+    return a + b" in done.patch
    found = chosen(tmp_path / "attempt")
    assert found["chosen"] == "2"
    assert found["reason"].startswith("more speaks for what it does")
    assert found["reason"].endswith("; it came first")
    assert [each["group"] for each in found["candidates"].values()] == ["1", "2", "2"]
    assert found["ranking"] == ["2", "1", "3"]


def test_where_nothing_can_be_run_the_change_that_most_made_is_taken(tree: Run, tmp_path: Path) -> None:
    commented = fix("'''The sum.'''\n    return (a + b)  # both")
    done = tree(
        "best-of-n", PRODUCT, SUBMIT, commented, SUBMIT, SUM, SUBMIT, issue=SILENT, settings=("strategy.candidates=3",)
    )
    done.run()
    assert "+    return a + b" in done.patch
    assert chosen(tmp_path / "attempt")["reason"] == (
        "more speaks for what it does (log-sum-exp over those that agree: 0.000 against -0.693); "
        "it changes fewer lines (2 against 3)"
    )
    alike = [each["alike"] for each in chosen(tmp_path / "attempt")["candidates"].values()]
    assert alike == [1, 2, 2]


def test_a_change_that_was_cut_off_does_not_win_by_being_small(tree: Run, tmp_path: Path) -> None:
    looks = [call("bash", command=f"echo {number}") for number in range(2)]
    longer = fix("total = a\n    total += b\n    return total")
    settings = ("strategy.candidates=2", "limits.steps=6", "aci.examples_after_edit=false")
    done = tree("best-of-n", SUM, *looks, longer, SUBMIT, issue=SILENT, settings=settings)
    done.run()
    assert "total" in done.patch
    assert chosen(tmp_path / "attempt")["reason"] == "it was submitted, not cut off"


def test_every_candidate_is_made_where_the_search_is_not_to_end_early(tree: Run, tmp_path: Path) -> None:
    settings = ("strategy.candidates=2", "strategy.stop_early=false")
    ended = tree("best-of-n", SUM, SUBMIT, PRODUCT, SUBMIT, settings=settings).run()
    assert ended.steps == 4
    found = chosen(tmp_path / "attempt")
    assert found["ranking"] == ["1", "2"]
    assert found["reason"] == "all of its checks passed"
    assert {each["group"] for each in found["candidates"].values()} == {"1", "2"}


def test_what_an_inner_strategy_had_when_the_budget_ended_is_chosen_from_too(tree: Run, tmp_path: Path) -> None:
    settings = ("strategy.candidates=2", "strategy.trials=2", "limits.steps=8", "aci.examples_after_edit=true")
    replies = (PRODUCT, SUBMIT, {"content": "Think."}, PRODUCT, SUM, SUBMIT, {"content": "Think."}, PRODUCT)
    done = tree("best-of-n+reflexion", *replies, settings=settings)
    done.run()
    assert "+    return a + b" in done.patch


class _Verifier(ScriptedModel):
    """Plays a script, and says how probable its replies are; verdicts come from a list of their own."""

    takes_grammar = True

    def __init__(self, *replies: dict[str, Any], verdicts: list[tuple[str, float | None]], own: list[float]) -> None:
        super().__init__(scripted(*replies).replies)
        self.verdicts, self.own, self.breaks_at = verdicts, own, -1
        self.asked: list[int] = []

    def query(self, query: Query) -> Reply:
        if query.index == self.breaks_at:
            self.breaks_at = -1
            raise ModelError("the network is down")
        self.asked.append(query.index)
        if query.index < len(self.replies):
            reply = super().query(query)
            logprob = self.own[query.index] if query.logprobs else None
            return Reply(reply.content, reply.tool_calls, logprob=logprob, usage=Usage(completion_tokens=10))
        word, probability = self.verdicts[query.index - len(self.replies)]
        return Reply(word, logprob=None if probability is None else math.log(probability))


@pytest.mark.parametrize(
    ("verdicts", "taken"),
    [
        ([("yes", 0.6), ("yes", 0.95)], "2"),
        ([("yes", 0.6), ("no", 0.95)], "1"),
        ([("no", 0.9), ("no", 0.6)], "2"),
        ([("No, it does not.", None), ("Yes.", None)], "2"),
        ([("perhaps", None), ("no", None)], "1"),
    ],
)
def test_a_verifier_weighs_candidates_that_are_equal_in_execution(
    tree: Run, tmp_path: Path, verdicts: list[tuple[str, float | None]], taken: str
) -> None:
    model = _Verifier(SUM, SUBMIT, PRODUCT, SUBMIT, verdicts=verdicts, own=[])
    settings = ("strategy.candidates=2", "strategy.verifier=model", "limits.steps=20")
    ended = tree("best-of-n", model=model, issue=SILENT, settings=settings).run()
    assert ended.steps == 6
    assert chosen(tmp_path / "attempt")["chosen"] == taken


@pytest.mark.parametrize("at", [1, 4, 5])
def test_a_choice_that_was_cut_off_goes_on_and_asks_nothing_twice(tree: Run, tmp_path: Path, at: int) -> None:
    model = _Verifier(SUM, SUBMIT, PRODUCT, SUBMIT, verdicts=[("yes", 0.6), ("yes", 0.95)], own=[])
    model.breaks_at = at
    settings = ("strategy.candidates=2", "strategy.verifier=model", "limits.steps=20")
    assert tree("best-of-n", model=model, issue=CALLED, settings=settings).run().status == Status.MODEL_ERROR
    assert tree("best-of-n", model=model, issue=CALLED, settings=settings).run().status == Status.SUBMITTED
    assert model.asked == list(range(6))
    assert chosen(tmp_path / "attempt")["chosen"] == "2"
    keys = [e.key for e in read_events(tmp_path / "attempt/trajectory.jsonl") if isinstance(e, Noted)]
    assert sorted(keys) == ["inputs", "look/1", "look/2", "selection"]


def test_the_verifier_is_left_a_part_of_the_budget(tree: Run, tmp_path: Path) -> None:
    looks = [call("bash", command=f"echo {number}") for number in range(6)]
    replies = (SUM, *looks[:3], PRODUCT, *looks[3:])
    model = _Verifier(*replies, verdicts=[("no", 0.8), ("yes", 0.8)], own=[])
    settings = ("strategy.candidates=2", "strategy.verifier=model", "limits.steps=10")
    ended = tree("best-of-n", model=model, issue=SILENT, settings=settings).run()
    assert ended.steps == 10
    started = [e for e in read_events(tmp_path / "attempt/trajectory.jsonl") if isinstance(e, TrialStarted)]
    assert [event.limits["steps"] for event in started] == [4, 4]
    assert chosen(tmp_path / "attempt")["chosen"] == "2"


def test_the_models_own_probability_counts_where_it_is_known_of_every_reply(tree: Run, tmp_path: Path) -> None:
    replies = (SUM, SUBMIT, PRODUCT, SUBMIT)
    model = _Verifier(*replies, verdicts=[], own=[-8.0, -4.0, -2.0, -1.0])
    settings = ("strategy.candidates=2", "model.logprobs=true")
    tree("best-of-n", model=model, issue=SILENT, settings=settings).run()
    found = chosen(tmp_path / "attempt")
    assert found["chosen"] == "2"
    logs = [each["log_probability"] for each in found["candidates"].values()]
    # By a token: twelve of 20 against three of 20, and for both that nothing could be checked.
    assert logs == [pytest.approx(-0.6 + math.log(0.5)), pytest.approx(-0.15 + math.log(0.5))]


def test_the_probability_of_a_verdict_is_that_of_its_one_word() -> None:
    said = SubagentReplied(key="v", content="yes", logprob=math.log(0.7))
    assert probability_of_yes(said) == pytest.approx(0.7)
    assert probability_of_yes(said.model_copy(update={"content": "No."})) == pytest.approx(0.3)
    assert probability_of_yes(said.model_copy(update={"logprob": -5.0})) == 0.5
    longer = said.model_copy(update={"content": "Yes, it is right.", "logprob": -20.0})
    assert probability_of_yes(longer) == 0.9


def test_layout_comments_and_documentation_make_no_other_change() -> None:
    one = {"a.py": b"def f(a):\n  '''Gives a.'''\n  return a  # as it is\n", "notes.txt": b"two  words\n"}
    other = {"notes.txt": b"two words", "a.py": b'"""F."""\ndef f(\n    a\n):\n    return (a)\n'}
    assert normal_form(one) == normal_form(other)
    assert normal_form(one) != normal_form({**other, "a.py": b"def f(a):\n    return -a\n"})
    assert normal_form({"a.py": b""}) != normal_form({"a.py": None})
    assert normal_form({"a.py": b"def f(:\n"}) != normal_form({"a.py": b"def g(:\n"})


def test_comments_of_other_languages_make_no_other_change() -> None:
    pytest.importorskip("tree_sitter_language_pack")
    one, other = b"int f() { return 1; } // one", b"/* f */\nint f()\n{\n  return 1;\n}\n"
    assert normal_form({"a.c": one}) == normal_form({"a.c": other})
    assert normal_form({"a.c": one}) != normal_form({"a.c": b"int f() { return 2; }"})


def test_inputs_are_made_from_calls_of_what_is_not_built_in() -> None:
    assert more_calls(["from calc import add", "print('a')", "x = add(1, 2)", "add(a, b)"], 5) == []
    assert more_calls(["globals().update(vars(__import__('calc')))", "'a'.join(['b'])"], 5) == []
    calls = more_calls(["list(search([1, 4, 9], 4, strict=True))", "add(2, 3)"], 20)
    assert len(calls) == len(set(calls)) == 20
    assert calls == more_calls(["list(search([1, 4, 9], 4, strict=True))", "add(2, 3)"], 20)
    assert {each.partition("(")[0] for each in calls} == {"list", "add"}


def test_what_is_often_asked_of_inputs_is_kept() -> None:
    for source in more_calls(["search([1, 4, 9], 4)"], 30):
        items, number = json.loads(f"[{source.removeprefix('search(').removesuffix(')')}]")
        assert items == sorted(items)
        assert number >= 0
    assert all(len(each.split(",")) == 2 for each in more_calls(["move((1, 2))"], 10))


def test_what_is_nested_very_deep_is_compared_and_no_input_is_made_of_it() -> None:
    terms = " + 1" * (sys.getrecursionlimit() - 50)
    assert normal_form({"a.py": f"x = 1{terms}".encode()}) != normal_form({"a.py": f"x = 2{terms}".encode()})
    assert more_calls([f"f(1, 1{' + 1' * 600})"], 3) == []
