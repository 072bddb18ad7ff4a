"""Tasks are read from every kind of file; what is wrong is named, and the rest goes on."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from tasks.datasets import Selection, load_tasks
from tasks.task import Environment


def row(number: int, **more: Any) -> dict[str, Any]:
    return {"instance_id": f"mine-{number}", "repo": "o/r", "base_commit": "c", "problem_statement": "p"} | more


ROWS = [row(1), row(2)]


def ids(reference: Path | str, faults: list[str], **options: Any) -> list[str]:
    return [task.id for task in load_tasks(str(reference), on_fault=faults.append, **options)]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", "\n\n".join(map(json.dumps, ROWS)).encode()),
        ("t.jsonl.gz", gzip.compress("\n".join(map(json.dumps, ROWS)).encode())),
        ("t.json", json.dumps(ROWS).encode()),
        ("t.json.gz", gzip.compress(json.dumps(ROWS).encode())),
        ("t.json", json.dumps({entry.pop("instance_id"): entry for entry in map(dict, ROWS)}).encode()),
        ("t.yaml", json.dumps(ROWS).encode()),
        ("t.json", json.dumps(ROWS).encode("utf-8-sig")),
        ("t.jsonl", "\n".join(map(json.dumps, ROWS)).encode("utf-8-sig")),
    ],
)
def test_file_is_read(name: str, content: bytes, tmp_path: Path, faults: list[str]) -> None:
    (tmp_path / name).write_bytes(content)
    assert ids(tmp_path / name, faults) == ["mine-1", "mine-2"]
    assert faults == []


def test_parquet_is_read(tmp_path: Path, faults: list[str]) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra 'datasets'")
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = [
        row(1, FAIL_TO_PASS=["a", "b"], version=None, environment={"python": "3.11"}),
        row(2, FAIL_TO_PASS=[], version=None, environment={"install": ["make"]}),
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    first, second = load_tasks(str(tmp_path / "t.parquet"), on_fault=faults.append)
    assert (first.fail_to_pass, second.id) == (("a", "b"), "mine-2")
    assert first.environment == Environment(python="3.11")
    (tmp_path / "bad.parquet").write_text("not a table")
    with pytest.raises(UsageError, match=r"bad\.parquet: not Parquet"):
        ids(tmp_path / "bad.parquet", faults)


def test_directory_is_read_in_the_order_of_its_files(tmp_path: Path, faults: list[str]) -> None:
    (tmp_path / "b.jsonl").write_text(json.dumps(row(2)))
    (tmp_path / "a.yaml").write_text("repo: ..\nbase_commit: HEAD\nproblem_statement: |\n  Two\n  lines\n")
    (tmp_path / "c.toml").write_text('id = "third"\nrepo = "o/r"\nbase_commit = ""\nproblem_statement = "x"\n')
    (tmp_path / "notes.txt").write_text("nothing")
    first, second, third = load_tasks(str(tmp_path), on_fault=faults.append)
    assert (first.id, second.id, third.id) == ("a", "mine-2", "third")
    assert first.problem_statement == "Two\nlines\n"
    assert first.repo == str(tmp_path.parent)


def test_copy_of_a_hub_repository_is_read_by_split(tmp_path: Path, faults: list[str]) -> None:
    (tmp_path / "data").mkdir()
    for number, name in enumerate(
        ("dev-00000-of-00001.jsonl", "test-00000-of-00002.jsonl", "test-00001-of-00002.jsonl")
    ):
        (tmp_path / "data" / name).write_text(json.dumps(row(number)))
    assert ids(tmp_path, faults) == ["mine-1", "mine-2"]
    assert ids(tmp_path, faults, split="dev") == ["mine-0"]
    with pytest.raises(UsageError, match="has no split 'train'; it has: dev, test"):
        ids(tmp_path, faults, split="train")


def test_bad_rows_are_named_by_line_and_field_and_the_rest_goes_on(tmp_path: Path, faults: list[str]) -> None:
    bad = [
        row(1),
        {"instance_id": "x"},
        [1],
        row(3, FAIL_TO_PASS="nonsense"),
        row(4, environment={"timeout": -1}),
        row(5),
        row(6, FAIL_TO_PASS="[" * 100_000),
    ]
    file = tmp_path / "t.jsonl"
    file.write_text("\n".join([*map(json.dumps, bad), '{"a": ', "[" * 100_000]))
    assert ids(file, faults) == ["mine-1", "mine-5"]
    assert [fault.removeprefix(f"{file}:").partition(" ")[0] for fault in faults] == [
        *("2:", "3:", "4:", "5:", "7:", "8:", "9:")
    ]
    assert "repo: Field required; base_commit: Field required; problem_statement: Field required" in faults[0]
    assert "this is a list" in faults[1]
    assert "FAIL_TO_PASS: neither a list nor the JSON text of one" in faults[2]
    assert "environment.timeout: Input should be greater than 0" in faults[3]
    assert "FAIL_TO_PASS: neither a list nor the JSON text of one" in faults[4]
    assert "not JSON" in faults[5]
    assert "not JSON" in faults[6]
    assert not any("\n" in fault for fault in faults)


def test_a_variable_that_no_shell_takes_is_refused(jsonl: Any, faults: list[str]) -> None:
    file = jsonl(row(1, environment={"env": {"A-B": "x"}}), row(2, environment={"env": {"A": "x"}}))
    assert ids(file, faults) == ["mine-2"]
    (fault,) = faults
    assert ":1: environment.env: 'A-B' is no environment variable" in fault


def test_an_id_that_names_no_directory_of_its_own_is_refused(jsonl: Any, faults: list[str]) -> None:
    bad = [".", "..", "../x", "/tmp/x", "a/../../b", "a//b", "a/", "a\0b", "a\nb", "\ud800", "\u202e", "x" * 201]
    good = ["a/b", "a__b-1", "HumanEval/0", "..a", "é" * 100]
    file = jsonl(*(row(0, instance_id=name) for name in bad + good))
    assert ids(file, faults) == good
    assert len(faults) == len(bad)
    assert all(f":{line}: instance_id: " in fault for line, fault in enumerate(faults, 1))
    assert all(fault.isprintable() for fault in faults)


def test_first_of_two_rows_with_one_id_wins(tmp_path: Path, faults: list[str]) -> None:
    file = tmp_path / "t.json"
    file.write_text(json.dumps([row(1), row(1, problem_statement="other")]))
    (task,) = load_tasks(str(file), on_fault=faults.append)
    assert task.problem_statement == "p"
    assert faults == [f"{file}[1]: instance_id: mine-1 is taken, the first is {file}[0]"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.json", "{", "not JSON"),
        pytest.param("t.json", "[" * 100_000, "not JSON", id="deep JSON"),
        pytest.param("t.yaml", "[" * 100_000, "not YAML", id="deep YAML"),
        ("t.yaml", "a: [", "not YAML"),
        ("t.toml", "a =", "not TOML"),
        ("t.jsonl", "{}", r"no task in it can be read; .*t\.jsonl:1: instance_id: Field required"),
        ("t.jsonl", "", "no task in it can be read$"),
        ("t.jsonl.gz", "plain", "cannot be read"),
        ("t.txt", "", "not a file of tasks"),
    ],
)
def test_useless_file_is_refused_in_one_line(name: str, content: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(UsageError, match=message) as caught:
        ids(tmp_path / name, [])
    assert "\n" not in str(caught.value)


def test_reference_to_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or directory"):
        ids(tmp_path / "missing.jsonl", [])
    with pytest.raises(UsageError, match="holds no file of tasks"):
        ids(tmp_path, [])


DATED = [
    row(0, created_at="2024-01-01T00:00:00Z"),
    row(1, created_at="2025-06-01"),
    row(2),
    row(3, created_at="2025-07-01 12:00:00+02:00"),
    row(4, created_at="long ago"),
]


@pytest.mark.parametrize(
    ("selection", "numbers"),
    [
        (Selection(filter="[13]$"), [1, 3]),
        (Selection(slice="1:3"), [1, 2]),
        (Selection(slice="-2:"), [3, 4]),
        (Selection(slice=":"), [0, 1, 2, 3, 4]),
        (Selection(created_after="2025-06-01"), [1, 3]),
        (Selection(created_after="2025-06-01", filter="3", slice=":5"), [3]),
        (Selection(filter="^mine", created_after="2024-01-01", slice="1:2"), [1]),
    ],
)
def test_selection(selection: Selection, numbers: list[int], jsonl: Any, faults: list[str]) -> None:
    assert ids(jsonl(*DATED), faults, selection=selection) == [f"mine-{number}" for number in numbers]


def test_tasks_without_a_date_are_counted_aloud(jsonl: Any, faults: list[str]) -> None:
    ids(jsonl(*DATED), faults, selection=Selection(created_after="2024-01-01"))
    assert faults == ["2 of 5 tasks have no date and are left out by created-after"]


def test_shuffle_is_repeatable_and_comes_before_the_slice(jsonl: Any, faults: list[str]) -> None:
    file = jsonl(*(row(number) for number in range(20)))
    order = ids(file, faults, selection=Selection(shuffle=7))
    assert order == ids(file, faults, selection=Selection(shuffle=7)) != ids(file, faults)
    assert sorted(order) == sorted(ids(file, faults))
    assert ids(file, faults, selection=Selection(shuffle=7, slice="0:3")) == order[:3]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(filter="["), "no regular expression"),
        (Selection(slice="3"), "not of the form A:B"),
        (Selection(slice="a:b"), "not of the form A:B"),
        (Selection(slice="::0"), "not of the form A:B"),
        (Selection(slice="-:"), "not of the form A:B"),
        (Selection(created_after="yesterday"), "no ISO date"),
        (Selection(filter="nothing has this id"), "none of its 5 tasks is selected"),
    ],
)
def test_wrong_selection_is_refused_in_one_line(selection: Selection, message: str, jsonl: Any) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        ids(jsonl(*DATED), [], selection=selection)
    assert "\n" not in str(caught.value)
