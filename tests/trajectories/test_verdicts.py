"""Verdicts on disk: which files they are read from, and which attempt they are taken to be on."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tasks.grading.verdict import Verdict as Graded
from tasks.grading.verdict import patch_digest as graders_digest
from trajectories.log import TrajectoryError
from trajectories.verdicts import Verdict, Verdicts, patch_digest, read_verdicts

GOOD = "diff --git a/calc.py b/calc.py\n--- a/calc.py\n+++ b/calc.py\n@@ -1 +1 @@\n-a\n+b\n"
BAD = GOOD.replace("+b", "+c")
LATIN = b"+caf\xe9\n".decode("utf-8", "surrogateescape")


def judge(directory: Path, key: str, patch: str, status: str, **more: Any) -> Path:
    """A verdict as the evaluator leaves it."""
    place = directory / "verdicts" / "calc-1" / key
    place.mkdir(parents=True)
    tests = {"FAIL_TO_PASS": {"success": ["t"], "failure": []}, "PASS_TO_PASS": {"success": [], "failure": ["u"]}}
    facts = {"tests": tests, "patch_sha256": graders_digest(patch), "resolved": status == "resolved", **more}
    verdict = Graded.model_validate({"task_id": "calc-1", "model": "m", "status": status, **facts})
    (place / "verdict.json").write_text(verdict.model_dump_json())
    (place / "patch.diff").write_text(patch, "utf-8", errors="surrogateescape")
    (place / "test_output.txt").write_text("E   ValueError: no\n")
    return place


def save(path: Path, data: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))
    return path


@pytest.mark.parametrize("patch", ["", GOOD, LATIN, "+\ud83d\n"])
def test_a_patch_has_the_digest_that_the_grader_gives_it(patch: str) -> None:
    assert patch_digest(patch) == graders_digest(patch)


@pytest.mark.parametrize("place", [".", "verdicts", "verdicts/calc-1/k1/verdict.json", ".."])
def test_an_evaluation_has_a_verdict_for_each_patch(place: str, tmp_path: Path) -> None:
    home = tmp_path / "evaluation"
    judge(home, "k1", GOOD, "resolved")
    judge(home, "k2", LATIN, "unresolved")
    verdicts = read_verdicts([home / place])
    good = verdicts.of("calc-1", GOOD)
    assert good is not None
    assert (good.resolved, good.passed, good.failed, good.tests) == (True, ("t",), ("u",), 2)
    assert good.output() == "E   ValueError: no\n"
    if not place.endswith(".json"):
        bad = verdicts.of("calc-1", LATIN)
        assert bad is not None
        assert bad.status == "unresolved"
    assert verdicts.of("calc-1", "another patch") is None
    assert verdicts.of("calc-2", GOOD) is None


def test_a_patch_is_known_without_its_digest_and_whatever_blank_space_is_around_it(tmp_path: Path) -> None:
    place = judge(tmp_path, "k1", f"\n{GOOD}\n", "resolved")
    save(place / "verdict.json", {"task_id": "calc-1", "resolved": True})
    found = read_verdicts([tmp_path]).of("calc-1", GOOD)
    assert found is not None
    assert found.status == "resolved"


def test_an_empty_patch_has_its_verdict(tmp_path: Path) -> None:
    save(tmp_path / "results.json", {"verdicts": {"calc-1": {"task_id": "calc-1", "status": "empty_patch"}}})
    verdicts = read_verdicts([tmp_path])
    found = verdicts.of("calc-1", "")
    assert found is not None
    assert (found.status, found.resolved) == ("empty_patch", False)
    assert verdicts.of("calc-1", GOOD) is None


@pytest.mark.parametrize(
    "data",
    [
        {"calc-1": {"resolved": True, "patch_successfully_applied": True, "tests_status": {}}},
        {"verdicts": [{"task_id": "calc-1", "status": "resolved"}]},
        {"tasks": {"calc-1": {"resolved": True}}},
        {"resolved_ids": ["calc-1"], "unresolved_ids": ["calc-2"], "schema_version": 2},
    ],
)
def test_reports_of_several_kinds_are_read(data: Any, tmp_path: Path) -> None:
    found = read_verdicts([save(tmp_path / "results.json", data)]).of("calc-1", GOOD)
    assert found is not None
    assert (found.resolved, found.status) == (True, "resolved")


def test_how_an_attempt_of_a_batch_ended_is_no_verdict(tmp_path: Path) -> None:
    row = {"task_id": "calc-1", "attempt": 1, "status": "submitted", "resolved": None, "verdict": None}
    assert read_verdicts([save(tmp_path / "results.json", {"attempts": [row]})]).all == ()


def test_the_harness_own_reports_are_read_and_say_which_patch(tmp_path: Path) -> None:
    place = tmp_path / "logs" / "run_evaluation" / "now" / "m" / "calc-1"
    save(place / "report.json", {"calc-1": {"resolved": False, "patch_exists": True, "tests_status": {}}})
    (place / "patch.diff").write_text(BAD)
    save(tmp_path / "m.now.json", {"resolved_ids": [], "unresolved_ids": ["calc-1"], "error_ids": ["calc-2"]})
    verdicts = read_verdicts([tmp_path])
    assert verdicts.of("calc-1", GOOD) is None
    found, broken = verdicts.of("calc-1", BAD), verdicts.of("calc-2", BAD)
    assert found is not None
    assert broken is not None
    assert (found.status, broken.status, broken.infrastructure) == ("unresolved", "error", True)


def test_verdicts_on_no_named_patch_are_the_first_attempts_if_they_agree() -> None:
    yes, no = Verdict("calc-1", True, "resolved", model="x"), Verdict("calc-1", False, "unresolved", model="y")
    assert Verdicts([yes]).of("calc-1", GOOD, number=1) is yes
    assert Verdicts([yes]).of("calc-1", GOOD, number=2) is None
    assert Verdicts([yes, no]).of("calc-1", GOOD) is None
    assert Verdicts([yes, no]).of("calc-1", GOOD, model="y") is no


def test_of_several_verdicts_on_a_patch_the_one_on_the_patch_counts_and_then_the_latest(tmp_path: Path) -> None:
    judge(tmp_path, "k1", GOOD, "unresolved")
    judge(tmp_path, "k2", GOOD, "resolved")
    judge(tmp_path, "k3", GOOD, "infrastructure", tests={})
    for age, key in enumerate(("k3", "k2", "k1")):
        os.utime(tmp_path / "verdicts" / "calc-1" / key / "verdict.json", (1e9 - age, 1e9 - age))
    found = read_verdicts([tmp_path]).of("calc-1", GOOD)
    assert found is not None
    assert found.status == "resolved"


def test_a_trajectory_alone_has_the_verdicts_of_its_run(tmp_path: Path) -> None:
    judge(tmp_path / "run", "k1", GOOD, "resolved")
    judge(tmp_path / "forks", "k1", BAD, "unresolved")
    save(tmp_path / "other" / "attempts" / "calc-2" / "1" / "trajectory.jsonl", {})
    save(tmp_path / "other" / "m.now.json", {"resolved_ids": ["calc-2"]})
    around = [
        tmp_path / "run" / "attempts" / "calc-1" / "3" / "trajectory.jsonl",
        tmp_path / "forks" / "2" / "trajectory.jsonl",
        tmp_path / "other" / "attempts" / "calc-2" / "1" / "trajectory.jsonl",
    ]
    verdicts = read_verdicts([], around)
    assert [v.status for v in (verdicts.of("calc-1", GOOD), verdicts.of("calc-1", BAD)) if v] == [
        "resolved",
        "unresolved",
    ]
    assert verdicts.of("calc-2", GOOD) is not None


def test_what_is_being_written_is_passed_over_in_a_directory(tmp_path: Path) -> None:
    judge(tmp_path, "k1", GOOD, "resolved")
    judge(tmp_path, "../.under-way-x/k2", BAD, "resolved")
    torn = tmp_path / "verdicts" / "calc-1" / "k3" / "verdict.json"
    torn.parent.mkdir()
    torn.write_text('{"task_id": "calc')
    verdicts = read_verdicts([tmp_path])
    assert verdicts.of("calc-1", GOOD) is not None
    assert verdicts.of("calc-1", BAD) is None
    with pytest.raises(TrajectoryError, match="is not JSON"):
        read_verdicts([torn])
    with pytest.raises(TrajectoryError, match="no such file"):
        read_verdicts([tmp_path / "absent.json"])
