"""Computers for agents. :func:`open_sandbox` opens one; every kind gives the same interface, :class:`Sandbox`.

A kind is a module with ``open_sandbox(spec)``, ``availability()`` and ``reap()``, named in ``_MODULES``.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Protocol, cast

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.sandbox.base import MIB, Availability, CommandResult, Limits, Sandbox, SandboxSpec
from aci_tools.sandbox.watchdog import watch
from aci_tools.sandbox.workspace import reap_workspaces

__all__ = [
    "KINDS",
    "MIB",
    "Availability",
    "CommandResult",
    "Limits",
    "Sandbox",
    "SandboxSpec",
    "available_kinds",
    "open_sandbox",
    "reap",
]

# The strongest fence first.
_MODULES = {
    "docker": "aci_tools.sandbox.docker",
    "namespace": "aci_tools.sandbox.namespace",
    "local": "aci_tools.sandbox.local",
}

#: Names of the kinds, the strongest fence first.
KINDS = tuple(_MODULES)


class _Kind(Protocol):
    def open_sandbox(self, spec: SandboxSpec) -> Sandbox: ...
    def availability(self) -> Availability: ...
    def reap(self) -> list[str]: ...


def open_sandbox(kind: str, spec: SandboxSpec) -> Sandbox:
    """Open a sandbox.

    Args:
        kind: One of :data:`KINDS`, or ``"auto"`` for the strongest that this machine has and the spec fits: a container
            when an image is named, else namespaces. ``"local"``, which has no fence, is never chosen by itself.
        spec: How it is to be made.

    Raises:
        UsageError: There is no such kind, or the spec lacks what it needs.
        InfrastructureError: This machine cannot provide it now.
    """
    if kind == "auto":
        kind = _best_kind(spec)
    if spec.network and spec.allow_hosts:
        raise UsageError(
            "sandbox.network lets commands reach every host: leave it off where sandbox.allow_hosts is set"
        )
    _reap_once(kind)
    watch()
    return _module(kind).open_sandbox(spec)


def available_kinds() -> list[Availability]:
    """What this machine can provide, the strongest fence first. Takes two seconds at most."""
    return [_module(kind).availability() for kind in KINDS]


def reap() -> list[str]:
    """Remove what dead programs and passed deadlines left behind: containers, snapshots, processes, workspaces.

    Returns:
        What was removed, one phrase each. What belongs to a live program is not touched.
    """
    return [*(removed for kind in KINDS for removed in _module(kind).reap()), *reap_workspaces()]


def _best_kind(spec: SandboxSpec) -> str:
    candidates = ["docker"] if spec.image is not None else []
    if spec.repository is not None:
        candidates.append("namespace")
    if not candidates:
        raise UsageError("a sandbox needs an image or a repository to start from")
    reasons = []
    for kind in candidates:
        found = _module(kind).availability()
        if found.usable:
            return kind
        reasons.append(f"{kind}: {found.reason} ({found.mend})")
    raise InfrastructureError("no sandbox can be opened here. " + "; ".join(reasons))


def _module(kind: str) -> _Kind:
    if kind not in _MODULES:
        raise UsageError(f"no sandbox is called {kind!r}: choose auto, {', '.join(KINDS)}")
    return cast(_Kind, import_module(_MODULES[kind]))


@cache
def _reap_once(kind: str) -> None:
    _module(kind).reap()
