"""Finding and ending processes of this host, for sandboxes that are not containers."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import time
from pathlib import Path

from aci_tools.sandbox.owner import start_time

#: Environment variable by which the processes of a local sandbox are told from others.
MARK = "PATCHWRIGHT_SANDBOX"
_PATIENCE = 2.0


def children(pid: int) -> list[int]:
    """The processes whose parent a process is."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def end_namespace(outer: int) -> None:
    """End a pid namespace and wait until nothing in it is left.

    Args:
        outer: The process whose child is the namespace's first process.
    """
    # The outer process ends by itself once it has collected its child; ended first, it would leave that to strangers.
    for pid in (*children(outer), outer):
        with contextlib.suppress(ProcessLookupError):
            end = os.pidfd_open(pid)
            try:
                if pid != outer or not _ended(end):
                    signal.pidfd_send_signal(end, signal.SIGKILL)
                    _ended(end)
            finally:
                os.close(end)


def _ended(process: int) -> bool:
    """Wait for the end of the process that a descriptor stands for; a namespace's first is the last to end there."""
    return bool(select.select([process], [], [], _PATIENCE)[0])


def end_marked(sandbox: str, root: int | None) -> None:
    """End every process of a local sandbox.

    Args:
        sandbox: Its name, which its processes have in their environment.
        root: The process that adopts its orphans; it is ended too.
    """
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        found = _marked(sandbox)
        if root is not None:
            found |= {root, *_descendants(root)}
        alive = {pid for pid in found if start_time(pid) is not None}
        if not alive:
            return
        for pid in alive:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> set[int]:
    found: set[int] = set()
    waiting = [pid]
    while waiting:
        for child in children(waiting.pop()):
            if child not in found:
                found.add(child)
                waiting.append(child)
    return found


def _marked(sandbox: str) -> set[int]:
    mark = f"{MARK}={sandbox}".encode()
    found = set()
    for name in os.listdir("/proc"):
        if name.isdecimal() and int(name) != os.getpid():
            with contextlib.suppress(OSError):
                if mark in Path(f"/proc/{name}/environ").read_bytes().split(b"\0"):
                    found.add(int(name))
    return found
