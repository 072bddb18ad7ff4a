"""Attempts that a strategy spends: order, budgets, fresh computers, resuming, and what never gets into them."""

from __future__ import annotations

from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from agent.config import Config
from agent.models.base import ModelError, Query, Reply
from agent.models.scripted import ScriptedModel
from agent.status import Status
from agent.strategies import names, parse
from tests.agent.conftest import SUBMIT, call, fix, scripted, types
from tests.agent.strategies.conftest import CANARY, Run, texts
from trajectories.events import AttemptStarted, Evaluated, TrialEnded, TrialStarted
from trajectories.log import read_events

pytestmark = pytest.mark.strategies

WRONG = fix("return a * b")
LOOK = call("bash", command="cat calc.py")


def test_the_first_convincing_candidate_ends_the_search(tree: Run, tmp_path: Path) -> None:
    done = tree("best-of-n", WRONG, SUBMIT, fix(), SUBMIT)
    ended = done.run()
    assert ended.status == Status.SUBMITTED
    assert ended.steps == 4
    assert "+    return a + b" in done.patch
    assert "a * b" not in done.patch
    events = read_events(tmp_path / "attempt/trajectory.jsonl")
    assert types(events) == [
        "attempt_started", "trial_started", "trial_ended", "evaluated",
        "trial_started", "trial_ended", "evaluated", "noted", "patch_changed", "attempt_ended",
    ]  # fmt: skip
    judged = [event.passed for event in events if isinstance(event, Evaluated)]
    assert judged == [False, True]


def test_each_trial_begins_on_a_fresh_computer(tree: Run, tmp_path: Path) -> None:
    tree("best-of-n", WRONG, call("bash", command="echo 1 > left.txt"), SUBMIT, LOOK, fix(), SUBMIT).run()
    second = (tmp_path / "attempt/trials/2/trajectory.jsonl").read_text()
    assert "return a - b" in second
    assert "return a * b" not in second
    assert "left.txt" not in second


def test_the_budget_is_shared_out_and_never_exceeded(tree: Run, tmp_path: Path) -> None:
    looks = [call("bash", command=f"echo {number}") for number in range(40)]
    done = tree("best-of-n", *looks, settings=("limits.steps=10", "strategy.candidates=3"))
    ended = done.run()
    assert ended.steps == 10
    events = read_events(tmp_path / "attempt/trajectory.jsonl")
    shares = [event.limits["steps"] for event in events if isinstance(event, TrialStarted)]
    assert shares == [3, 4, 3]
    assert sum(event.steps for event in events if isinstance(event, TrialEnded)) == 10


@pytest.mark.parametrize("strategy", ["reflexion", "repair-loop"])
def test_a_trial_knows_the_changes_that_failed(tree: Run, tmp_path: Path, strategy: str) -> None:
    lesson = {"content": "It multiplies. It has to add."}
    tree(strategy, WRONG, SUBMIT, lesson, fix(), SUBMIT, settings=("strategy.repair_from=base",)).run()
    first, second = (read_events(tmp_path / f"attempt/trials/{n}/trajectory.jsonl")[0] for n in (1, 2))
    assert isinstance(first, AttemptStarted)
    assert isinstance(second, AttemptStarted)
    assert first.failed_patches == []
    (failed,) = second.failed_patches
    assert failed == (tmp_path / "attempt/trials/1/patch.diff").read_text()


@pytest.mark.parametrize("strategy", ["best-of-n", "programmer-tester", "reflexion", "repair-loop"])
def test_the_first_trial_may_use_more_than_the_others(tree: Run, tmp_path: Path, strategy: str) -> None:
    three = ("strategy.candidates=3", "strategy.trials=3", f"strategy.rounds={2 if strategy == 'repair-loop' else 3}")
    looks = [call("bash", command=f"echo {number}") for number in range(40)]
    tree(strategy, *looks, settings=("limits.steps=20", "strategy.first_share=0.5", *three)).run()
    events = read_events(tmp_path / "attempt/trajectory.jsonl")
    first, second, *_ = [event.limits["steps"] for event in events if isinstance(event, TrialStarted)]
    assert first in (9, 10)  # half of what designing tests left
    assert second <= (20 - first) / 2


def test_what_the_hidden_tests_say_is_in_no_event(tree: Run, tmp_path: Path) -> None:
    tree("best-of-n", WRONG, SUBMIT, fix(), SUBMIT).run()
    recorded = texts(tmp_path / "attempt")
    assert "subtracts" in recorded
    assert CANARY not in recorded


class _BreaksOff(ScriptedModel):
    """Fails at one call, once."""

    def __init__(self, model: ScriptedModel, at: int) -> None:
        super().__init__(model.replies)
        self.at: int | None = at
        self.asked: list[int] = []

    def query(self, query: Query) -> Reply:
        if query.index == self.at:
            self.at = None
            raise ModelError("the network is down")
        self.asked.append(query.index)
        return super().query(query)


@pytest.mark.parametrize("at", range(5))
def test_an_attempt_that_was_cut_off_anywhere_goes_on_and_asks_nothing_twice(
    tree: Run, tmp_path: Path, at: int
) -> None:
    replies = (WRONG, LOOK, SUBMIT, fix(), SUBMIT)
    model = _BreaksOff(scripted(*replies), at)
    ended = tree("best-of-n", model=model).run()
    assert ended.status == Status.MODEL_ERROR
    again = tree("best-of-n", model=model)
    ended = again.run()
    assert ended.status == Status.SUBMITTED
    assert ended.steps == len(replies)
    assert model.asked == list(range(len(replies)))
    assert "+    return a + b" in again.patch
    trials = [e.name for e in read_events(tmp_path / "attempt/trajectory.jsonl") if isinstance(e, TrialEnded)]
    assert trials == ["1", "2"]


def test_trials_say_what_they_are_part_of(tree: Run, tmp_path: Path) -> None:
    tree("best-of-n", fix(), SUBMIT).run()
    root = read_events(tmp_path / "attempt/trajectory.jsonl")[0]
    first = read_events(tmp_path / "attempt/trials/1/trajectory.jsonl")[0]
    assert isinstance(root, AttemptStarted)
    assert isinstance(first, AttemptStarted)
    assert first.parent == {"relation": "trial", "attempt_id": root.attempt_id, "trial": "1"}


def test_every_strategy_that_is_named_can_be_made() -> None:
    assert [strategy.name for name in names() for strategy in parse(name)] == names()[1:]
    assert Config().agent.strategy == "single"


def test_an_unknown_strategy_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UsageError, match="did you mean best-of-n"):
        parse("best-of-m")
    with pytest.raises(UsageError, match="stands there twice"):
        parse("best-of-n+best-of-n")


def test_candidates_get_their_variants_in_turn(tree: Run, tmp_path: Path) -> None:
    variants = '[{"agent.system_prompt": "small"}, {"aci.window": 7}]'
    settings = (f"strategy.variants={variants}", "strategy.candidates=3")
    tree("best-of-n", WRONG, SUBMIT, WRONG, SUBMIT, fix(), SUBMIT, settings=settings).run()
    configs = [read_events(tmp_path / f"attempt/trials/{n}/trajectory.jsonl")[0].config for n in (1, 2, 3)]
    assert [config["agent"]["system_prompt"] for config in configs] == ["small", "default", "small"]
    assert [config["aci"]["window"] for config in configs] == [100, 7, 100]


def test_a_variant_that_names_no_setting_is_refused_at_once(tree: Run) -> None:
    with pytest.raises(UsageError, match=r"strategy\.variants: unknown key aci\.windw; did you mean aci\.window"):
        tree("best-of-n", settings=('strategy.variants=[{"aci.windw": 7}]',))
