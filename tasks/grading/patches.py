"""Reading a unified diff file by file, as far as grading needs: which paths each part concerns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from aci_tools.output import unquoted

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_PLAIN_HEADER = re.compile(r"diff --git a/(.+) b/\1$")
_TWO_NAMES = re.compile(r'diff --git ("(?:\\.|[^"\\])*"|\S+) ("(?:\\.|[^"\\])*"|\S+)$')
_NAMING = ("--- ", "+++ ", "rename from ", "rename to ", "copy from ", "copy to ")


@dataclass(frozen=True, slots=True)
class Section:
    """What a patch does to one file.

    Attributes:
        text: The lines of the patch, headers included.
        paths: The paths that it names, relative to the top of the repository; two of a rename.
    """

    text: str
    paths: tuple[str, ...]


def sections(patch: str) -> list[Section]:
    """The parts of a patch, one for each file. Joined, they are the patch without what stands before the first."""
    parts: list[list[str]] = []
    for line, begins in _marked(patch.splitlines(keepends=True)):
        if begins:
            parts.append([])
        if parts:
            parts[-1].append(line)
    return [Section("".join(lines), _paths(lines)) for lines in parts]


def paths(patch: str) -> tuple[str, ...]:
    """Every path that a patch names, in the order met."""
    return tuple(dict.fromkeys(path for section in sections(patch) for path in section.paths))


def _marked(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """Each line, and whether a file's part begins with it. Lines of hunks are counted: they may look like headers."""
    old = new = 0
    headed = False  # whether the `--- ` that comes belongs to the `diff --git` line before it
    for number, line in enumerate(lines):
        if old > 0 or new > 0:
            old -= line[0] in " -\n"
            new -= line[0] in " +\n"
            yield line, False
        elif hunk := _HUNK.match(line):
            old, new = int(hunk[1] or 1), int(hunk[2] or 1)
            headed = False
            yield line, False
        elif line.startswith("diff --git "):
            headed = True
            yield line, True
        elif line.startswith("--- ") and lines[number + 1 : number + 2] and lines[number + 1].startswith("+++ "):
            yield line, not headed
            headed = False
        else:
            yield line, False


def _paths(lines: list[str]) -> tuple[str, ...]:
    found: list[str] = []
    for line in lines:
        if line.startswith("@@ "):
            break
        if line.startswith("diff --git "):
            found += _git_header(line.rstrip("\r\n"))
        for word in _NAMING:
            if line.startswith(word):
                name = unquoted(line[len(word) :].rstrip("\r\n").split("\t")[0])
                if name != "/dev/null":
                    found.append(_stripped(name) if word in _NAMING[:2] else name)
    return tuple(dict.fromkeys(found))


def _git_header(line: str) -> list[str]:
    if same := _PLAIN_HEADER.match(line):
        return [same[1]]
    if two := _TWO_NAMES.match(line):
        return [_stripped(unquoted(name)) for name in two.groups()]
    return []


def _stripped(name: str) -> str:
    """As ``-p1`` strips it: without its first directory, an absolute path staying what it is."""
    return name if name.startswith("/") or "/" not in name else name.split("/", 1)[1]
