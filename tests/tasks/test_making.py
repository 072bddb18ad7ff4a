"""What is made whole or not at all leaves nothing half made behind for long."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tasks.making import scratch_for

ROOT = Path(__file__).resolve().parents[2]
BEGIN = """\
import os, signal, sys
from pathlib import Path
from tasks.making import scratch_for
with scratch_for(Path(sys.argv[1])) as scratch:
    (scratch / "checkout").mkdir()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_removed_when_the_same_is_made(tmp_path: Path) -> None:
    place, other = tmp_path / "made" / "story-1.0", tmp_path / "made" / "story-1.0-2"
    for each in (place, other):
        killed = subprocess.run([sys.executable, "-c", BEGIN, str(each)], check=False, cwd=ROOT)
        assert killed.returncode == -9
    with scratch_for(place) as scratch:
        there = [path.name for path in place.parent.iterdir()]
        assert [name.startswith(".making-story-1.0-2-") for name in sorted(there, key=len)] == [False, True]
        assert list(scratch.iterdir()) == []
        scratch.joinpath("story").mkdir()
        scratch.joinpath("story").rename(place)
    assert len(list(place.parent.iterdir())) == 2
