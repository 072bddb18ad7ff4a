"""What a known solution touches: its files, and the functions that its changed lines stand in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_DEFINITION = re.compile(r"\s*(?:async\s+def|def|class)\s+(\w+)")
#: As git quotes names in diffs.
_ESCAPED = re.compile(rb"\\(?:([0-7]{3})|(.))", re.S)
_ESCAPES = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


@dataclass(frozen=True, slots=True)
class Touched:
    """One file of a patch.

    Attributes:
        path: As it is called before the patch (after it, for a new file).
        new: Whether the patch makes the file; nobody can open such a file.
        spots: Changed lines that stand in a definition: the line as numbered before the patch (of an added one, the
            line that it follows), and the definition's short name.
    """

    path: str
    new: bool
    spots: frozenset[tuple[int, str]]

    @property
    def functions(self) -> frozenset[str]:
        """Short names of the functions and classes that changed lines stand in."""
        return frozenset(name for _, name in self.spots)


@lru_cache(maxsize=512)
def _files(patch: str) -> tuple[Touched, ...]:
    return tuple(_touched(patch, {}))


def touched(patch: str, sources: Mapping[str, str] | None = None) -> tuple[Touched, ...]:
    """The files of a patch and the Python functions that it changes.

    A changed line belongs to the innermost ``def`` or ``class`` around it. Where the file's text before the patch is at
    hand, its syntax tree says which that is. Else the hunk does: the nearest definition above the line that is indented
    less; failing that, the one that git wrote behind the hunk's ``@@``, unless the line is not indented at all. A
    definition that the patch adds was not there to be found: it counts for the one around it, if any. Lines outside
    any definition, and files that are not Python, count at the level of files only.

    Args:
        patch: A unified diff; what cannot be read as one touches nothing.
        sources: Text before the patch, by path, where it is known.
    """
    return tuple(_touched(patch, sources)) if sources else _files(patch)


def path_of(name: str) -> str:
    """The path that a name in the header of a diff stands for: without ``a/`` or ``b/``, and without quotes."""
    if len(name) > 1 and name[0] == name[-1] == '"':
        quoted = name[1:-1].encode("utf-8", "surrogatepass")
        name = _ESCAPED.sub(_byte, quoted).decode("utf-8", "backslashreplace")
    return name[2:] if name.startswith(("a/", "b/")) else name


def _byte(found: re.Match[bytes]) -> bytes:
    return bytes([int(found[1], 8) & 0xFF]) if found[1] else _ESCAPES.get(found[2], found[2])


def _touched(patch: str, sources: Mapping[str, str]) -> Iterator[Touched]:
    from unidiff import PatchSet
    from unidiff.errors import UnidiffParseError

    try:
        files = PatchSet(patch)
    except UnidiffParseError:
        return
    for file in files:
        new = bool(file.is_added_file)
        path = path_of(file.target_file if new else file.source_file)
        spots: set[tuple[int, str]] = set()
        if path.endswith(".py") and not new:
            spans = _spans(sources[path]) if path in sources else None
            for hunk in file:
                spots.update(_by_text(hunk) if spans is None else _by_tree(hunk, spans))
        yield Touched(path, new, frozenset(spots))


def _lines(hunk: Any) -> Iterator[tuple[Any, str, int]]:
    """The lines of a hunk that are not blank, their text, and the line before the patch that they are or follow."""
    number = hunk.source_start - 1
    for line in hunk:
        number = line.source_line_no or number
        if line.value.strip():
            yield line, line.value, number


def _by_text(hunk: Any) -> Iterator[tuple[int, str]]:
    """Changed lines and their definitions by the text of a hunk alone."""
    header = _DEFINITION.match(hunk.section_header.strip())
    above: list[tuple[int, str]] = []
    removed: set[str] = set()
    heads_class = header is not None and header[0].startswith("class")
    deepest = -1  # indentation of the definitions met: what is indented no more is no part of the one in the heading
    for line, text, number in _lines(hunk):
        indent = len(text.expandtabs()) - len(text.expandtabs().lstrip())
        above = [(depth, name) for depth, name in above if depth < indent]
        outside = not above and indent > 0 and (heads_class or indent > deepest)
        around = above[-1][1] if above else ""
        if definition := _DEFINITION.match(text):
            name = definition[1]
            known = not line.is_added or name in removed
            above.append((indent, name if known else ""))
            deepest = max(deepest, indent)
            if line.is_removed:
                removed.add(name)
                yield number, name
            elif not known and (around or (outside and heads_class)):
                yield number, around or header[1]  # type: ignore[index]
        elif not line.is_context and (around or (outside and header)):
            yield number, around or header[1]  # type: ignore[index]


def _spans(source: str) -> list[tuple[int, int, int, str]] | None:
    """First line, last line, indentation and name of every definition; ``None`` if it is no Python of today."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    return [
        (
            min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]),
            node.end_lineno or node.lineno,
            node.col_offset,
            node.name,
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]


def _by_tree(hunk: Any, spans: list[tuple[int, int, int, str]]) -> Iterator[tuple[int, str]]:
    """Changed lines and their definitions by the syntax tree.

    An added line stands in what the line before it stands in; behind the last line of a definition, only if it is
    indented more than that.
    """
    for line, text, number in _lines(hunk):
        if line.is_context:
            continue
        indent = len(text) - len(text.lstrip())
        around = [
            span
            for span in spans
            if span[0] <= number <= span[1] and not (line.is_added and number == span[1] and indent <= span[2])
        ]
        if around:
            yield number, max(around)[3]
