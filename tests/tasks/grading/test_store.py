"""The directory of verdicts: what is written there, and what does not stay."""

from __future__ import annotations

from pathlib import Path

from tasks.grading import Verdict
from tasks.grading.store import Store
from tasks.grading.verdict import Outcomes

VERDICT = Verdict(task_id="calc-1", model="m", status="resolved", evidence="report", key="key")


def test_what_a_killed_process_left_of_a_verdict_makes_way_for_it(tmp_path: Path) -> None:
    killed, store = Store(tmp_path), Store(tmp_path)
    (killed.workspace("key") / "test_output.txt").write_text("half")
    with store.alone("key"):
        place = store.workspace("key")
        assert list(place.iterdir()) == []
        store.keep(VERDICT, place)
    assert store.read("calc-1", "key") == VERDICT
    assert sorted(path.name for path in tmp_path.iterdir()) == [".held", "calc-1"]


def test_a_verdict_on_tests_with_bytes_of_another_encoding_in_their_names_is_kept(tmp_path: Path) -> None:
    store = Store(tmp_path)
    verdict = VERDICT.model_copy(update={"tests": {"FAIL_TO_PASS": Outcomes(success=("caf\udce9 ok", "é"))}})
    store.keep(verdict, store.workspace("key"))
    assert store.read("calc-1", "key") == verdict
    (store.directory("calc-1", "key") / "verdict.json").write_text('{"task_id": "calc-1"')
    assert store.read("calc-1", "key") is None
