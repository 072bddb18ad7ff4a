"""``agent stats`` and ``agent compare`` as a user calls them."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Call, ModelReplied, Observed, Usage
from trajectories.log import EventLog

PATCH = "diff --git a/{0} b/{0}\n--- a/{0}\n+++ b/{0}\n@@ -1 +1 @@ def f(x):\n-    a\n+    b\n"


def attempt(
    run: Path,
    task: str,
    verdict: str,
    number: int = 1,
    path: str = "gold.py",
    steps: int = 2,
    status: str = "submitted",
) -> Path:
    """An attempt of a run, and its verdict as the evaluator leaves it (``""`` for none)."""
    file = run / "attempts" / task / str(number) / "trajectory.jsonl"
    patch = PATCH.format(path).replace("+    b", f"+    b{number}")
    with EventLog(file) as log:
        known = {"id": task, "repo": task.split("__")[0]}
        log.append(AttemptStarted(attempt_id=task, task=known, model="m", sandbox={"workdir": "/testbed"}))
        for step in range(1, steps + 1):
            call = Call(id=str(step), name="open", arguments={"path": path})
            log.append(ModelReplied(step=step, usage=Usage(prompt_tokens=100, completion_tokens=10, cost=0.5)))
            log.append(ActionTaken(step=step, call=call))
            log.append(Observed(step=step, call_id=str(step), text="def f(x):", data={"path": path}))
        log.append(AttemptEnded(status=status, patch=patch, steps=steps, duration=30.0))
    if verdict:
        digest = hashlib.sha256(patch.encode()).hexdigest()
        place = run / "verdicts" / task / f"k{number}"
        place.mkdir(parents=True)
        found = {"task_id": task, "status": verdict, "resolved": verdict == "resolved", "patch_sha256": digest}
        (place / "verdict.json").write_text(json.dumps(found))
    return file


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Four tasks: two resolved, one not, one lost to the provider."""
    place = tmp_path / "run"
    attempt(place, "x__1", "resolved")
    attempt(place, "x__2", "unresolved", path="elsewhere.py")
    attempt(place, "y__1", "resolved", steps=4)
    attempt(place, "y__2", "", status="model_error")
    return place


def test_the_summary_comes_first_and_names_what_was_left_out(user: Any, run: Path) -> None:
    done = user.agent("stats", str(run))
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    assert done.stdout.startswith("Summary\n")
    assert "66.7% (2 of 3 tasks; 95 %: 20.8% to 93.9%)" in done.stdout
    assert "infrastructure failed  1: y__2: model_error" in done.stdout
    assert ["open", "10", "0", "0.0%"] in [line[:4] for line in lines]
    assert ["y", "2", "1", "of", "1", "100.0%"] in [line[:6] for line in lines]
    assert "\x1b" not in done.stdout


def test_several_attempts_give_pass_at_k(user: Any, run: Path) -> None:
    attempt(run, "x__1", "unresolved", 2)
    attempt(run, "x__2", "resolved", 2)
    done = user.agent("stats", str(run))
    found = dict(line.strip().split("  ", 1) for line in done.stdout.splitlines() if "@" in line)
    assert found["pass@1"].strip().startswith("66.7%")  # (1/2 + 1/2 + 1) / 3
    assert found["pass@2"].strip().startswith("100.0%")
    assert "fewer attempts: y__1" in found["pass@2"]
    assert found["1@2"].strip().startswith("50.0%")


def test_json_has_everything(user: Any, run: Path) -> None:
    data = json.loads(user.agent("stats", str(run), "--json").stdout)
    assert data["summary"]["all"]["resolved"]["count"] == 2
    assert {row["task"]: row["failure"] for row in data["attempts"]} == {
        "x__1": "resolved",
        "x__2": "tests_failed",
        "y__1": "resolved",
        "y__2": "infrastructure",
    }
    assert data["tables"]["tools"][0]["calls"] == 10


def test_with_the_tasks_it_tells_how_near_the_attempts_came(user: Any, run: Path) -> None:
    rows = [
        {
            "instance_id": task,
            "repo": task[0],
            "base_commit": "0" * 40,
            "problem_statement": "p",
            "patch": PATCH.format("gold.py"),
        }
        for task in ("x__1", "x__2", "y__1", "y__2")
    ]
    (run.parent / "tasks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = user.agent("stats", str(run), "--tasks", str(run.parent / "tasks.jsonl"), "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    recall = {row["what"]: row["recall_share"] for row in data["tables"]["localisation"]}
    assert recall == {"files named": 0.75, "files opened": 0.75, "functions seen": 0.75, "files edited": 0.75}
    assert {row["task"]: row["failure"] for row in data["attempts"]}["x__2"] == "never_found"


@pytest.mark.parametrize(("by", "first"), [("repo", "x"), ("model", "m"), ("status", "submitted"), ("tool", "open")])
def test_one_table_by_what_was_asked(user: Any, run: Path, by: str, first: str) -> None:
    done = user.agent("stats", str(run), "--by", by)
    assert done.returncode == 0, done.stderr
    assert "Summary" not in done.stdout
    assert first in {line.split()[0] for line in done.stdout.splitlines() if line.strip()}


def test_parquet_is_written_beside_the_tables(user: Any, run: Path, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    done = user.agent("stats", str(run), "--parquet", str(tmp_path / "r.parquet"))
    assert done.returncode == 0, done.stderr
    assert "Summary" in done.stdout
    assert (tmp_path / "r.attempts.parquet").read_bytes()[:4] == b"PAR1"
    assert (tmp_path / "r.steps.parquet").read_bytes()[:4] == b"PAR1"


def test_on_a_terminal_the_tables_fit_it(user: Any, run: Path) -> None:
    above, below = pty.openpty()
    env = user.env | {"COLUMNS": "100", "TERM": "xterm-256color"}
    process = subprocess.Popen(user.command("stats", str(run)), stdout=below, stdin=subprocess.DEVNULL, env=env)
    os.close(below)
    shown = b""
    try:
        while chunk := os.read(above, 65536):
            shown += chunk
    except OSError:  # how a terminal says that nobody writes to it any more
        pass
    os.close(above)
    assert process.wait() == 0
    text = shown.decode()
    assert "\x1b[1mSummary" in text
    lines = [re.sub("\x1b[^m]*m", "", line).rstrip() for line in text.splitlines()]
    assert max(map(len, lines)) <= 100
    assert any(line.split()[:5] == ["x", "2", "1", "of", "2"] for line in lines)


def test_compare_two_runs(user: Any, run: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for task, verdict in (("x__1", "unresolved"), ("x__2", "unresolved"), ("y__1", "resolved"), ("y__2", "resolved")):
        attempt(other, task, verdict)
    done = user.agent("compare", str(run), str(other))
    assert done.returncode == 0, done.stderr
    assert "3 tasks that both have a verdict for" in done.stdout
    assert "Resolved by A only:\n  x__1\n" in done.stdout
    assert "Left out:\n  y__2: infrastructure in A (model_error)\n" in done.stdout
    data = json.loads(user.agent("compare", str(run), str(other), "--json").stdout)
    assert (data["both"], data["only_a"], data["only_b"], data["neither"]) == (["y__1"], ["x__1"], [], ["x__2"])
    assert data["p_value"] == 1.0


def test_compare_a_run_with_an_evaluation_of_others(user: Any, run: Path, tmp_path: Path) -> None:
    evaluation = tmp_path / "evaluation"
    evaluation.mkdir()
    verdicts = {name: {"task_id": name, "status": "unresolved", "resolved": False} for name in ("x__1", "x__2")}
    (evaluation / "results.json").write_text(json.dumps({"run_id": "published", "verdicts": verdicts}))
    done = user.agent("compare", str(run), str(evaluation), "--json")
    assert done.returncode == 0, done.stderr
    data = json.loads(done.stdout)
    assert (data["only_a"], data["neither"]) == (["x__1"], ["x__2"])


def test_compare_two_trajectories(user: Any, run: Path) -> None:
    a, b = (str(run / "attempts" / task / "1" / "trajectory.jsonl") for task in ("x__1", "y__1"))
    done = user.agent("compare", a, b)
    assert done.returncode == 0, done.stderr
    assert "They part at step 3: A ends." in done.stdout
    assert "attempts on different tasks" in done.stdout
    counts = json.loads(user.agent("compare", a, b, "--json").stdout)["counts"]
    assert counts == {"same": 2, "only_b": 2}
    directories = (str(Path(path).parent) for path in (a, b))
    assert json.loads(user.agent("compare", *directories, "--json").stdout)["counts"] == counts


def test_an_attempt_of_ours_from_end_to_end(user: Any, tmp_path: Path) -> None:
    from_solve = user.solve(*SOLVING, more=("--output", str(tmp_path / "out")))
    assert from_solve.returncode == 0, from_solve.stderr
    data = json.loads(user.agent("stats", str(tmp_path / "out"), "--json").stdout)
    (row,) = data["attempts"]
    assert (row["status"], row["steps"], row["first_edit"], row["patch_files"]) == ("submitted", 3, 2, ["calc.py"])


FIXED = "def add(a, b):\n    return a + b\n"
SOLVING = (
    {"tool_calls": [{"name": "bash", "arguments": {"command": "ls"}}]},
    {"tool_calls": [{"name": "rewrite_function", "arguments": {"path": "calc.py", "name": "add", "code": FIXED}}]},
    {"tool_calls": [{"name": "submit", "arguments": {}}]},
)


def test_wrong_input_is_one_line_and_two(user: Any, run: Path, tmp_path: Path) -> None:
    file = str(run / "attempts" / "x__1" / "1" / "trajectory.jsonl")
    (tmp_path / "empty").mkdir()
    (tmp_path / "no.jsonl").write_text("{}\n")
    wrong = [
        ("stats", "nowhere"),
        ("stats", str(tmp_path / "empty")),
        ("stats", str(tmp_path / "no.jsonl")),
        ("stats", str(run), "--by", "colour"),
        ("compare", file, str(run)),
        ("compare", file, "nowhere"),
        ("compare", file, str(tmp_path / "no.jsonl")),
        ("compare", str(run), str(tmp_path / "empty")),
    ]
    for arguments in wrong:
        done = user.agent(*arguments)
        assert (done.returncode, done.stdout) == (2, ""), arguments
        assert len(done.stderr.strip().splitlines()) == 1, done.stderr
