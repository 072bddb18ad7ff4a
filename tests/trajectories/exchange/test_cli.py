"""``agent import`` and ``agent export`` as a user calls them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import Event

ROOT = Path(__file__).resolve().parents[3]
CALL = {"tool_call_id": "a", "function_name": "bash", "arguments": {"command": "ls"}}
ATIF = {
    "schema_version": "ATIF-v1.7",
    "agent": {"name": "a", "version": "1"},
    "steps": [
        {"step_id": 1, "source": "user", "message": "Fix it."},
        {"step_id": 2, "source": "agent", "message": "I look.", "tool_calls": [CALL]},
    ],
}


def agent(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "agent", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def run_of(directory: Path, *attempts: list[Event]) -> Path:
    for number, events in enumerate(attempts, 1):
        path = directory / "attempts" / "calc-1" / str(number) / "trajectory.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("".join(json.dumps(event.model_dump(mode="json")) + "\n" for event in events))
    return directory


def test_a_file_goes_in_and_comes_out(saved: Callable[..., Path], tmp_path: Path) -> None:
    path = saved(ATIF, "one.json")
    came = agent("import", path, "--output", tmp_path / "out")
    assert (came.returncode, came.stdout) == (0, f"{tmp_path / 'out' / 'one' / 'trajectory.jsonl'}\n")
    assert "1 attempt read as atif" in came.stderr
    went = agent("export", came.stdout.strip(), "--format", "atif")
    assert went.returncode == 0
    assert json.loads(went.stdout) == ATIF


def test_what_is_wrong_is_one_line_and_exit_code_2(saved: Callable[..., Path], tmp_path: Path) -> None:
    odd, good = saved({"a": 1}, "odd.json"), saved(ATIF, "good.json")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "trajectory.jsonl").touch()
    for arguments in (
        ("import", good, odd, "--output", tmp_path / "out"),
        ("import", good, "--output", tmp_path / "out", "--format", "swe-agent"),
        ("import", good, "--output", tmp_path / "out", "--format", "atiff"),
        ("export", good, "--format", "atif"),
        ("export", tmp_path / "absent", "--format", "atif"),
        ("export", tmp_path / "empty", "--format", "atif"),
        ("export", tmp_path / "empty", "--format", "preds"),
        ("export", tmp_path, "--format", "nothing"),
    ):
        done = agent(*arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_with_verdicts_becomes_training_data(attempt: Callable[..., list[Event]], tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", attempt("good", "diff good\n"), attempt("bad", "diff bad\n", "pwd"))
    for key, patch, resolved in (("k1", "diff good\n", True), ("k2", "diff bad\n", False)):
        place = run / "verdicts" / "calc-1" / key
        place.mkdir(parents=True)
        (place / "verdict.json").write_text(json.dumps({"task_id": "calc-1", "resolved": resolved}))
        (place / "patch.diff").write_text(patch)
    pairs = agent("export", run, "--format", "dpo")
    assert pairs.returncode == 0, pairs.stderr
    assert json.loads(pairs.stdout)["chosen_attempt"] == "good"
    chosen = agent("export", run, "--format", "openai", "--resolved")
    (row,) = [json.loads(line) for line in chosen.stdout.splitlines()]
    assert row["tools"][0]["function"]["name"] == "bash"
    predictions = agent("export", run, "--format", "preds", "--output", tmp_path / "preds.json")
    assert predictions.returncode == 0
    assert json.loads((tmp_path / "preds.json").read_text())["calc-1"]["model_patch"] == "diff good\n"


def test_forks_beside_a_run_give_values_of_steps(attempt: Callable[..., list[Event]], tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", attempt("a", "diff bad\n"))
    origin = {"attempt_id": "a", "step": 1, "relation": "fork", "changed": []}
    for name, patch in (("f1", "diff good\n"), ("f2", "diff bad\n")):
        events = attempt(name, patch)
        lines = [events[0].model_copy(update={"parent": origin}), *events[1:]]
        place = tmp_path / "forks" / name
        place.mkdir(parents=True)
        (place / "trajectory.jsonl").write_text("".join(event.model_dump_json() + "\n" for event in lines))
    verdicts = tmp_path / "forks" / "verdicts" / "calc-1"
    for key, patch, resolved in (("k1", "diff good\n", True), ("k2", "diff bad\n", False)):
        (verdicts / key).mkdir(parents=True)
        (verdicts / key / "verdict.json").write_text(json.dumps({"task_id": "calc-1", "resolved": resolved}))
        (verdicts / key / "patch.diff").write_text(patch)
    done = agent("export", run, tmp_path / "forks", run, "--format", "rollouts")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["attempt"] for row in rows] == ["a", "f1", "f2"]
    (value,) = rows[0]["step_values"]
    assert (value["step"], value["value"], value["judged"]) == (1, 0.5, 2)


def test_several_files_need_a_directory(attempt: Callable[..., list[Event]], tmp_path: Path) -> None:
    run = run_of(tmp_path / "run", attempt("a"), attempt("b"))
    refused = agent("export", run, "--format", "swe-agent")
    assert refused.returncode == 2
    assert "give --output DIRECTORY" in refused.stderr
    done = agent("export", run, "--format", "swe-agent", "--output", tmp_path / "out")
    assert done.returncode == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["calc-1.2.traj", "calc-1.traj"]


@pytest.mark.parametrize("command", ["import", "export"])
def test_help_lists_the_formats(command: str) -> None:
    from trajectories.exchange import EXPORTERS, IMPORTERS

    shown: Any = agent(command, "--help").stdout
    words = "".join(character if character.isalnum() or character == "-" else " " for character in shown).split()
    assert set(IMPORTERS if command == "import" else EXPORTERS) <= set(words)
