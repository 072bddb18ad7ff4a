"""The classes of failure, and the order in which they are tried."""

from __future__ import annotations

from typing import Any

import pytest

from trajectories.stats import CLASSES, facts, read_attempt, touched
from trajectories.verdicts import Verdict

EDIT = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-a\n+b\n"
GOLD, OTHER = EDIT.format("gold.py"), EDIT.format("other.py")
YES = Verdict("t", True, "resolved")
NO = Verdict("t", False, "unresolved")
BROKEN = Verdict("t", False, "broken_image")


def look(script: Any) -> Any:
    return script.do("open", {"path": "gold.py"})


def blind(script: Any) -> Any:
    return script.do("bash", {"command": "ls"}, "gold.py")


def failing(script: Any) -> Any:
    return look(script).do("run_tests", code="tests-failed")


@pytest.mark.parametrize(
    ("name", "steps", "status", "patch", "verdict"),
    [
        ("infrastructure", look, "model_error", GOLD, NO),
        ("infrastructure", look, "submitted", GOLD, BROKEN),
        ("resolved", blind, "submitted", OTHER, YES),
        ("resolved", look, "step_limit", GOLD, YES),
        ("format_errors", blind, "format_limit", "", None),
        ("format_errors", blind, "exit_format", "", None),
        ("gave_up", blind, "submitted", "", Verdict("t", False, "empty_patch")),
        ("never_found", blind, "submitted", OTHER, NO),
        ("never_found", blind, "step_limit", "", None),
        ("not_edited", look, "submitted", OTHER, NO),
        ("not_edited", look, "cost_limit", "", None),
        ("tests_failed", look, "submitted", GOLD, NO),
        ("tests_failed", blind, "step_limit", GOLD, NO),
        ("tests_failed", failing, "submitted", GOLD, None),
        ("limits", look, "repetition_limit", GOLD, None),
        ("unjudged", look, "submitted", GOLD, None),
    ],
)
def test_classes(write: Any, name: str, steps: Any, status: str, patch: str, verdict: Verdict | None) -> None:
    recorded = read_attempt(steps(write()).end(status, patch))
    row, _ = facts(recorded, verdict=verdict, gold=touched(GOLD))
    assert row.failure == name


@pytest.mark.parametrize(
    ("name", "status", "patch", "verdict"),
    [
        ("tests_failed", "submitted", OTHER, NO),
        ("tests_failed", "token_limit", OTHER, Verdict("t", False, "unappliable")),
        ("limits", "exit_context", "", None),
        ("limits", "submitted (exit_cost)", OTHER, None),
        ("limits", "submitted (exit_cost)", "", None),
        ("limits", "LimitsExceeded", "", None),
        ("gave_up", "Submitted", "", None),
        ("unjudged", "submitted", OTHER, None),
    ],
)
def test_without_a_known_solution(write: Any, name: str, status: str, patch: str, verdict: Verdict | None) -> None:
    row, _ = facts(read_attempt(blind(write()).end(status, patch)), verdict=verdict)
    assert row.failure == name


def test_every_class_says_what_it_means() -> None:
    assert all(each.__doc__ and "\n" not in each.__doc__ for each in CLASSES)
    assert [each.__name__ for each in CLASSES] == [
        "infrastructure",
        "resolved",
        "format_errors",
        "gave_up",
        "never_found",
        "not_edited",
        "tests_failed",
        "limits",
        "unjudged",
    ]
