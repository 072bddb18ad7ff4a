"""SWE-bench predictions in all their forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import AttemptEnded, AttemptStarted, Event
from trajectories.exchange import Context, Imported, Trajectory, exporter
from trajectories.verdicts import Verdict, Verdicts, patch_digest

ONE = {"model_name_or_path": "m", "instance_id": "x__x-1", "model_patch": "diff --git a/x b/x\n"}
TWO = {"model_name_or_path": "m", "instance_id": "x__x-2", "model_patch": None, "cost": 0.1}


@pytest.mark.parametrize(
    ("document", "name"),
    [
        ({"x__x-1": ONE, "x__x-2": TWO}, "preds.json"),
        ([ONE, TWO], "preds.json"),
        ([ONE, TWO], "preds.jsonl"),
        (ONE, "x__x-1.pred"),
    ],
)
def test_predictions_come_back_as_they_were(
    document: Any, name: str, saved: Callable[..., Path], through: Callable[[Path], Any]
) -> None:
    assert through(saved(document, name)) == document


def test_a_prediction_is_an_attempt_of_which_the_end_is_known(imported: Callable[..., list[Imported]]) -> None:
    first, second = (attempt.events for attempt in imported({"x__x-1": ONE, "x__x-2": TWO}))
    started, ended = first
    assert isinstance(started, AttemptStarted)
    assert isinstance(ended, AttemptEnded)
    assert (started.task["id"], started.model, ended.patch) == ("x__x-1", "m", ONE["model_patch"])
    assert second[-1].model_dump()["patch"] == ""


def test_the_first_attempt_of_each_task_is_predicted(attempt: Callable[..., list[Event]]) -> None:
    trajectories = [Trajectory(attempt("a", "first")), Trajectory(attempt("b", "second"))]
    (document,) = exporter("preds").write(trajectories, Context())
    prediction = {"model_name_or_path": "some/model", "instance_id": "calc-1", "model_patch": "first"}
    assert json.loads(document.content) == {"calc-1": prediction}
    assert document.notes == ("1 further attempts of the same tasks are left out",)


def test_a_patch_is_predicted_without_masks_or_it_is_said(attempt: Callable[..., list[Event]], tmp_path: Path) -> None:
    masked, real = "+KEY = '[secret removed]'\n", "+KEY = 'eyJ'\n"
    trajectory = Trajectory(attempt("a", masked), path=tmp_path / "trajectory.jsonl")
    (document,) = exporter("preds").write([trajectory], Context())
    assert json.loads(document.content)["calc-1"]["model_patch"] == masked
    assert document.notes == ("1 patches are without what looks like a secret, and may not apply",)
    (tmp_path / "patch.diff").write_text(real)
    (document,) = exporter("preds").write([trajectory], Context())
    assert json.loads(document.content)["calc-1"]["model_patch"] == real
    assert document.notes == ()
    judged = Context(Verdicts([Verdict("calc-1", True, patch=patch_digest(real))]))
    assert judged.verdict(trajectory) is not None
