"""Faults of the operating system that no command foresaw, each in one line."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_FULL = 1 << 20  # bytes; a disk with less to spare is full
#: What is wrong with a path itself, and not with the machine.
_WRONG_PATH = (
    errno.EACCES,
    errno.EEXIST,
    errno.EISDIR,
    errno.ELOOP,
    errno.ENAMETOOLONG,
    errno.ENOENT,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
)


def told(error: OSError) -> str:
    """What the fault is about, and why."""
    reason = error.strerror or " ".join(str(error).split()) or type(error).__name__
    name = _name(error)
    if error.errno in _NO_SPACE:
        where = name or next((str(place) for place in _places() if shutil.disk_usage(place).free < _FULL), "the output")
        return f"cannot write {where}: {reason}; free some, and go on with --resume, or the same again"
    if error.errno == errno.ENOENT and name and "/" not in name and exit_code(error) == 3:
        return f"there is no program {name} on PATH: install it"
    return f"cannot use {name}: {reason}" if name else reason


def exit_code(error: OSError) -> int:
    """2 if a path on the command line is wrong, or what leads to it or is below it; else 3."""
    name = _name(error)
    if not name or error.errno not in _WRONG_PATH:
        return 3
    place = Path(name).absolute()
    return 2 if any(place == path or path in place.parents or place in path.parents for path in _given()) else 3


def _name(error: OSError) -> str:
    return os.fsdecode(error.filename) if isinstance(error.filename, str | bytes) else ""


def _given() -> Iterator[Path]:
    """Whatever may be a path on the command line."""
    for word in sys.argv[1:]:
        for text in (word, word.partition("=")[2]):
            if text:
                yield Path(os.path.expanduser(text)).absolute()


def _places() -> Iterator[Path]:
    """Where a command may write."""
    for path in (*_given(), Path(os.path.expanduser("~")), Path(tempfile.gettempdir())):
        if path.is_dir():
            yield path
