"""Making what a program printed fit for a model to read."""

from __future__ import annotations

import re

# Escape sequences: CSI (colours, cursor), OSC (titles, links; ended by BEL or ST), character sets, single letters.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()*+][A-Za-z0-9]|[ -/]*[0-~])")
_OVERSTRUCK = re.compile(r"[^\n\x08]\x08")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def clean(output: bytes) -> str:
    """The text that a terminal would be left with.

    Escape sequences go, of a progress line redrawn with carriage returns the last state stays, and bytes that are not
    text are shown as ``\\x00``.
    """
    text = output.decode("utf-8", "backslashreplace").replace("\r\n", "\n")
    if "\x1b" in text:
        text = _ESCAPES.sub("", text)
    if "\r" in text:
        text = "\n".join(map(_last_state, text.split("\n")))
    while "\x08" in text and (shorter := _OVERSTRUCK.sub("", text)) != text:
        text = shorter
    return _CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def clip(text: str, limit: int, dropped: int = 0) -> str:
    """Keep the head and the tail of a text, whole lines where that costs little.

    Args:
        text: The text.
        limit: Characters to keep.
        dropped: Bytes that are missing from the middle of ``text`` already.
    """
    if len(text) <= limit:
        return text
    head, tail = text[: limit // 2], text[-(limit - limit // 2) :]
    end, start = head.rfind("\n") + 1, tail.find("\n") + 1
    if end > len(head) * 3 // 4:
        head = head[:end]
    if 0 < start < len(tail) // 4:
        tail = tail[start:]
    missing = len(text) - len(head) - len(tail) + dropped
    gap = "" if head.endswith("\n") else "\n"
    return f"{head}{gap}[... {missing} characters left out ...]\n{tail}"


def _last_state(line: str) -> str:
    return next((state for state in reversed(line.split("\r")) if state), "")
