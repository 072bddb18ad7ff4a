"""The tests that benchmarks/strategies_visible.py puts into a task's project."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.strategies_visible import with_tests, without_tests, write_row
from tasks.datasets import Selection, load_tasks
from tasks.task import Task

PYTEST = """import pytest
from load_testdata import load_json_testcases

if pytest.use_correct:
    from correct_python_programs.double import double
else:
    from python_programs.double import double


testdata = load_json_testcases(double.__name__)


@pytest.mark.parametrize("input_data,expected", testdata)
def test_double(input_data, expected):
    assert double(*input_data) == expected
"""


def read(place: Path, cases: list[list[object]] | None, test: str = PYTEST) -> Task:
    """A task of QuixBugs."""
    row = {
        "name": "double",
        "buggy": "def double(x):\n    return x + 2\n",
        "reference": "def double(x):\n    return 2 * x\n",
    }
    (place / "rows.jsonl").write_text(json.dumps({**row, "cases": cases, "pytest": test}) + "\n")
    (task,) = load_tasks(str(place / "rows.jsonl"), selection=Selection(), on_fault=pytest.fail)
    return task


def test_every_other_case_is_seen_and_runs(tmp_path: Path) -> None:
    task = read(tmp_path, [[[1], 2], [[2], 4], [[3], 6], [[4], 8], [[5], 10]])
    shown = with_tests(task)
    assert (shown.test_patch, shown.fail_to_pass, shown.patch) == ("", (), "")
    for path, text in shown.files.items():
        (tmp_path / path).write_text(text)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_double.py"]
    done = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.splitlines()[-1].startswith("3 failed")
    assert "assert 3 == 2" in done.stdout
    (tmp_path / "double.py").write_text("def double(x):\n    return x * 2\n")
    assert "3 passed" in subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False).stdout


def test_the_written_row_is_the_task(tmp_path: Path) -> None:
    shown = with_tests(read(tmp_path, [[[1], 2], [[2], 4]]))
    row = write_row(shown, tmp_path / "new" / "row.jsonl")
    assert list(load_tasks(str(row), selection=Selection(), on_fault=pytest.fail)) == [shown]


def test_what_an_agent_does_to_the_visible_test_is_not_graded(tmp_path: Path) -> None:
    task = read(tmp_path, [[[1], 2], [[2], 4]])
    mended, other = (
        f"diff --git a/{name} b/{name}\n--- a/{name}\n+++ b/{name}\n@@ -1,1 +1,1 @@\n-x\n+y\n"
        for name in ("double.py", "test_double.py")
    )
    assert without_tests(mended + other, task) == mended
    assert without_tests("", task) == ""


def test_a_test_without_cases_cannot_be_divided(tmp_path: Path) -> None:
    alone = "from python_programs.double import double\n\n\ndef test_one():\n    assert double(3) == 6\n"
    with pytest.raises(ValueError, match="quixbugs__double: its hidden test has no table of cases"):
        with_tests(read(tmp_path, None, alone))
