"""Reading predictions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from tasks.grading import Prediction, load_predictions
from tasks.task import Task

TASKS = [
    Task(instance_id=name, repo="a/b", base_commit="c", problem_statement="", patch=f"patch of {name}")
    for name in ("one", "two", "three")
]
ENTRY = {"instance_id": "one", "model_name_or_path": "m", "model_patch": "diff"}


def read(reference: object) -> tuple[dict[str, Prediction], list[str]]:
    said: list[str] = []
    return load_predictions(str(reference), TASKS, said.append), said


def test_gold_and_empty() -> None:
    assert read("gold")[0]["two"] == Prediction("two", "gold", "patch of two")
    assert all(prediction.empty for prediction in read("empty")[0].values())


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("preds.json", json.dumps({"one": ENTRY})),
        ("preds.json", json.dumps({"one": {key: ENTRY[key] for key in ("model_name_or_path", "model_patch")}})),
        ("preds.json", json.dumps([ENTRY])),
        ("preds.jsonl", json.dumps(ENTRY) + "\n\n"),
        ("preds.jsonl", "\ufeff" + json.dumps(ENTRY)),
        ("one.pred", json.dumps(ENTRY)),
    ],
)
def test_every_form(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    reference = tmp_path if name.endswith(".pred") else tmp_path / name
    assert read(reference) == ({"one": Prediction("one", "m", "diff")}, [])


def test_of_duplicates_the_last_counts_and_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "preds.jsonl"
    file.write_text("\n".join(json.dumps({**ENTRY, "model_patch": patch}) for patch in ("first", "last")))
    found, said = read(file)
    assert found["one"].patch == "last"
    assert said == ["more than one prediction, the last counts: one"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (json.dumps({**ENTRY, "instance_id": "four"}), "not among those chosen: four"),
        ('{"model_patch": "x"}', "line 1: instance_id is missing"),
        ('{"instance_id": "one"}', "line 1: model_patch of one is missing"),
        ('{"instance_id": "one", "model_patch": 3}', "line 1: model_patch of one is missing or neither text nor null"),
        (json.dumps(ENTRY) + "\n{torn", "line 2: not JSON"),
        pytest.param("[" * 100_000, "line 1: not JSON", id="deep"),
        ("[]", "line 1: a prediction is an object"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "preds.jsonl"
    file.write_text(text)
    with pytest.raises(UsageError, match=message):
        read(file)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot read predictions"):
        read(tmp_path / "nothing.json")
