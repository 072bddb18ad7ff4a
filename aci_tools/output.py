"""Making what a program printed fit for a model to read."""

from __future__ import annotations

import re

# Escape sequences: CSI (colours, cursor), OSC (titles, links; ended by BEL or ST), character sets, single letters.
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[()*+][A-Za-z0-9]|[ -/]*[0-~])")
_GIT_ESCAPED = re.compile(rb"\\(?:([0-7]{3})|(.))", re.S)
_GIT_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}
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
    if "\x08" in text:
        text = _without_overstruck(text)
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


def _without_overstruck(text: str) -> str:
    """Each backspace takes the character before it on its line; one that has none stays."""
    kept: list[str] = []
    for character in text:
        if character == "\x08" and kept and kept[-1] not in "\n\x08":
            kept.pop()
        else:
            kept.append(character)
    return "".join(kept)


def unquoted(name: str) -> str:
    """A name as git prints it, without the quotes and escapes that it has where something in it is not plain."""
    if len(name) < 2 or not (name.startswith('"') and name.endswith('"')):
        return name

    def plain(found: re.Match[bytes]) -> bytes:
        return bytes([int(found[1], 8) & 0xFF]) if found[1] else _GIT_ESCAPES.get(found[2], found[2])

    raw = name[1:-1].encode("utf-8", "surrogateescape")
    return _GIT_ESCAPED.sub(plain, raw).decode("utf-8", "surrogateescape")


def whole_characters(text: str) -> str:
    """The text with U+FFFD for each half of a character (a lone surrogate), which JSON can hold and no request can."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
