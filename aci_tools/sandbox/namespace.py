"""Sandboxes of Linux namespaces, for machines without a container engine. All they need is user namespaces."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Literal

from aci_tools.errors import InfrastructureError
from aci_tools.gate.door import PORT, receive_listener
from aci_tools.sandbox import enter
from aci_tools.sandbox.base import MIB, Availability, SandboxSpec
from aci_tools.sandbox.cgroup import make_groups, remove_groups
from aci_tools.sandbox.channel import BOOT_ARGV, Transport
from aci_tools.sandbox.host import BASE_PATH, HostSandbox, enter_command, resource_limits
from aci_tools.sandbox.owner import StateDirectory, start_time
from aci_tools.sandbox.pipes import PipeTransport
from aci_tools.sandbox.processes import end_namespace
from aci_tools.sandbox.shell import closing_on_error
from aci_tools.sandbox.view import HOME, Entry, host_view

Launcher = Literal["bwrap", "unshare"]

#: What can build the namespaces, the first choice first.
LAUNCHERS: tuple[Launcher, ...] = ("bwrap", "unshare")

# As in a container: the sandbox's root may read, change and give away files whatever their modes say. These reach no
# further than the files that the sandbox's user owns outside.
_CAPABILITIES = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_FOWNER": 3}
_PATIENCE = 20.0


class NamespaceSandbox(HostSandbox):
    """Own mount, pid, network, ipc and uts namespaces over a copy-on-write view of the repository.

    The channel's shell is the first process of the pid namespace: no signal from inside reaches it, orphans come to it,
    and to end it is to end everything.

    Args:
        spec: How it is to be made.
        launcher: What builds the namespaces.
    """

    kind = "namespace"

    def __init__(self, spec: SandboxSpec, launcher: Launcher) -> None:
        super().__init__(spec)
        self._launcher = launcher
        self._groups: list[Path] = []
        self._overlay: dict[str, str] | None = None

    def open(self) -> None:
        """Make the view and start the channel."""
        with closing_on_error(self):
            self._make_groups()
            if self.spec.repository is not None and self._overlay_works(self.spec.repository):
                self.layers = ("upper", "tmp", "home")
                self._make_layers()
            else:
                self._make_layers()
                self._copy_repository(self.spec.repository)
            self._start()

    def _make_groups(self) -> None:
        self._groups = make_groups(self.id, self.spec.limits)
        self._state.record(groups=json.dumps([str(group) for group in self._groups]))

    def _overlay_works(self, repository: Path) -> bool:
        """Whether changes can be kept apart from the repository; sets the overlay that does it."""
        state = self._state.path
        parts = {"lowerdir": repository.resolve(), "upperdir": state / "upper", "workdir": state / "work"}
        if any(set(str(path)) & set(':,\\"') for path in parts.values()) or not _all_ours(repository):
            return False
        for name in ("upper", "work", "merged"):
            (state / name).mkdir()
        options = ",".join([*(f"{name}={path}" for name, path in parts.items()), "userxattr"])
        overlay = {"at": str(state / "merged"), "options": options}
        works = _attempt(_unshare(["--mount"], {"overlay": overlay, "argv": ["true"]})) is None
        (state / "upper").rmdir()
        if works:
            self._overlay = overlay
        return works

    def _connect(self) -> Transport:
        state = self._state.path
        tree = state / ("tree" if self._overlay is None else "merged")
        view = host_view(
            tree, self.workdir, state / "tmp", state / "home", self.spec.read_only, network=self.spec.network
        )
        limits = self.spec.limits
        plan: dict[str, Any] = {
            "cgroups": [str(group / "cgroup.procs") for group in self._groups],
            "overlay": self._overlay,
            "rlimits": resource_limits(limits, for_each=not self._groups),
        }
        scratch = state / "scratch"
        scratch.mkdir(exist_ok=True)

        def start(*handles: int) -> PipeTransport:
            argv = _launch(self._launcher, view, plan, scratch, BOOT_ARGV, network=self.spec.network)
            return self._spawn(argv, _environment(), handles)

        if self._gate is None:
            return start()
        ours, theirs = socket.socketpair()
        with ours:
            with theirs:
                plan["gate"] = {"channel": theirs.fileno(), "port": PORT}
                transport = start(theirs.fileno())
            self._gate.listen(receive_listener(ours, _PATIENCE))
        return transport

    def _end_processes(self) -> None:
        if self._transport is not None:
            end_namespace(self._transport.process.pid)
            self._let_go()

    def _remove(self) -> None:
        self._end_processes()
        remove_groups(self._groups)
        self._state.remove()


def open_sandbox(spec: SandboxSpec) -> NamespaceSandbox:
    """Open a sandbox of namespaces. ``image`` has no meaning for it.

    Raises:
        InfrastructureError: This machine does not let this user make namespaces.
    """
    found = availability()
    if not found.usable:
        raise InfrastructureError(f"{found.reason}; {found.mend}")
    launcher = next(name for name in LAUNCHERS if launcher_fault(name) is None)
    sandbox = NamespaceSandbox(spec, launcher)
    sandbox.open()
    return sandbox


def availability() -> Availability:
    """Whether this user can make namespaces here, tried out."""
    faults = {name: launcher_fault(name) for name in LAUNCHERS}
    for name, fault in faults.items():
        if fault is None:
            return Availability("namespace", True, f"by {name}")
    return Availability("namespace", False, f"namespaces cannot be made here: {faults['unshare']}", _mend())


@cache
def launcher_fault(launcher: Launcher) -> str | None:
    """Why a launcher does not work here, or ``None``. Tried once in a program's life."""
    for program in ("unshare", launcher):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    with tempfile.TemporaryDirectory() as name:
        scratch, tree, tmp, home = (Path(name, part) for part in ("scratch", "tree", "tmp", "home"))
        for path in (scratch, tree, tmp, home):
            path.mkdir()
        view = host_view(tree, "/testbed", tmp, home, (), network=False)
        return _attempt(_launch(launcher, view, {}, scratch, ["sh", "-c", "echo >/dev/null"], network=False))


def reap() -> list[str]:
    """End the processes and remove the files and control groups of dead owners."""
    removed = []
    for state in StateDirectory.abandoned("namespace"):
        facts = state.facts()
        pid = int(facts.get("process", "0"))
        if pid and str(start_time(pid)) == facts["process_start"]:
            end_namespace(pid)
        remove_groups(map(Path, json.loads(facts.get("groups", "[]"))))
        state.remove()
        removed.append(f"namespace sandbox {state.path.name}")
    return removed


def _launch(
    launcher: Launcher,
    view: Sequence[Entry],
    plan: Mapping[str, Any],
    scratch: Path,
    argv: list[str],
    *,
    network: bool,
) -> list[str]:
    """The command line of a sandbox's first process.

    Args:
        launcher: What builds the namespaces.
        view: What is seen inside.
        plan: What else has to be prepared (see enter.py).
        scratch: An empty directory on which something can be mounted.
        argv: What to become, inside.
        network: Whether to stay in the host's network.
    """
    # The signal at a parent's death goes from the driver to unshare or bwrap, and from it to the first process inside.
    # Without setpriv a sandbox of a killed driver ends when its command does, or by the reaper.
    outlive = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
    plan = {**plan, "loopback": not network}
    own_network = [] if network else ["--net"]
    if launcher == "bwrap":
        inside = _bwrap(view, scratch, argv)
        return [*outlive, *_unshare(["--mount", *own_network], {**plan, "devices": str(scratch), "argv": inside})]
    plan = {
        **plan,
        "root": str(scratch),
        "view": view,
        "hostname": "sandbox",
        "capabilities": list(_CAPABILITIES.values()),
        "argv": argv,
    }
    namespaces = ["--mount", "--pid", "--ipc", "--uts", "--fork", "--kill-child", *own_network]
    return [*outlive, *_unshare(namespaces, plan)]


def _unshare(namespaces: list[str], plan: Mapping[str, Any]) -> list[str]:
    return ["unshare", "--user", "--map-root-user", *namespaces, "--", *enter_command(plan)]


def _bwrap(view: Sequence[Entry], devices: Path, argv: list[str]) -> list[str]:
    words = ["bwrap", "--die-with-parent", "--as-pid-1", "--unshare-pid", "--unshare-ipc", "--unshare-uts"]
    words += ["--hostname", "sandbox", "--cap-drop", "ALL"]
    for name in _CAPABILITIES:
        words += ["--cap-add", name]
    for how, source, target in view:
        if how == "hide":
            nothing = ["--tmpfs", target, "--remount-ro", target]
            words += nothing if os.path.isdir(target) else ["--ro-bind", "/dev/null", target]
        elif how == "dev":
            words += ["--dev", target, "--perms", "1777", "--size", str(64 * MIB), "--tmpfs", f"{target}/shm"]
            words += ["--remount-ro", target]
            for name in enter.DEVICES:
                words += ["--dev-bind", f"{devices}/{name}", f"{target}/{name}"]
        else:
            option = {"ro": "--ro-bind", "rw": "--bind", "link": "--symlink"}.get(how)
            words += [f"--{how}", target] if option is None else [option, source, target]
    return [*words, "--remount-ro", "/", "--chdir", "/", "--", *argv]


def _environment() -> dict[str, str]:
    return {"PATH": BASE_PATH, "HOME": HOME}


def _attempt(argv: Sequence[str]) -> str | None:
    """Run a command line; the last line of what it says when it fails."""
    try:
        done = subprocess.run(
            argv, env=_environment(), capture_output=True, text=True, errors="replace", timeout=_PATIENCE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    lines = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
    return None if done.returncode == 0 else lines[-1]


def _all_ours(repository: Path) -> bool:
    """Whether what a repository consists of belongs to this user, as far as its top tells."""
    with contextlib.suppress(OSError):
        return all(path.lstat().st_uid == os.geteuid() for path in (repository, *repository.iterdir()))
    return False


def _mend() -> str:
    """What an administrator can do, by the switches of this kernel that are off."""
    switches = {
        "user.max_user_namespaces": ("0", "15000"),
        "kernel.unprivileged_userns_clone": ("0", "1"),
        "kernel.apparmor_restrict_unprivileged_userns": ("1", "0"),
    }
    for name, (off, on) in switches.items():
        with contextlib.suppress(OSError):
            if Path("/proc/sys", name.replace(".", "/")).read_text().strip() == off:
                return f"sysctl -w {name}={on}"
    if shutil.which("unshare") is None:
        return "install util-linux"
    return (
        "in a container: let it make namespaces (for Docker --security-opt seccomp=unconfined), or use a Docker engine"
    )
