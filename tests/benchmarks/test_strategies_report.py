"""What benchmarks/strategies_report.py makes of the results."""

from __future__ import annotations

import pytest

from benchmarks.strategies_report import Row, figures, pairings


def row(arm: str, task: str, resolved: bool, name: str = "small") -> Row:
    spent = {"steps": 2, "seconds": 3.0, "prompt_tokens": 100, "cached_tokens": 60, "completion_tokens": 10}
    return {"arm": arm, "task": task, "set": name, "resolved": resolved, **spent}


def test_figures_of_an_arm_are_given_by_set_and_for_all() -> None:
    rows = [row("a", "1", True), row("a", "2", False), row("a", "3", True, "other")]
    found = {(each["arm"], each["set"]): each for each in figures(rows, ["a"])}
    assert {key: (each["solved"], each["tasks"]) for key, each in found.items()} == {
        ("a", "small"): (1, 2),
        ("a", "other"): (1, 1),
        ("a", "all"): (2, 3),
    }
    assert found["a", "all"]["tokens_a_solved_task"] == 165
    assert found["a", "all"]["fresh_tokens_a_solved_task"] == 75


def test_arms_are_compared_on_the_tasks_that_both_have_tried() -> None:
    rows = [row("base", str(number), number < 2) for number in range(8)]
    rows += [row("a", str(number), number > 0) for number in range(7)]
    (found,) = pairings(rows, ["base", "a", "never run"], "base")
    assert (found["arm"], found["tasks"], found["alone"], found["base_alone"]) == ("a", 7, 5, 1)
    assert found["p"] == pytest.approx(2 * (1 + 6) / 2**6)  # the sign test on six tasks, one of them the other way


def test_a_table_without_the_base_has_nothing_to_compare() -> None:
    assert pairings([row("a", "1", True)], ["a"], "base") == []
