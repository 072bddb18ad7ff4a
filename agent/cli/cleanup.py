"""``agent cleanup``: nothing outlives its driver for long."""

from __future__ import annotations


def cleanup() -> None:
    """Remove what killed runs left behind: containers, images, processes, directories."""
    from aci_tools.sandbox import reap

    removed = reap()
    for item in removed:
        print(item)
    print(f"{len(removed)} removed" if removed else "nothing to remove")
