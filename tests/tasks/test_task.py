"""Tasks read SWE-bench rows as they are, and keep from an agent what would solve them."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from tasks.task import Environment, Task

ROW = {
    "repo": "pallets/flask",
    "instance_id": "pallets__flask-4992",
    "base_commit": "4c288bc97ea371817199908d0d9b12de9dae327e",
    "patch": "SECRET patch",
    "test_patch": "SECRET test patch",
    "problem_statement": "Add a file mode parameter",
    "hints_text": "SECRET hint",
    "created_at": "2023-02-22T14:00:17Z",
    "version": "2.3",
    "FAIL_TO_PASS": '["tests/test_config.py::SECRET[text]"]',
    "PASS_TO_PASS": ["tests/test_config.py::test_SECRET"],
    "environment_setup_commit": "182ce3dd15dfa3537391c3efaf9c3ff407d134d4",
    "difficulty": "<15 min fix",
    "environment": {"python": "3.11", "install": ["pip install -e ."], "test_command": "pytest", "parser": "pytest"},
}


def test_row_of_swe_bench_reads_as_it_is() -> None:
    task = Task.model_validate(ROW)
    assert task.id == "pallets__flask-4992"
    assert task.fail_to_pass == ("tests/test_config.py::SECRET[text]",)
    assert task.pass_to_pass == ("tests/test_config.py::test_SECRET",)
    environment = Environment(python="3.11", install=("pip install -e .",), test_command="pytest", parser="pytest")
    assert task.environment == environment


def test_row_survives_a_round_trip_in_the_names_of_swe_bench() -> None:
    task = Task.model_validate(ROW)
    row = json.loads(task.model_dump_json(by_alias=True))
    assert row["instance_id"] == ROW["instance_id"]
    assert row["FAIL_TO_PASS"] == ["tests/test_config.py::SECRET[text]"]
    assert Task.model_validate(row) == task


def test_agent_learns_nothing_of_the_solution() -> None:
    task = Task.model_validate(ROW)
    assert "SECRET" not in json.dumps(task.public())
    assert task.public()["id"] == "pallets__flask-4992"
    assert task.public()["problem_statement"] == "Add a file mode parameter"
    assert task.public(hints=True)["hints_text"] == "SECRET hint"
    assert json.dumps(task.public(hints=True)).count("SECRET") == 1


def test_missing_columns_and_nulls_are_empty() -> None:
    row = dict.fromkeys(("hints_text", "patch", "test_patch", "FAIL_TO_PASS", "version", "created_at", "image"))
    task = Task.model_validate({"id": "mine-1", "repo": ".", "base_commit": "", "problem_statement": "x"} | row)
    assert (task.hints_text, task.fail_to_pass, task.pass_to_pass, task.image) == ("", (), (), None)


def test_what_a_model_reads_has_no_halves_of_characters() -> None:
    task = Task.model_validate(
        ROW | {"problem_statement": "\ufeff\ud83d é \ud83d\ude00\r\n", "hints_text": "caf\udce9"}
    )
    assert (task.problem_statement, task.hints_text) == ("\ufeff\ufffd é 😀\r\n", "caf\ufffd")


@pytest.mark.parametrize("tests", ["test_a, test_b", '{"a": 1}', "[1]", 7])
def test_malformed_list_of_tests_is_named(tests: object) -> None:
    with pytest.raises(ValidationError, match="FAIL_TO_PASS"):
        Task.model_validate(ROW | {"FAIL_TO_PASS": tests})


def test_task_cannot_be_changed() -> None:
    task = Task.model_validate(ROW)
    with pytest.raises(ValidationError, match="frozen"):
        task.patch = ""  # type: ignore[misc]
