"""What processes use, and which of them are left. Linux only."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

#: On the benchmark's images, and so on every container that is made of them.
LABEL = "patchwright.peers"


def figure(pid: int, file: str, name: str) -> int:
    """A figure of a process as ``/proc`` writes it (KiB for memory); 0 when it is gone."""
    try:
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1])
    except OSError:
        pass
    return 0


def pss(pids: Iterable[int]) -> float:
    """MiB of processes, pages that several have divided among them (proportional set size)."""
    return sum(figure(pid, "smaps_rollup", "Pss") for pid in pids) / 1024


def descendants(pid: int) -> list[int]:
    """All processes below one."""
    found: list[int] = []
    waiting = [pid]
    while waiting:
        try:
            for thread in Path(f"/proc/{waiting.pop()}/task").iterdir():
                children = [int(child) for child in (thread / "children").read_text().split()]
                found += children
                waiting += children
        except OSError:
            continue
    return found


def everyone() -> Iterator[int]:
    """All processes of the machine."""
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal())


def marked(mark: str) -> set[int]:
    """Processes, zombies left out, that were started with a text in their environment, this one left out."""
    found = set()
    for pid in everyone():
        try:
            if mark.encode() in Path(f"/proc/{pid}/environ").read_bytes():
                found.add(pid)
        except OSError:
            continue
    return found - {os.getpid()}


def containers(running: bool = False) -> set[str]:
    """Ids of the benchmark's containers, whatever made them."""
    command = ["docker", "ps", "-q" if running else "-aq", "--no-trunc", "--filter", f"label={LABEL}"]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


def inside(identities: Iterable[str]) -> set[int]:
    """The processes in containers."""
    wanted = set(identities)
    found: set[int] = set()
    for pid in everyone() if wanted else ():
        try:
            group = Path(f"/proc/{pid}/cgroup").read_text()
        except OSError:
            continue
        if any(identity in group for identity in wanted):
            found.add(pid)
    return found
