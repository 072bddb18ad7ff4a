"""Unified diffs: made of texts, and turned round."""

from __future__ import annotations

import difflib
import re

_HUNK = re.compile(r"@@ -(\d+(?:,(\d+))?) \+(\d+(?:,(\d+))?) @@(.*)")
_SWAPPED = (
    ("new file mode ", "deleted file mode "),
    ("rename from ", "rename to "),
    ("old mode ", "new mode "),
    ("--- ", "+++ "),
)


def changed(path: str, before: str | None, after: str) -> str:
    """The diff that git makes of a change to one file.

    Args:
        path: The file, relative to the repository.
        before: Its text, ``None`` when it is added. Like ``after`` empty, or ending with a newline.
        after: Its new text.
    """
    if before == after:
        return ""
    old, new = _lines(before or ""), _lines(after)
    added = before is None
    header = [f"diff --git a/{path} b/{path}\n", *(["new file mode 100644\n"] if added else [])]
    hunks = difflib.unified_diff(old, new, "/dev/null" if added else f"a/{path}", f"b/{path}")
    return "".join([*header, *hunks])


def _lines(text: str) -> list[str]:
    """The lines as git sees them: `str.splitlines` parts at form feeds and other characters as well."""
    return [f"{line}\n" for line in text.removesuffix("\n").split("\n")] if text else []


def reverse(patch: str) -> str:
    """The patch that undoes a patch.

    Raises:
        ValueError: It has a binary part, a copy of a file, or a hunk of the wrong length.
    """
    lines = _lines(patch)
    out: list[str] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        hunk = _HUNK.match(line)
        if hunk:
            body = _body(lines, position + 1, int(hunk[2] or 1), int(hunk[4] or 1))
            out += [f"@@ -{hunk[3]} +{hunk[1]} @@{hunk[5]}\n", *_turned(body)]
            position += 1 + len(body)
            continue
        if line.startswith(("GIT binary patch", "Binary files", "copy from ")):
            raise ValueError("the patch cannot be turned round: it is binary or copies a file")
        out.append(_header(line))
        position += 1
    return "".join(_ordered(out))


def _body(lines: list[str], start: int, old: int, new: int) -> list[str]:
    """The lines of the hunk that starts at ``start``."""
    position = start
    while old > 0 or new > 0:
        if position == len(lines):
            raise ValueError("the patch ends in the middle of a hunk")
        mark = lines[position][:1]
        old -= mark in " -\n"
        new -= mark in " +\n"
        position += 1
        if position < len(lines) and lines[position].startswith("\\"):
            position += 1
    return lines[start:position]


def _turned(body: list[str]) -> list[str]:
    """A hunk's lines with additions and removals exchanged, what is removed first again."""
    out: list[str] = []
    removed: list[str] = []
    added: list[str] = []
    into = out
    for line in body:
        if line[0] == "\\":
            into.append(line)
            continue
        if line[0] not in "+-":
            out += removed + added
            removed, added = [], []
        into = {"+": removed, "-": added}.get(line[0], out)
        into.append({"+": "-", "-": "+"}.get(line[0], line[0]) + line[1:])
    return out + removed + added


def _header(line: str) -> str:
    """A line between hunks as it is in the reversed patch, but for its place."""
    git = re.fullmatch(r"diff --git a/(.*) b/(.*)\n", line)
    if git:
        return f"diff --git a/{git[2]} b/{git[1]}\n"
    index = re.fullmatch(r"index (\w+)\.\.(\w+)(.*)\n", line)
    if index:
        return f"index {index[2]}..{index[1]}{index[3]}\n"
    for one, other in _SWAPPED:
        for mark, opposite in ((one, other), (other, one)):
            if line.startswith(mark):
                rest = line[len(mark) :]
                if mark in ("--- ", "+++ ") and rest.startswith(("a/", "b/")):
                    rest = ("b/" if rest[0] == "a" else "a/") + rest[2:]
                return opposite + rest
    return line


def _ordered(lines: list[str]) -> list[str]:
    """Put each pair of headers that was exchanged back into its order."""
    out = list(lines)
    for number in range(len(out) - 1):
        first, second = out[number], out[number + 1]
        for one, other in _SWAPPED[1:]:
            if first.startswith(other) and second.startswith(one):
                out[number], out[number + 1] = second, first
    return out
