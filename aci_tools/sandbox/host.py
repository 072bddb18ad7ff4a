"""What namespace and local sandboxes share: processes of this host, and files in a state directory."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aci_tools.errors import SandboxError, UsageError
from aci_tools.sandbox import enter
from aci_tools.sandbox.base import Limits, SandboxSpec
from aci_tools.sandbox.owner import StateDirectory, start_time
from aci_tools.sandbox.pipes import PipeTransport
from aci_tools.sandbox.shell import ShellSandbox

#: Commands get this and ``spec.env``, and nothing of the driver's environment.
BASE_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class HostSandbox(ShellSandbox):
    """A sandbox of host processes, whose files are directories of a :class:`StateDirectory`.

    Attributes:
        layers: Names of the directories that hold everything that commands can write to; a snapshot is a copy of them.
    """

    layers: tuple[str, ...] = ("tree", "tmp", "home")

    def __init__(self, spec: SandboxSpec) -> None:
        super().__init__(spec)
        self._state = StateDirectory.make(self.id, self.kind, spec.run_id, spec.limits.lifetime)
        self._snapshots = 0
        self._copied = 0
        self._transport: PipeTransport | None = None

    def snapshot(self) -> str:
        """Copy the layers."""
        name = f"snapshot-{self._snapshots}"
        (self._state.path / name).mkdir()
        for layer in self.layers:
            self._state.copy(layer, f"{name}/{layer}")
        self._snapshots += 1
        return name

    def restore(self, snapshot: str) -> None:
        """End all processes and put the copies in the place of the layers."""
        if not (self._state.path / snapshot).is_dir() or "/" in snapshot:
            raise UsageError(f"{snapshot} is not a snapshot of this sandbox")
        self._drop_channel()
        self._end_processes()
        for layer in self.layers:
            self._state.remove(layer)
            self._state.copy(f"{snapshot}/{layer}", layer)
        self._channel = self._open_channel()

    def _make_layers(self) -> None:
        for layer in self.layers:
            (self._state.path / layer).mkdir()
        # Anyone of the sandbox's users may write there, as on any host.
        (self._state.path / "tmp").chmod(0o1777)

    def _copy_repository(self, repository: Path | None) -> None:
        """Fill the layer ``tree``. The copies are ours, whosever the originals are: git trusts no one else's."""
        if repository is None:
            return
        argv = ["cp", "-a", "--no-preserve=ownership", "--reflink=auto", "--", f"{repository}/.", "tree/"]
        done = subprocess.run(argv, cwd=self._state.path, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SandboxError(f"{repository} could not be copied: {done.stderr.strip().rpartition(chr(10))[2]}")
        self._copied = self._state.size("tree")

    def _spawn(self, argv: list[str], env: Mapping[str, str], handles: Sequence[int] = ()) -> PipeTransport:
        log = self._state.path / "start.log"
        transport = self._transport = PipeTransport(argv, env, log, handles)
        pid = transport.process.pid
        self._state.record(process=str(pid), process_start=str(start_time(pid) or 0))
        return transport

    def _let_go(self) -> None:
        """Close the pipes to a process that has ended, and collect it."""
        if self._transport is not None:
            self._transport.close()
            self._transport.process.wait()
            self._transport = None

    def _written(self) -> int:
        return self._state.size(*self.layers) - self._copied

    def _remove(self) -> None:
        self._end_processes()
        self._state.remove()


def enter_command(plan: Mapping[str, Any]) -> list[str]:
    """The command line that follows a plan of enter.py."""
    return [sys.executable, "-I", "-S", enter.__file__, json.dumps(plan)]


def resource_limits(limits: Limits, *, for_each: bool) -> dict[str, int]:
    """The rlimits that stand for ``limits``.

    Args:
        limits: What a sandbox may use.
        for_each: Also those that hold for each process, or each user, only; where nothing better is to be had.
    """
    found = {"FSIZE": limits.disk}
    if for_each:
        # Of a process's memory only what it may write to counts: many reserve more address space than any machine has.
        found |= {"DATA": limits.memory, "NPROC": limits.pids}
    return {name: value for name, value in found.items() if value is not None}
