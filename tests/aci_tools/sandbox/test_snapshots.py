"""A snapshot brings everything back that commands can change."""

from __future__ import annotations

import pytest

from aci_tools.errors import UsageError
from tests.aci_tools.sandbox.conftest import Opener

LOOK = "git status --short; stat -c '%a %F %U %n' * .; cat greeting.txt; readlink link; cat /tmp/note ~/note"


def test_a_snapshot_is_restored_as_often_as_wanted(any_kind: Opener) -> None:
    sandbox = any_kind()
    tmp = sandbox.run("echo ${TMPDIR:-/tmp}").text.strip()
    look = LOOK.replace("/tmp", tmp)
    sandbox.run(f"echo kept >{tmp}/note; echo kept >~/note; rm link; ln -s run.sh link; chmod 600 run.sh; echo b >b")
    name, identity = sandbox.id, sandbox.snapshot()
    before = sandbox.run(look)
    assert before.ok, before

    for _ in range(2):
        sandbox.run(f"rm -rf .git greeting.txt link {tmp}/note ~/note; chmod 755 run.sh; mkdir greeting.txt; echo c >c")
        sandbox.restore(identity)
        assert sandbox.run(look).text == before.text
    assert sandbox.id == name


def test_snapshots_are_independent(any_kind: Opener) -> None:
    sandbox = any_kind()
    first = sandbox.snapshot()
    sandbox.run("rm -r .git; echo second >greeting.txt")
    second = sandbox.snapshot()
    sandbox.restore(first)
    assert sandbox.run("git status --short; cat greeting.txt").output == b"hello\n"
    sandbox.restore(second)
    assert sandbox.run("ls -A; cat greeting.txt").output == b"greeting.txt\nlink\nrun.sh\nsecond\n"


def test_a_strange_snapshot_is_refused(any_kind: Opener) -> None:
    sandbox = any_kind()
    for name in ("snapshot-0", "../other", "patchwright/snapshot:other-0"):
        with pytest.raises(UsageError, match="not a snapshot of this sandbox"):
            sandbox.restore(name)
    assert sandbox.run("true").ok
