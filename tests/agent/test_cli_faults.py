"""What is said of a fault of the operating system that no command foresaw."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.cli import faults


def fault(number: int, *more: object) -> OSError:
    return OSError(number, os.strerror(number), *more)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def usage(path: Path) -> Any:
        return shutil._ntuple_diskusage(100, 100, 0 if path == tmp_path else 1 << 30)

    monkeypatch.setattr("agent.cli.faults.shutil.disk_usage", usage)
    monkeypatch.setattr("sys.argv", ["agent", "batch", f"--output={tmp_path}"])
    error = fault(errno.ENOSPC)
    assert faults.told(error).startswith(f"cannot write {tmp_path}: No space left on device; free some")
    assert faults.exit_code(error) == 3
    assert "cannot write /x: No space" in faults.told(fault(errno.ENOSPC, "/x"))


@pytest.mark.parametrize(
    ("number", "path", "code"),
    [
        (errno.ENOTDIR, "/a/b/c", 2),
        (errno.ENOENT, "/a/b", 2),
        (errno.EACCES, "/a", 2),
        (errno.EROFS, "/a/b/c", 2),
        (errno.ENOSPC, "/a/b/c", 3),
        (errno.EIO, "/a/b/c", 3),
        (errno.EACCES, "/z", 3),
    ],
)
def test_a_path_of_the_users_is_wrong_input(number: int, path: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["agent", "evaluate", "-o", "/a/b"])
    assert faults.exit_code(fault(number, path)) == code
    assert path in faults.told(fault(number, path))


def test_a_fault_without_a_reason_is_one_line() -> None:
    assert faults.told(TimeoutError()) == "TimeoutError"
    assert faults.told(OSError("one\ntwo")) == "one two"
