"""What a namespace sandbox sees of the host: programs and settings, read-only, and nothing of any user's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix/store")
# The sandbox's root may be the host's root, without its capabilities. What the kernel lets that user do by these files
# must not be done; container engines treat the same files alike.
_PROC_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_PROC_HIDDEN = ("acpi", "asound", "kcore", "keys", "latency_stats", "sched_debug", "scsi", "timer_list")
# Where private files are looked for, and how many levels deep.
_SEARCHED = {"/etc": 16, "/opt": 3}
_RESOLVER = Path("/etc/resolv.conf")

#: Where root's home is inside; nothing of the host's.
HOME = "/root"


class Entry(NamedTuple):
    """One thing that is seen.

    Attributes:
        how: ``ro`` and ``rw``: a host path; ``link``: a symbolic link; ``hide``: nothing in the place of what is there;
            ``dev``, ``proc``: file systems of the sandbox's own.
        source: The host path, or what a link says; "" for the others.
        target: Absolute path inside.
    """

    how: str
    source: str
    target: str


def host_view(tree: Path, workdir: str, tmp: Path, home: Path, read_only: Iterable[Path], network: bool) -> list[Entry]:
    """The whole view, in the order in which it must be built.

    Args:
        tree: Host directory shown, writable, at ``workdir``.
        workdir: Absolute path inside.
        tmp: Host directory shown as /tmp.
        home: Host directory shown as the home of the sandbox's user.
        read_only: Further host directories shown at their own paths.
        network: Whether names must be resolvable.
    """
    view = [Entry("proc", "", "/proc"), Entry("dev", "", "/dev")]
    view += [Entry("ro", path, path) for path in _existing("/proc", _PROC_READ_ONLY)]
    view += [Entry("hide", "", path) for path in _existing("/proc", _PROC_HIDDEN)]
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            view.append(Entry("link", os.readlink(path), name))
        elif path.is_dir():
            view.append(Entry("ro", name, name))
    if os.geteuid() == 0:
        view += [Entry("hide", "", path) for top, depth in _SEARCHED.items() for path in _private(top, depth)]
    if network and (resolver := _RESOLVER.resolve()).is_file() and resolver != _RESOLVER:
        view.append(Entry("ro", str(resolver), str(resolver)))
    view += [Entry("rw", str(tmp), "/tmp"), Entry("link", "/tmp", "/var/tmp"), Entry("rw", str(home), HOME)]
    view += [Entry("ro", str(path), str(path)) for path in map(Path.absolute, read_only) if path.exists()]
    view.append(Entry("rw", str(tree), workdir))
    return view


def _existing(top: str, names: Iterable[str]) -> list[str]:
    return [path for name in names if os.path.exists(path := f"{top}/{name}")]


@cache
def _private(top: str, depth: int) -> tuple[str, ...]:
    """What not every user of the host may read: to the sandbox's root, if it is the host's, it would be open."""
    found: list[str] = []
    waiting = [(top, depth)]
    while waiting:
        directory, levels = waiting.pop()
        try:
            entries = list(os.scandir(directory))
        except OSError:
            continue
        for entry in entries:
            if entry.is_symlink():
                continue
            mode = entry.stat(follow_symlinks=False).st_mode
            is_directory = entry.is_dir(follow_symlinks=False)
            if not mode & 0o004 or (is_directory and not mode & 0o001):
                found.append(entry.path)
            elif is_directory and levels > 1:
                waiting.append((entry.path, levels - 1))
    return tuple(sorted(found))
