"""Run directories: which trajectories are found, and which verdict belongs to which attempt."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from trajectories.stats import gather, tables, write_parquet

EDIT = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@\n-a\n+b\n"
GOLD, OTHER = EDIT.format("gold.py"), EDIT.format("other.py")


def judge(store: Path, task: str, patch: str | None, status: str, **more: Any) -> None:
    """A verdict as the evaluator leaves it."""
    digest = hashlib.sha256((patch or "").encode()).hexdigest()
    place = store / "verdicts" / task / digest[:12]
    place.mkdir(parents=True)
    verdict = {"task_id": task, "status": status, "resolved": status == "resolved", "patch_sha256": digest, **more}
    (place / "verdict.json").write_text(json.dumps(verdict))
    if patch:
        (place / "patch.diff").write_text(patch)


def test_every_attempt_gets_the_verdict_on_its_own_patch(write: Any, tmp_path: Path) -> None:
    for number, patch in enumerate((GOLD, OTHER, "", EDIT.format("third.py")), 1):
        write("t", number).end(patch=patch)
    tests = {"FAIL_TO_PASS": {"success": ["a"], "failure": ["b"]}, "PASS_TO_PASS": {"success": ["c"], "failure": []}}
    judge(tmp_path / "run", "t", GOLD, "resolved")
    judge(tmp_path / "run", "t", OTHER, "unresolved", tests=tests)
    judge(tmp_path / "run", "t", None, "empty_patch")
    found = {row.attempt: row for row in gather([tmp_path / "run"]).attempts}
    assert {number: row.resolved for number, row in found.items()} == {1: True, 2: False, 3: False, 4: None}
    assert (found[2].tests_passed, found[2].tests) == (2, 3)
    assert found[3].verdict == "empty_patch"
    (alone,) = gather([found[2].trajectory and Path(found[2].trajectory)]).attempts
    assert (alone.resolved, alone.attempt) == (False, 2)


def test_a_patch_that_is_masked_in_its_trajectory_has_its_verdict(write: Any, tmp_path: Path) -> None:
    patch = GOLD.replace("+b", f"+b = 'ghp_{'A1b2C3d4E5' * 4}'")
    path = write("t").end(patch=patch)
    judge(tmp_path / "run", "t", patch, "resolved")
    assert gather([tmp_path / "run"]).attempts[0].resolved is None
    path.with_name("patch.diff").write_text(patch)
    assert gather([tmp_path / "run"]).attempts[0].resolved is True
    path.with_name("patch.diff").write_text(OTHER)
    assert gather([tmp_path / "run"]).attempts[0].resolved is None


def test_an_evaluation_elsewhere_is_named_beside_the_run(write: Any, tmp_path: Path) -> None:
    write("t").end(patch=GOLD)
    judge(tmp_path / "evaluation", "t", GOLD, "resolved")
    assert gather([tmp_path / "run"]).attempts[0].resolved is None
    assert gather([tmp_path / "run", tmp_path / "evaluation"]).attempts[0].resolved is True


def test_the_harness_own_reports_are_read_too(write: Any, tmp_path: Path) -> None:
    write("a").end(patch=GOLD)
    write("b").end(patch=GOLD)
    write("c").end(patch=GOLD)
    (tmp_path / "run" / "preds.json").write_text("{}")
    (tmp_path / "run" / "m.now.json").write_text(json.dumps({"resolved_ids": ["a"], "unresolved_ids": ["b"]}))
    assert {row.task: row.resolved for row in gather([tmp_path / "run"]).attempts} == {"a": True, "b": False, "c": None}


def test_a_broken_trajectory_is_named_and_the_rest_goes_on(write: Any, tmp_path: Path) -> None:
    write("a").end()
    bad = write("b").end()
    bad.write_text(bad.read_text() + "not json\n")
    (tmp_path / "run" / "log.jsonl").write_text('{"level": "info"}\n')
    rows = gather([tmp_path / "run"])
    assert [row.task for row in rows.attempts] == ["a"]
    assert len(rows.faults) == 1
    assert "trajectory.jsonl:3 is not an event" in rows.faults[0]


def test_where_nothing_is_there_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no trajectory in"):
        gather([tmp_path])
    with pytest.raises(UsageError, match="there is no"):
        gather([tmp_path / "absent"])


def test_tables_add_up(write: Any, tmp_path: Path) -> None:
    one = write("a").do("open", {"path": "gold.py"}).edit("gold.py", code="guard-refused").edit("gold.py")
    one.do("run_tests", code="tests-failed").end(patch=GOLD)
    write("b").malformed().do("bash", {"command": "ls"}).do("bash", {"command": "ls"}).end("step_limit")
    rows = gather([tmp_path / "run"])
    made = {table.name: table.as_dicts() for table in tables(rows.attempts, rows.steps)}
    assert [(row["tool"], row["calls"], row["failed"], row["repeated"]) for row in made["tools"]] == [
        ("bash", 2, 0, 1),
        ("edit", 2, 1, 0),
        ("open", 1, 0, 0),
        ("run_tests", 1, 1, 0),
    ]
    assert sum(row["read"] for row in made["tools"]) == 600  # the malformed reply chose no tool
    assert {(row["tool"], row["code"]) for row in made["codes"]} == {
        ("edit", "guard-refused"),
        ("run_tests", "tests-failed"),
        ("(malformed reply)", "no-action"),
    }
    (refused,) = made["refusals"]
    assert (refused["refused"], refused["same"], refused["landed_later_share"]) == (1, 1, 1.0)
    assert {row["class"]: row["attempts"] for row in made["failures"]} == {"tests_failed": 1, "limits": 1}
    assert [(row["steps"], row["calls"], row["read"]) for row in made["stretches"]] == [("1–5", 7, 100)]
    shares = {row["what"]: row["attempts_share"] for row in made["work"]}
    assert shares["changed a file"] == 0.5
    assert "localisation" not in made


def test_parquet_holds_the_same_rows(write: Any, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    write("a").do("open", {"path": "x.py"}).edit("x.py").end(patch=EDIT.format("x.py"))
    write("b").malformed().stop()
    rows = gather([tmp_path / "run"])
    attempts, steps = write_parquet(rows, tmp_path / "out" / "all.parquet")
    assert attempts.name == "all.attempts.parquet"
    read = parquet.read_table(attempts).to_pylist()
    assert [(row["task"], row["status"], row["resolved"], row["patch_files"]) for row in read] == [
        ("a", "submitted", None, ["x.py"]),
        ("b", "", None, []),
    ]
    found = parquet.read_table(steps).to_pylist()
    assert [(row["trajectory"], row["tool"]) for row in found] == [(row.trajectory, row.tool) for row in rows.steps]
