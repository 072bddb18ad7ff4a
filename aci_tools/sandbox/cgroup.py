"""Limits for all processes of a sandbox together: control groups, version 1 or 2, where this process may make them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

from aci_tools.sandbox.base import Limits

_ROOT = Path("/sys/fs/cgroup")
_PARENT = "patchwright"
_PERIOD = 100_000  # microseconds
_PATIENCE = 2.0


def make_groups(name: str, limits: Limits) -> list[Path]:
    """Make control groups with these limits.

    Args:
        name: A name that no other sandbox has.
        limits: ``memory``, ``cpus`` and ``pids`` of it are used.

    Returns:
        Their directories; a process joins by writing ``0`` to ``cgroup.procs`` in each. Empty where none can be made.
    """
    if (_ROOT / "cgroup.controllers").exists():
        return _make([_ROOT / _PARENT / name], {_ROOT / _PARENT / name: _second_version(limits)})
    settings = {_ROOT / part / _PARENT / name: values for part, values in _first_version(limits).items()}
    return _make(list(settings), settings)


def remove_groups(groups: Iterable[Path]) -> None:
    """Remove control groups; their last processes may still be on their way out."""
    give_up = time.monotonic() + _PATIENCE
    for group in groups:
        while group.exists():
            try:
                group.rmdir()
            except OSError:
                if time.monotonic() > give_up:
                    break
                time.sleep(0.01)


def _make(groups: list[Path], settings: dict[Path, dict[str, str]]) -> list[Path]:
    made: list[Path] = []
    try:
        for group in groups:
            group.parent.mkdir(exist_ok=True)
            _delegate(group.parent)
            group.mkdir()
            made.append(group)
            for file, value in settings[group].items():
                if file.endswith(("memsw.limit_in_bytes", "swap.max")) and not (group / file).exists():
                    continue  # a kernel that does not account for swap
                (group / file).write_text(value)
    except OSError:
        remove_groups(made)
        return []
    return made


def _delegate(parent: Path) -> None:
    """Version 2: let the groups below have the controllers."""
    for directory in (parent.parent, parent):
        control = directory / "cgroup.subtree_control"
        if control.exists():
            for controller in {"pids", "memory", "cpu"} - set(control.read_text().split()):
                with contextlib.suppress(OSError):
                    control.write_text(f"+{controller}")


def _first_version(limits: Limits) -> dict[str, dict[str, str]]:
    settings: dict[str, dict[str, str]] = {}
    if limits.pids is not None:
        settings["pids"] = {"pids.max": str(limits.pids)}
    if limits.memory is not None:
        settings["memory"] = {
            "memory.limit_in_bytes": str(limits.memory),
            "memory.memsw.limit_in_bytes": str(limits.memory),
        }
    if limits.cpus is not None:
        settings["cpu"] = {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(int(limits.cpus * _PERIOD))}
    return settings


def _second_version(limits: Limits) -> dict[str, str]:
    settings = {}
    if limits.pids is not None:
        settings["pids.max"] = str(limits.pids)
    if limits.memory is not None:
        settings |= {"memory.max": str(limits.memory), "memory.swap.max": "0"}
    if limits.cpus is not None:
        settings["cpu.max"] = f"{int(limits.cpus * _PERIOD)} {_PERIOD}"
    return settings
