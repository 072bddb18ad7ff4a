"""The patch of an attempt as it was, with what is masked in its trajectory."""

from __future__ import annotations

from pathlib import Path

from trajectories.redact import MASK


def kept_patch(trajectory: Path, recorded: str) -> str:
    """A recorded patch without masks, where the file beside the trajectory has it.

    The file may be of an earlier end of the same attempt, so it counts only if it is the recorded patch but for masks.

    Args:
        trajectory: The file of events.
        recorded: The patch as its events have it.
    """
    if MASK not in recorded:
        return recorded
    try:
        kept = trajectory.with_name("patch.diff").read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return recorded
    return kept if _fits(recorded, kept) else recorded


def _fits(recorded: str, text: str) -> bool:
    """Whether a text is what was recorded; a mask stands for whatever was there."""
    first, *middle, last = recorded.split(MASK)
    place = len(first)
    for part in middle:
        place = text.find(part, place) + len(part)
        if place < len(part):
            return False
    return text.startswith(first) and text.endswith(last) and place + len(last) <= len(text)
