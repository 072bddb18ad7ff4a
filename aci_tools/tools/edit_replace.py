"""``replace``: editing by search and replace."""

from __future__ import annotations

import difflib
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from aci_tools.text import Document, split_lines
from aci_tools.tools.base import AMBIGUOUS, NO_CHANGE, NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.edit_lines import refuse_line_numbers
from aci_tools.tools.indentation import shifted
from aci_tools.tools.landing import document, encoded, land, nearest, replaced
from aci_tools.tools.window import show

if TYPE_CHECKING:
    from aci_tools.session import Session

_LISTED = 8
_DIFFERENCES = 40
_LINE_END = re.compile(rb"\r?\n|\Z")
_WITHIN_WORD = re.compile(rb"(?<=[\w\x80-\xff])[\w\x80-\xff]")


@dataclass(frozen=True, slots=True)
class _Place:
    """Lines that match the old text but for white space, and the new text as it has to be written there."""

    first: int
    last: int
    new: list[str]
    difference: str


class Replace(Tool):
    """Replace a text that occurs once in a file by another one. Copy it exactly, with enough lines around it."""

    edits: ClassVar[bool] = True
    example: ClassVar[str] = """\
replace src/shapes.py
<<<<<<< SEARCH
    area = width + height
=======
    area = width * height
>>>>>>> REPLACE"""

    path: str = Field(description="The file, relative to the repository.")
    old: str = Field(description="The text as it is in the file, without line numbers.", body=True)
    new: str = Field(description="The text to put there; empty to delete the old one.", body=True)

    def run(self, session: Session) -> Observation:
        """Find the one place; where there is none or are several, say so and change nothing."""
        path = session.relative(self.path)
        before = document(session, path)
        if not self.old.strip():
            raise ToolError("The old text is empty. Give the text that is to be replaced, or use insert.", path=path)
        refuse_line_numbers(split_lines(self.old))
        if self.old == self.new:
            raise ToolError(f"Not edited: the old and the new text are the same, so {path} stays as it is.", NO_CHANGE)
        old, new, whole_lines = _trimmed(self.old, self.new)
        data = before.data
        spots = _occurrences(data, before, path, old, whole_lines)
        if len(spots) > 1:
            lines = [data.count(b"\n", 0, start) + 1 for start, _ in spots]
            raise _ambiguous(path, before, lines)
        if spots:
            after = _exactly(path, before, spots[0], new, whole_lines)
            deeper = _indented_behind(data, spots[0][0], new)
            meant = [_exactly(path, before, spots[0], deeper, whole_lines)] if deeper else []
            return land(session, path, after, "1 place replaced", before=before, meant=meant)
        places = _tolerant(before, split_lines(self.old), split_lines(new))
        if len(places) > 1:
            raise _ambiguous(path, before, [place.first for place in places])
        if not places:
            raise _not_found(path, before, split_lines(self.old))
        place = places[0]
        after = replaced(path, before, place.first, place.last, place.new)
        what = f"lines {place.first}-{place.last} replaced; they differed from the old text in {place.difference}"
        return land(session, path, after, what, before=before)


def _trimmed(old: str, new: str) -> tuple[str, str, bool]:
    """Old and new text without the line end that closes whole lines, and whether the old text was closed by one."""
    closed = old.endswith("\n")
    if closed:
        old = old.removesuffix("\n").removesuffix("\r")
        new = f"{new}\n" if new and not new.endswith("\n") else new
    return old, new, closed


def _occurrences(data: bytes, before: Document, path: str, old: str, closed: bool) -> list[tuple[int, int]]:
    """Where the old text stands, as offsets of bytes; its line ends match those of the file of either kind.

    Of a text that was closed by a line end, places where a line ends count first, then those that tear no word apart.
    """
    parts = [re.escape(encoded(path, before, part)) for part in old.replace("\r\n", "\n").split("\n")]
    # Looking ahead finds places that overlap: those are ambiguous too.
    pattern = re.compile(rb"(?=(" + rb"\r?\n".join(parts) + rb"))")
    spots = [match.span(1) for match in pattern.finditer(data)]
    if not closed:
        return spots
    ended = [spot for spot in spots if _LINE_END.match(data, spot[1])]
    if ended or old.endswith("\n"):
        return ended
    return [spot for spot in spots if not _WITHIN_WORD.match(data, spot[1])]


def _exactly(path: str, before: Document, spot: tuple[int, int], new: str, whole_lines: bool) -> Document:
    """The file with the bytes of one place replaced; whole lines are deleted with their line end."""
    data = before.data
    start, end = spot
    at_start = start in (0, len(before.bom)) or data[start - 1 : start] == b"\n"
    at_end = end == len(data) or data[end : end + 1] == b"\n" or data[end : end + 2] == b"\r\n"
    if at_start and at_end and (whole_lines or not new):
        first = data.count(b"\n", 0, start) + 1
        last = data.count(b"\n", 0, end) + 1
        return replaced(path, before, first, last, split_lines(new))
    if whole_lines:
        new = new.removesuffix("\n")
    newline = _newline_within(data[start:end]) or before.newline
    parts = [encoded(path, before, part) for part in new.replace("\r\n", "\n").split("\n")]
    return Document.parse(data[:start] + newline.join(parts) + data[end:])


def _indented_behind(data: bytes, start: int, new: str) -> str:
    """The new text with white space in front of each further line, as there is before the old text on its line.

    Empty where there is none, or no further line.
    """
    white = data[data.rfind(b"\n", 0, start) + 1 : start]
    first, newline, rest = new.partition("\n")
    if white.strip(b" \t") or not white or not rest.strip():
        return ""
    return first + newline + textwrap.indent(rest, white.decode("ascii"))


def _newline_within(data: bytes) -> bytes | None:
    return b"\r\n" if b"\r\n" in data else b"\n" if b"\n" in data else None


def _tolerant(before: Document, old: list[str], new: list[str]) -> list[_Place]:
    """Places that differ from the old text in trailing white space only, else in one shift of all indentation."""
    if not any(line.strip() for line in old):
        return []
    texts = before.texts()
    size = len(old)
    wanted = [line.strip() for line in old]
    anchor = next(i for i, line in enumerate(wanted) if line)
    trailing: list[_Place] = []
    indented: list[_Place] = []
    for start in range(len(texts) - size + 1):
        if texts[start + anchor].strip() != wanted[anchor]:
            continue
        there = texts[start : start + size]
        if [line.strip() for line in there] != wanted:
            continue
        if all(a.rstrip() == b.rstrip() for a, b in zip(there, old, strict=True)):
            trailing.append(_Place(start + 1, start + size, new, "white space at the ends of lines"))
            continue
        moved = shifted(there, old, new)
        if moved is not None:
            indented.append(
                _Place(start + 1, start + size, moved, "indentation, so the new text was indented as they are")
            )
    return trailing or indented


def _ambiguous(path: str, before: Document, lines: list[int]) -> ToolError:
    listed = [f"{number}:{before.text(number)[:160]}" for number in lines[:_LISTED]]
    if len(lines) > _LISTED:
        listed.append(f"({len(lines) - _LISTED} more places)")
    text = "\n".join(
        [
            f"Not edited: the old text occurs {len(lines)} times in {path}, beginning at these lines:",
            *listed,
            "Add lines before or after it to the old text and to the new one, so that only one place fits.",
        ]
    )
    return ToolError(text, AMBIGUOUS, path=path, lines=lines[:_LISTED])


def _not_found(path: str, before: Document, old: list[str]) -> ToolError:
    first, score = nearest(before, old)
    head = f"Not edited: {path} does not have the old text."
    if score < 0.4:
        text = f"{head} Nothing in it looks like it. Open the file, or search for one of its lines."
        return ToolError(text, NOT_FOUND, path=path)
    last = min(first + len(old) - 1, len(before))
    there = before.texts(first, last)
    difference = _differences([o.rstrip() for o in old], [t.rstrip() for t in there])
    parts = [
        f"{head} The nearest is lines {first}-{last}:",
        show(path, before, first, last),
        "What differs (- the old text as given, + the file):",
        *(line.rstrip() for line in islice(difference, _DIFFERENCES)),
        "Nothing was changed. Copy the old text exactly from the file.",
    ]
    return ToolError("\n".join(parts), NOT_FOUND, path=path, nearest=[first, last])


def _differences(old: Sequence[str], there: Sequence[str]) -> Iterator[str]:
    """The lines that differ, as ``ndiff`` shows them; of a long stretch of them only as much as is shown."""
    for tag, i, j, k, m in difflib.SequenceMatcher(None, old, there).get_opcodes():
        if tag != "equal":
            differ = difflib.ndiff(old[i:j][:_DIFFERENCES], there[k:m][:_DIFFERENCES])
            yield from (line for line in differ if line[:1] in "-+?")
