"""The tables of docs/strategies.md are those of the results that are kept."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from benchmarks.strategies_pack import line
from benchmarks.strategies_report import figures, table_lines

ROOT = Path(__file__).resolve().parents[2]
ARCHIVES = sorted((ROOT / "benchmarks" / "results").glob("strategies-*.tar.xz"))


def test_there_are_kept_results() -> None:
    assert ARCHIVES


@pytest.mark.parametrize("archive", ARCHIVES, ids=lambda path: path.name.partition(".")[0])
def test_the_documented_table_is_that_of_the_kept_results(archive: Path) -> None:
    assert archive.with_name(f"{archive.name}.sha256").read_text() == line(archive)
    with tarfile.open(archive) as packed:
        results = packed.extractfile(f"{archive.name.partition('.')[0]}/results.jsonl")
        assert results is not None
        rows = [json.loads(text) for text in results]
    documented = (ROOT / "docs" / "strategies.md").read_text("utf-8").splitlines()
    arms = dict.fromkeys(row["arm"] for row in rows)
    missing = [text for text in table_lines(figures(rows, arms)) if text not in documented]
    assert missing == []
