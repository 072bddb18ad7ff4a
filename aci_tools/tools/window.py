"""How lines of a file are shown: numbered, with what is above and below counted."""

from __future__ import annotations

from aci_tools.text import Document

_WIDEST = 400


def show(path: str, document: Document, first: int, last: int, marks: frozenset[int] = frozenset()) -> str:
    """Lines ``first`` to ``last`` of a file, with a header and the counts of what is not shown.

    Args:
        path: The file's name.
        document: Its lines.
        first, last: Which, from 1; cut to what there is.
        marks: Lines that get a ``>`` in front.
    """
    total = len(document)
    first, last = max(first, 1), min(last, total)
    lines = [f"[File: {path} ({total} line{'' if total == 1 else 's'})]"]
    if first > 1:
        lines.append(f"({first - 1} more line{'' if first == 2 else 's'} above)")
    for number in range(first, last + 1):
        text = document.text(number)
        if len(text) > _WIDEST:
            text = f"{text[:_WIDEST]} [{len(text) - _WIDEST} more characters]"
        mark = ">" if number in marks else ""
        lines.append(f"{mark}{number}:{text}")
    if last < total:
        lines.append(f"({total - last} more line{'' if total - last == 1 else 's'} below)")
    if total == 0:
        lines.append("(the file is empty)")
    return "\n".join(lines)


def around(first: int, last: int, window: int) -> tuple[int, int]:
    """A region with some lines around it, at most a window."""
    margin = max(3, min(10, (window - (last - first)) // 2))
    return first - margin, min(last + margin, first - margin + max(window, 10))
