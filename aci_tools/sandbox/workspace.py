"""Directories for the length of a run: removed at its end, or by the watchdog if it is killed."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from pathlib import Path

from aci_tools.sandbox.owner import StateDirectory
from aci_tools.sandbox.watchdog import watch

_KIND = "workspace"


@contextlib.contextmanager
def workspace(lifetime: float = 7 * 86_400.0) -> Iterator[Path]:
    """A directory for the length of a ``with`` block.

    Args:
        lifetime: Seconds after which another run may remove it although this one seems alive.
    """
    reap_workspaces()
    watch()
    state = StateDirectory.make(f"{_KIND}-{secrets.token_hex(6)}", _KIND, "", lifetime)
    try:
        yield state.path
    finally:
        state.remove()


def reap_workspaces() -> list[str]:
    """Remove the directories of runs that are no more; returns what was removed."""
    removed = []
    for state in StateDirectory.abandoned(_KIND):
        state.remove()
        removed.append(f"workspace {state.path.name}")
    return removed
