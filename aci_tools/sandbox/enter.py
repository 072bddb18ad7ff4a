"""Prepares its own process for a sandbox, as a plan in JSON says, and becomes the program of the sandbox.

Run by the host's Python as a script of its own, with the standard library only. It expects to be alone in the
namespaces that are to be prepared, with every capability in them (``unshare --user --map-root-user --mount …``).
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import platform
import resource
import socket
import struct
import sys
from typing import Any

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MNT_DETACH = 2
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 1, 24, 36, 38
SIGKILL = 9
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1

_PIVOT_ROOT = {"x86_64": 155, "ppc64le": 203, "s390x": 217}.get(platform.machine(), 41)
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}

libc = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Raise OSError for a failed call of libc."""
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), what)


def prctl(option: int, value: int) -> None:
    """prctl(2)."""
    check(libc.prctl(option, value, 0, 0, 0), f"prctl {option}")


def mount(source: str, target: str, kind: str = "", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    result = libc.mount(
        os.fsencode(source),
        os.fsencode(target),
        kind.encode() or None,
        ctypes.c_ulong(flags),
        os.fsencode(data) or None,
    )
    check(result, target)


def bind(source: str, target: str, *, writable: bool) -> None:
    """Show a file or a directory, with what is mounted below it, at another place."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, flags=MS_BIND | MS_REC)
    if writable:
        return
    # A bind mount keeps the flags of each of its mounts; the kernel refuses a change that would lift one of them.
    for point, options in mounts_below(os.path.realpath(target)):
        noexec = MS_NOEXEC if "noexec" in options else 0
        mount("", point, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | noexec)


def bind_device(source: str, target: str) -> None:
    """Show a device. It can be written to, but its node, which is the host's, cannot be changed."""
    if not os.path.lexists(target):
        os.close(os.open(target, os.O_CREAT | os.O_WRONLY, 0o644))
    mount(source, target, flags=MS_BIND)
    mount("", target, flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC)


def mounts_below(top: str) -> list[tuple[str, list[str]]]:
    """The mount points at and below a directory, with their options."""
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        for line in table:
            fields = line.split(" ")
            point = fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape").encode("latin-1")
            path = os.fsdecode(point)
            if path == top or path.startswith(top + "/"):
                found.append((path, fields[5].split(",")))
    return found


def make_devices(dev: str) -> None:
    """A minimal /dev."""
    mount("tmpfs", dev, "tmpfs", MS_NOSUID, "mode=755,size=1m")
    for name in DEVICES:
        bind_device(f"/dev/{name}", f"{dev}/{name}")
    for name, goal in _DEVICE_LINKS.items():
        os.symlink(goal, f"{dev}/{name}")
    for name in ("shm", "pts"):
        os.mkdir(f"{dev}/{name}")
    mount("tmpfs", f"{dev}/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777,size=64m")
    with contextlib.suppress(OSError):  # without it there are no terminals in the sandbox, and all else works
        mount("devpts", f"{dev}/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=620")


def add(root: str, how: str, source: str, target: str) -> None:
    """Add one entry of a view (see view.py) to a new root."""
    place = root + target
    if how in ("ro", "rw"):
        bind(source, place, writable=how == "rw")
    elif how == "link":
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.symlink(source, place)
    elif how == "hide" and os.path.isdir(place):
        mount("tmpfs", place, "tmpfs", MS_RDONLY, "mode=755,size=4k")
    elif how == "hide":
        bind_device("/dev/null", place)
    elif how == "dev":
        os.makedirs(place)
        make_devices(place)
    elif how == "proc":
        os.makedirs(place)
        mount("proc", place, "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    else:
        raise ValueError(how)


def change_root(root: str, view: list[list[str]]) -> None:
    """Make a new root file system, read-only but for what the view makes writable, and leave the old one behind."""
    mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=755,size=1m")
    for how, source, target in view:
        add(root, how, source, target)
    os.chdir(root)
    check(libc.syscall(ctypes.c_long(_PIVOT_ROOT), b".", b"."), "pivot_root")
    check(libc.umount2(b".", MNT_DETACH), "the old root")
    os.chdir("/")
    mount("", "/", flags=MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV)


def raise_loopback() -> None:
    """Bring up 127.0.0.1 in a network namespace that has nothing else."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = fcntl.ioctl(control, SIOCGIFFLAGS, struct.pack("16sh14x", b"lo", 0))
        flags = struct.unpack("16sh14x", request)[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def hand_over_listener(channel: int, port: int) -> None:
    """Listen on a port of the loopback interface, and give the listening socket away (see aci_tools/gate/)."""
    with socket.socket(fileno=channel) as way, socket.create_server(("127.0.0.1", port)) as listener:
        socket.send_fds(way, [b"L"], [listener.fileno()])


def keep_capabilities(kept: list[int]) -> None:
    """Give up every other capability for good, from the next exec on."""
    with open("/proc/sys/kernel/cap_last_cap") as file:
        last = int(file.read())
    for number in range(last + 1):
        if number not in kept:
            prctl(PR_CAPBSET_DROP, number)
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def enter(plan: dict[str, Any]) -> None:
    """Follow a plan. Every key but ``argv`` may be missing; the steps are taken in this order."""
    for processes in plan.get("cgroups", []):
        with open(processes, "w") as file:
            file.write("0")
    if plan.get("die_with_parent"):
        prctl(PR_SET_PDEATHSIG, SIGKILL)
    if plan.get("adopt_orphans"):
        prctl(PR_SET_CHILD_SUBREAPER, 1)
    if overlay := plan.get("overlay"):
        mount("overlay", overlay["at"], "overlay", 0, overlay["options"])
    if devices := plan.get("devices"):
        for name in DEVICES:
            bind_device(f"/dev/{name}", f"{devices}/{name}")
    if hostname := plan.get("hostname"):
        socket.sethostname(hostname)
    if plan.get("loopback"):
        raise_loopback()
    if gate := plan.get("gate"):
        hand_over_listener(gate["channel"], gate["port"])
    if root := plan.get("root"):
        change_root(root, plan["view"])
    for name, value in plan.get("rlimits", {}).items():
        resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))
    if (kept := plan.get("capabilities")) is not None:
        keep_capabilities(kept)
    os.execvp(plan["argv"][0], plan["argv"])


if __name__ == "__main__":
    try:
        enter(json.loads(sys.argv[1]))
    except OSError as error:
        sys.exit(f"{error.strerror}: {error.filename}")
