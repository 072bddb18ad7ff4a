"""Reports of a run, without running anything."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tasks.grading import Prediction, write_reports
from tasks.task import Task


@pytest.mark.parametrize(
    ("model", "begins"), [("x" * 300, "x" * 183), ("é" * 150, "é" * 91), ("a/b\nc", "a__b_c.run"), ("\ud800", "_.run")]
)
def test_a_report_has_a_name_whatever_the_model_is_called(model: str, begins: str, tmp_path: Path) -> None:
    row = {"instance_id": "t", "repo": "o/r", "base_commit": "c", "problem_statement": "p"}
    task = Task.model_validate(row)
    path = write_reports(tmp_path, "run", [task], {"t": Prediction("t", model, "")}, [])
    assert json.loads(path.read_text())["empty_patch_ids"] == ["t"]
    assert re.fullmatch(re.escape(begins) + "-[0-9a-f]{16}.json", path.name)
    other = write_reports(tmp_path, "run", [task], {"t": Prediction("t", f"{model}y", "")}, [])
    assert other.name != path.name
