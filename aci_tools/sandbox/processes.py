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
    ends = []
    for pid in (*children(outer), outer):
        with contextlib.suppress(ProcessLookupError):
            ends.append(os.pidfd_open(pid))
    for end in ends:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(end, signal.SIGKILL)
    for end in ends:
        # The first process of a namespace counts as ended only when all others have.
        select.select([end], [], [], _PATIENCE)
        os.close(end)


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
