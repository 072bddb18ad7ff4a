"""Who a sandbox belongs to and where its files are kept: what a dead program left can be told from live work."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

#: Environment variable that moves the directory in which sandboxes keep their files.
STATE_VARIABLE = "PATCHWRIGHT_STATE"
#: Seconds after its deadline in which the owner ends a thing itself.
_GRACE = 120


@dataclass(frozen=True, slots=True)
class Owner:
    """A process of a host, told from later ones with the same number by its start time in clock ticks."""

    host: str
    pid: int
    start: int

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.start}"

    @classmethod
    def parse(cls, text: str) -> Owner | None:
        """The owner that ``str`` wrote, or ``None``."""
        host, _, rest = text.partition(":")
        pid, _, start = rest.partition(":")
        return cls(host, int(pid), int(start)) if pid.isdecimal() and start.isdecimal() else None

    @property
    def dead(self) -> bool:
        """Whether the process is known to be gone. Of another host's nothing is known."""
        return self.host == socket.gethostname() and start_time(self.pid) != self.start


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; ``None`` when there is none or it is a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def this_process() -> Owner:
    """The owner of what this program opens."""
    return Owner(socket.gethostname(), os.getpid(), start_time(os.getpid()) or 0)


def abandoned(owner: str, deadline: str) -> bool:
    """Whether a thing with these labels is nobody's: its owner is dead, or its deadline, an epoch time, long over."""
    parsed = Owner.parse(owner)
    if parsed is not None and parsed.dead:
        return True
    return deadline.isdecimal() and time.time() > int(deadline) + _GRACE


def state_root() -> Path:
    """The directory with one directory for each sandbox; ``PATCHWRIGHT_STATE`` names another parent for it."""
    if chosen := os.environ.get(STATE_VARIABLE):
        return Path(chosen).absolute() / "sandboxes"
    from platformdirs import user_state_path

    return user_state_path("patchwright") / "sandboxes"


class StateDirectory:
    """The files of one namespace or local sandbox, with a record of whom they belong to.

    Args:
        path: The directory itself.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._record = path / "owner.json"

    @classmethod
    def make(cls, name: str, kind: str, run_id: str, lifetime: float) -> StateDirectory:
        """Make a directory that belongs to this process for ``lifetime`` seconds."""
        path = state_root() / name
        path.mkdir(parents=True, mode=0o700)
        made = cls(path)
        made.record(kind=kind, run=run_id, owner=str(this_process()), deadline=str(int(time.time() + lifetime)))
        return made

    @classmethod
    def all(cls, kind: str) -> Iterator[StateDirectory]:
        """Those of a kind that exist."""
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(state_root().iterdir()):
                directory = cls(path)
                if directory.facts().get("kind") == kind:
                    yield directory

    @classmethod
    def abandoned(cls, kind: str) -> Iterator[StateDirectory]:
        """Those of a kind that are nobody's. Of several processes that look for them one does, the others wait."""
        root = state_root()
        if not root.is_dir():
            return
        with (root.parent / "reaping").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for directory in cls.all(kind):
                facts = directory.facts()
                if abandoned(facts.get("owner", ""), facts.get("deadline", "")):
                    yield directory

    def record(self, **facts: str) -> None:
        """Add to what is known of the sandbox; written so that a reader never sees half of it."""
        draft = self._record.with_suffix(".new")
        draft.write_text(json.dumps(self.facts() | facts))
        draft.replace(self._record)

    def facts(self) -> dict[str, str]:
        """What :meth:`record` wrote; empty when there is nothing to be read."""
        try:
            known: dict[str, str] = json.loads(self._record.read_text())
        except (OSError, ValueError):
            return {}
        return known

    def copy(self, source: str, target: str) -> None:
        """Copy a directory in it to another with every attribute, a missing one to nothing."""
        as_owner("cp", "-a", "--reflink=auto", "--", str(self.path / source), str(self.path / target))

    def remove(self, name: str = ".") -> None:
        """Remove a directory in it, or all of it."""
        target = self.path if name == "." else self.path / name
        if target.exists():
            as_owner("rm", "-rf", "--", str(target))

    def size(self, *names: str) -> int:
        """Bytes that the files of these directories take up."""
        return sum(tree_size(self.path / name) for name in names)


def as_owner(*argv: str) -> None:
    """Run a program on files that a sandbox made. Commands may leave modes that keep even their owner out.

    Raises:
        subprocess.CalledProcessError: It failed.
    """
    prefix = ["unshare", "--user", "--map-root-user"] if os.geteuid() and _may_map_root() else []
    subprocess.run([*prefix, *argv], check=True, capture_output=True)


@cache
def _may_map_root() -> bool:
    try:
        done = subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    return done.returncode == 0


def tree_size(top: Path) -> int:
    """Bytes that files below a directory take up on the disk; what vanishes meanwhile does not count."""
    total = 0
    waiting = [str(top)]
    while waiting:
        with contextlib.suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
    return total
