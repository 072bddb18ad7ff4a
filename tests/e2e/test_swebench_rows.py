"""Ten real SWE-bench instances from source distributions: their known solutions resolve, in real containers.

Run by `make verdicts`, which takes some minutes: packages and their environments come from the package index.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROWS = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "swebench" / "dev.jsonl"
COUNT = 10

pytestmark = [
    pytest.mark.swebench,
    pytest.mark.docker,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        not ROWS.exists(), reason="the SWE-bench rows are not beside this checkout (shared/data/swebench)"
    ),
]

#: swebench's own report on a log of ours, by the package's usual import.
GRADE = """
import json, sys
from swebench.harness.grading import get_eval_report
from swebench.harness.utils import make_test_spec
for row, prediction, log in json.load(sys.stdin):
    report = get_eval_report(make_test_spec(row), prediction, log, include_tests_status=True)
    print(json.dumps(report))
"""


def ten_rows() -> list[dict[str, Any]]:
    """Rows with a source distribution: one of each repository in turn, by id."""
    by_repository: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(ROWS.read_text().splitlines(), key=lambda line: json.loads(line)["instance_id"]):
        row = json.loads(line)
        if "sdist" in row["environment"]:
            by_repository.setdefault(row["repo"], []).append(row)
    turns = [row for turn in range(COUNT) for rows in by_repository.values() for row in rows[turn : turn + 1]]
    return turns[:COUNT]


@pytest.fixture(scope="module")
def output(docker_image: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("rows")
    (place / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in ten_rows()))
    for predictions in ("gold", "empty"):
        command = [sys.executable, "-m", "agent", "evaluate", "--tasks", str(place / "rows.jsonl"), "--workers", "2",
                   "--predictions", predictions, "--sandbox", "docker", "--base-image", docker_image,
                   "--output", str(place / predictions)]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return place


def test_known_solutions_resolve_and_no_patch_does_not(output: Path) -> None:
    wanted = {row["instance_id"] for row in ten_rows()}
    gold, empty = (json.loads((output / f"{name}/{name}.{name}.json").read_text()) for name in ("gold", "empty"))
    assert (set(gold["resolved_ids"]), set(empty["resolved_ids"])) == (wanted, set())


def test_verdicts_are_those_of_swebench_on_the_same_logs(output: Path) -> None:
    asked, ours = [], []
    for row in ten_rows():
        (verdict,) = (output / "gold" / "verdicts" / row["instance_id"]).glob("*/verdict.json")
        known = json.loads(verdict.read_text())["tests"]
        lists = {name: [*known[name]["success"], *known[name]["failure"]] for name in ("FAIL_TO_PASS", "PASS_TO_PASS")}
        prediction = {"instance_id": row["instance_id"], "model_name_or_path": "gold", "model_patch": row["patch"]}
        asked.append([{**row, **lists}, prediction, str(verdict.with_name("test_output.txt"))])
        ours.append(json.loads(verdict.with_name("report.json").read_text()))
    command = [sys.executable, "-W", "ignore", "-c", GRADE]
    done = subprocess.run(command, input=json.dumps(asked), capture_output=True, text=True, check=True, cwd=output)
    theirs = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert theirs == ours
