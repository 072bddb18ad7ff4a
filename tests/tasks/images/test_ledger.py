"""What killed processes leave in the ledger of use."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tasks.images.ledger import Ledger


def test_the_next_process_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    program = "import sys; from pathlib import Path; from tasks.images.ledger import Ledger\n"
    program += "Ledger(Path(sys.argv[1])).use(['thing']); print('taken', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", program, str(tmp_path)]
    for _ in range(2):
        with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            process.kill()
        assert len(list((tmp_path / "leases").iterdir())) == 1
    old, new = tmp_path / ".used.json.1.1.draft", tmp_path / ".used.json.1.2.draft"
    for draft in (old, new):
        draft.touch()
    os.utime(old, (0, 0))
    mine = Ledger(tmp_path)
    mine.use(["other"])
    assert (old.exists(), new.exists()) == (False, True)
    assert len(list((tmp_path / "leases").iterdir())) == 1
    assert Ledger(tmp_path).in_use() == {"other"}
    mine.release(["other"])
    assert list((tmp_path / "leases").iterdir()) == []
    assert sorted(Ledger(tmp_path).last_used()) == ["other", "thing"]
