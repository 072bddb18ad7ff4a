"""Numbers: against brute force where that is possible, against published values, and by hand."""

from __future__ import annotations

import json
from itertools import combinations, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.metrics import (
    Outcome,
    compare_outcomes,
    mcnemar_exact,
    n_at_k,
    pass_at_k,
    percentile,
    summarize,
    wilson_interval,
)

samples = st.lists(st.booleans(), min_size=1, max_size=8)


@given(samples, st.data())
def test_pass_at_k_is_the_share_of_draws_with_a_correct_sample(correct: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(correct)))
    draws = [any(draw) for draw in combinations(correct, k)]
    assert pass_at_k(len(correct), sum(correct), k) == pytest.approx(sum(draws) / len(draws))


def test_pass_at_k_of_many_samples_neither_overflows_nor_loses_small_chances() -> None:
    assert pass_at_k(200, 10, 1) == 0.05
    assert pass_at_k(100_000, 1, 1) == 1e-5
    assert pass_at_k(5000, 0, 100) == 0
    assert pass_at_k(5000, 4990, 100) == 1


@pytest.mark.parametrize(("n", "c", "k"), [(2, 1, 3), (2, 3, 1), (2, -1, 1), (2, 1, 0), (0, 0, 1)])
def test_pass_at_k_refuses_what_has_no_meaning(n: int, c: int, k: int) -> None:
    with pytest.raises(ValueError, match="pass@k needs"):
        pass_at_k(n, c, k)


@given(samples, st.data())
def test_n_at_k_is_the_share_of_draws_whose_first_n_hold_a_correct_one(ranked: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(ranked)))
    n = data.draw(st.integers(1, k))
    draws = [any(draw[:n]) for draw in combinations(ranked, k)]  # combinations keep the order of rank
    assert n_at_k(ranked, n, k) == pytest.approx(sum(draws) / len(draws))
    assert n_at_k(ranked, k, k) == pytest.approx(pass_at_k(len(ranked), sum(ranked), k))


def test_n_at_k_rewards_a_good_choice() -> None:
    orders = {order: n_at_k(order, 1, 4) for order in set(permutations((True, False, False, False)))}
    assert orders[True, False, False, False] == 1
    assert orders[False, False, False, True] == 0
    with pytest.raises(ValueError, match="n@k needs"):
        n_at_k([True], 2, 2)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe, "Two-sided confidence intervals for the single proportion", Stat. Med. 17, 1998, table I.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_wilsons_as_published(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(trials - successes, trials) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_nothing_tried_tells_nothing() -> None:
    assert wilson_interval(0, 0) == (0, 1)
    assert summarize([]).all.resolved.value is None


@pytest.mark.parametrize(
    ("only_a", "only_b", "p"),
    [
        (0, 0, 1.0),
        (5, 5, 1.0),
        (0, 5, 0.0625),
        (1, 9, 0.021484375),
        # Agresti, "Categorical Data Analysis", the approval ratings: 86 and 150 changed their minds.
        (86, 150, 3.716e-05),
    ],
)
def test_mcnemars_exact_test_gives_known_values(only_a: int, only_b: int, p: float) -> None:
    assert mcnemar_exact(only_a, only_b) == pytest.approx(p, rel=1e-3)
    assert mcnemar_exact(only_b, only_a) == mcnemar_exact(only_a, only_b)


def test_percentiles_are_interpolated() -> None:
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([1, 2, 3, 4], 0.5) == 2.5
    assert percentile(range(11), 0.9) == 9
    assert percentile([7], 0.9) == 7


def judged(task: str, resolved: bool, attempt: int = 1, **more: object) -> Outcome:
    return Outcome(task=task, resolved=resolved, attempt=attempt, **{"status": "submitted", **more})  # type: ignore[arg-type]


def test_infrastructure_failures_stand_in_no_denominator_and_are_named() -> None:
    lost = Outcome(task="c", status="model_error", infrastructure=True, cost=0.25, steps=1000, seconds=9e9)
    broken = judged("d", False, verdict="broken_image", infrastructure=True)
    summary = summarize([judged("a", True, cost=0.5, steps=10), judged("b", False, cost=0.25, steps=20), lost, broken])
    assert (summary.all.resolved.count, summary.all.resolved.of) == (1, 2)
    assert summary.infrastructure == ("c: model_error", "d: broken_image")
    assert summary.all.steps_p90 == percentile([0, 10, 20][1:], 0.9)
    assert summary.all.cost == 1.0  # it was spent all the same
    assert summary.all.unpriced == 1
    assert [mean.tasks for mean in summary.pass_at] == [2]


def test_attempts_without_a_verdict_are_named_and_not_counted() -> None:
    summary = summarize([judged("a", True), Outcome(task="b", status="submitted")])
    assert summary.unjudged == ("b",)
    assert summary.all.resolved.of == 1


def test_pass_at_k_over_tasks_leaves_out_and_names_those_with_fewer_attempts() -> None:
    rows = [judged("a", n == 1, n) for n in (1, 2, 3, 4)] + [judged("b", False, n) for n in (1, 2, 3, 4)]
    rows += [judged("c", True, 1), judged("c", True, 2), Outcome(task="c", attempt=3, infrastructure=True)]
    summary = summarize(rows)
    found = {mean.name: mean for mean in summary.pass_at}
    assert found["pass@1"].value == pytest.approx((0.25 + 0 + 1) / 3)
    assert found["pass@2"].value == pytest.approx((0.5 + 0 + 1) / 3)
    assert found["pass@4"].value == pytest.approx((1 + 0) / 2)
    assert found["pass@4"].left_out == ("c",)
    assert found["pass@2"].left_out == ()
    low, high = found["pass@2"].interval
    assert low < (0.5 + 1) / 3 < high
    assert summary.infrastructure == ("c (attempt 3): ",)
    assert summarize(rows) == summary


def test_n_at_k_submits_what_the_attempts_speak_for() -> None:
    rows = [judged("a", False, 1, choice=1.0), judged("a", True, 2, choice=3.0), judged("a", False, 3, choice=2.0)]
    assert [(mean.name, mean.value) for mean in summarize(rows).n_at] == [("1@3", 1.0), ("2@3", 1.0)]
    worst = [judged("a", row.attempt == 1, row.attempt, choice=row.choice) for row in rows]
    assert [mean.value for mean in summarize(worst).n_at] == [0.0, 0.0]


def test_test_case_average_and_strict_accuracy_follow_apps() -> None:
    rows = [
        judged("all", True, passed=4, tests=4),
        judged("half", False, passed=1, tests=2),
        judged("empty", False, verdict="empty_patch"),
    ]
    whole = summarize(rows).all
    assert whole.test_case_average == pytest.approx((1 + 0.5 + 0) / 3)
    assert (whole.strict_accuracy.count, whole.strict_accuracy.of) == (1, 3)


def test_groups_add_up_and_the_summary_is_json() -> None:
    rows = [
        judged("a", True, repo="x/y", model="m", prompt_tokens=100, cached_tokens=40, completion_tokens=7),
        judged("b", False, repo="x/y", model="m", status="step_limit", prompt_tokens=100),
        judged("c", True, repo="z", model="m"),
    ]
    summary = summarize(rows)
    assert [(group.name, group.resolved.count, group.resolved.of) for group in summary.repositories] == [
        ("x/y", 1, 2),
        ("z", 1, 1),
    ]
    assert {group.name: group.attempts for group in summary.statuses} == {"submitted": 2, "step_limit": 1}
    assert summary.all.cached_share == 0.2
    data = json.loads(json.dumps(summary.as_dict()))
    assert data["all"]["resolved"]["value"] == pytest.approx(2 / 3)
    assert data["repositories"][0]["resolved"]["count"] == 1
    assert data["pass_at"][0]["name"] == "pass@1"


def test_two_runs_are_compared_on_what_both_have_a_verdict_for() -> None:
    a = [judged("both", True, cost=1.0, steps=5), judged("a", True), judged("b", False), judged("none", False)]
    b = [judged("both", True, cost=0.5, steps=9), judged("a", False), judged("b", True), judged("none", False)]
    a += [judged("lost", True), judged("only-in-a", True), judged("late", True)]
    b += [Outcome(task="lost", status="sandbox_lost", infrastructure=True), Outcome(task="late")]
    paired = compare_outcomes(a, b)
    assert (paired.both, paired.only_a, paired.only_b, paired.neither) == (("both",), ("a",), ("b",), ("none",))
    assert paired.left_out == {
        "late": "no verdict in B",
        "lost": "infrastructure in B (sandbox_lost)",
        "only-in-a": "not in B",
    }
    assert paired.p_value == 1
    assert [share.count for share in paired.resolved] == [2, 2]
    assert (paired.a["steps"], paired.b["steps"]) == (5, 9)
    assert paired.a["cost"] is None  # not every price is known


def test_a_task_counts_by_its_first_counted_attempt() -> None:
    lost = Outcome(task="t", attempt=1, status="interrupted", infrastructure=True)
    a = [lost, judged("t", True, 2), judged("t", False, 3)]
    assert compare_outcomes(a, [judged("t", False)]).only_a == ("t",)
    assert summarize(a).all.resolved.count == 1
