"""What benchmarks/strategies_pack.py keeps of a run, and what it calls its places."""

from __future__ import annotations

import tarfile
from pathlib import Path

from benchmarks.strategies_pack import line, pack


def run_at(place: Path) -> Path:
    """What strategies.py leaves, in small."""
    attempt = place / "single" / "a__b" / "attempts" / "a__b" / "1"
    attempt.mkdir(parents=True)
    (place / "results.jsonl").write_text('{"arm": "single"}\n')
    (attempt / "trajectory.jsonl").write_text(f'{{"output": "{place}"}}\n')
    (place / "single" / "a__b" / ".lock").touch()
    (place / "verdicts").mkdir()
    (place / "verdicts" / "results.json").write_text("{}")
    return place


def test_an_archive_holds_what_happened_and_no_path_of_the_machine(tmp_path: Path) -> None:
    output = run_at(tmp_path / "there")
    pack(output, tmp_path / "kept.tar.xz", {str(output): "OUTPUT", str(tmp_path): "HOME"})
    with tarfile.open(tmp_path / "kept.tar.xz") as packed:
        names = packed.getnames()
        trajectory = packed.extractfile(names[1])
        assert trajectory is not None
        assert trajectory.read() == b'{"output": "OUTPUT"}\n'
    assert names == ["kept/results.jsonl", "kept/single/a__b/attempts/a__b/1/trajectory.jsonl"]


def test_the_same_run_elsewhere_gives_the_same_archive(tmp_path: Path) -> None:
    lines = set()
    for machine in ("one", "other"):
        output = run_at(tmp_path / machine / "there")
        archive = tmp_path / machine / "kept.tar.xz"
        pack(output, archive, {str(output): "OUTPUT"})
        lines.add(line(archive))
    assert len(lines) == 1
