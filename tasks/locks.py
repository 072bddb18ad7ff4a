"""Locks by name that hold between threads and between processes."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def locked(directory: Path, name: str) -> Iterator[None]:
    """Hold a lock for the length of a ``with`` block; the kernel lets go of it when its holder dies.

    Each call opens the lock's file anew, and ``flock`` belongs to that opening: so it keeps out threads as it keeps out
    processes.

    Args:
        directory: Whatever shares this directory shares the lock.
        name: Which lock.
    """
    place = directory / "locks"
    place.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(place / re.sub(r"[^\w.+-]", "_", name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
