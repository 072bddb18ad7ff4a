"""Sandboxes without a fence: a copy of the repository, and commands that run as the user on the host itself."""

from __future__ import annotations

import os

from aci_tools.errors import UsageError
from aci_tools.sandbox.base import Availability, SandboxSpec
from aci_tools.sandbox.channel import BOOT_ARGV, COUNT_CHILDREN, Transport
from aci_tools.sandbox.host import BASE_PATH, HostSandbox, enter_command, resource_limits
from aci_tools.sandbox.owner import StateDirectory
from aci_tools.sandbox.processes import MARK, end_marked
from aci_tools.sandbox.shell import closing_on_error


class LocalSandbox(HostSandbox):
    """A copy of the repository; ``workdir`` is where it really is.

    The channel's shell adopts the orphans of its commands, so that nothing they start gets out of sight.
    """

    kind = "local"
    count = COUNT_CHILDREN
    idle_processes = 0

    def __init__(self, spec: SandboxSpec) -> None:
        super().__init__(spec)
        self.workdir = str(self._state.path / "tree")

    def open(self) -> None:
        """Copy the repository and start the channel."""
        with closing_on_error(self):
            self._make_layers()
            self._copy_repository(self.spec.repository)
            self._start()

    def _connect(self) -> Transport:
        plan = {
            "die_with_parent": True,
            "adopt_orphans": True,
            "rlimits": resource_limits(self.spec.limits, for_each=False),
            "argv": BOOT_ARGV,
        }
        env = {
            "PATH": os.environ.get("PATH", BASE_PATH),
            "HOME": str(self._state.path / "home"),
            "TMPDIR": str(self._state.path / "tmp"),
            MARK: self.id,
        }
        return self._spawn(enter_command(plan), env)

    def _end_processes(self) -> None:
        end_marked(self.id, None if self._transport is None else self._transport.process.pid)
        self._let_go()


def open_sandbox(spec: SandboxSpec) -> LocalSandbox:
    """Open a copy of ``spec.repository`` as a sandbox. ``image``, ``read_only``, ``network`` and the limits on memory,
    cores and processes have no meaning for it.

    Raises:
        UsageError: An allow-list of hosts is wanted, which it could not enforce.
    """
    if spec.allow_hosts:
        raise UsageError("the local sandbox isolates nothing and cannot enforce sandbox.allow_hosts: use another kind")
    sandbox = LocalSandbox(spec)
    sandbox.open()
    return sandbox


def availability() -> Availability:
    """It can be used everywhere."""
    return Availability("local", True, "a plain copy without isolation, only when asked for by name")


def reap() -> list[str]:
    """End the processes and remove the files of dead owners."""
    removed = []
    for state in StateDirectory.abandoned("local"):
        end_marked(state.path.name, None)
        state.remove()
        removed.append(f"local sandbox {state.path.name}")
    return removed
