"""Whether swebench's own grading says the same of the logs of an evaluation as `agent evaluate` said, test by test.

Run: python benchmarks/grading_agreement.py --tasks FILE.jsonl EVALUATION...
Needs pip install 'patchwright[swebench]'.

FILE.jsonl holds SWE-bench rows; an EVALUATION is an output directory of `agent evaluate` on them. The package is
imported the usual way, not the way that tasks/grading does it.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tasks", required=True, type=Path, help="SWE-bench rows, one a line")
    parser.add_argument("evaluations", nargs="+", type=Path)
    arguments = parser.parse_args()
    rows = {row["instance_id"]: row for row in map(json.loads, arguments.tasks.read_text().splitlines())}
    differing = 0
    for evaluation in arguments.evaluations:
        judged = sorted(evaluation.glob("verdicts/*/*/verdict.json"))
        wrong = [path for path in judged if not agrees(rows, path)]
        differing += len(wrong)
        print(f"{evaluation}: {len(judged) - len(wrong)} of {len(judged)} the same")
        print(*(f"  differs: {path}" for path in wrong), sep="\n", end="")
    sys.exit(1 if differing else 0)


def agrees(rows: dict[str, Any], path: Path) -> bool:
    from swebench.harness.grading import get_eval_report
    from swebench.harness.utils import make_test_spec

    verdict = json.loads(path.read_text())
    task, tests = verdict["task_id"], verdict["tests"]
    # Without the tests that cannot pass in the row's environment.
    lists = {name: [*found["success"], *found["failure"]] for name, found in tests.items()}
    prediction = {"instance_id": task, "model_name_or_path": verdict["model"], "model_patch": "given"}
    log = str(path.with_name("test_output.txt"))
    theirs = get_eval_report(make_test_spec({**rows[task], **lists}), prediction, log, include_tests_status=True)
    return outcome(theirs[task]) == outcome(json.loads(path.with_name("report.json").read_text())[task])


def outcome(report: dict[str, Any]) -> tuple[bool, dict[str, dict[str, list[str]]]]:
    found = report.get("tests_status", {})
    return report["resolved"], {name: {key: sorted(ids) for key, ids in kinds.items()} for name, kinds in found.items()}


if __name__ == "__main__":
    main()
