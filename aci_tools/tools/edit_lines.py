"""Editing by line numbers: ``edit`` replaces a range of lines, ``insert`` adds lines between two."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from aci_tools.text import Document, split_lines
from aci_tools.tools.base import Field, Observation, Tool, ToolError
from aci_tools.tools.indentation import indented_as
from aci_tools.tools.landing import document, land, replaced

if TYPE_CHECKING:
    from aci_tools.session import Session


class Edit(Tool):
    """Replace lines start to end (both included) of a file by a new text; an empty text deletes them."""

    edits: ClassVar[bool] = True
    example: ClassVar[str] = "edit 12 13 src/shapes.py\n    area = width * height\n    return round(area, 2)"

    start: int = Field(description="First line to replace.", ge=1)
    end: int = Field(description="Last line to replace.", ge=1)
    path: str | None = Field(None, description="The file; the open file when left out.")
    text: str = Field(description="The new lines, indented as they are to stand, without line numbers.", body=True)

    def run(self, session: Session) -> Observation:
        """Put the text there; lines before and after keep their bytes."""
        path = session.target(self.path)
        before = document(session, path)
        if self.start > self.end:
            raise ToolError(
                f"Line {self.start} is behind line {self.end}: start must not be greater than end.", path=path
            )
        if self.end > len(before):
            instead = f"Its last line is {len(before)}." if len(before) else "It is empty: use insert with line 0."
            raise ToolError(f"{path} has no line {self.end}. {instead}", path=path)
        new = split_lines(self.text)
        refuse_line_numbers(new)
        old = f"line {self.start}" if self.start == self.end else f"lines {self.start}-{self.end}"
        what = f"{old} replaced by {count_lines(new)}" if new else f"{old} deleted"
        there = [line for line in before.texts(self.start, self.end) if line.strip()]
        return _put(session, path, before, (self.start, self.end), new, there[:1], what)


class Insert(Tool):
    """Insert lines behind a line of a file; line 0 stands for its beginning."""

    edits: ClassVar[bool] = True
    example: ClassVar[str] = "insert 11 src/shapes.py\n    if width < 0:\n        raise ValueError(width)"

    line: int = Field(description="The new lines follow this one.", ge=0)
    path: str | None = Field(None, description="The file; the open file when left out.")
    text: str = Field(description="The new lines, indented as they are to stand, without line numbers.", body=True)

    def run(self, session: Session) -> Observation:
        """Put the text there; all other lines keep their bytes."""
        path = session.target(self.path)
        before = document(session, path)
        if self.line > len(before):
            raise ToolError(f"{path} has no line {self.line}. Its last line is {len(before)}.", path=path)
        new = split_lines(self.text)
        refuse_line_numbers(new)
        what = f"{count_lines(new)} inserted behind line {self.line}"
        beside = reversed(before.texts(max(1, self.line), self.line + 1))
        return _put(session, path, before, (self.line + 1, self.line), new, beside, what)


def _put(
    session: Session,
    path: str,
    before: Document,
    lines: tuple[int, int],
    new: list[str],
    beside: Iterable[str],
    what: str,
) -> Observation:
    """Land new lines in the place of some, indented as one of those beside where the guard would refuse them."""
    after = replaced(path, before, *lines, new)
    meant = (replaced(path, before, *lines, each) for each in indented_as(beside, new))
    return land(session, path, after, what, before=before, meant=meant)


def refuse_line_numbers(lines: list[str]) -> None:
    """Refuse a text that was copied out of the viewer with its line numbers.

    Raises:
        ToolError: Every line begins with ``N:``, counting up.
    """
    numbers = [int(match[1]) for line in lines if (match := re.match(r">?(\d+):", line))]
    counting = all(b == a + 1 for a, b in pairwise(numbers))
    if len(lines) > 1 and len(numbers) == len(lines) and counting:
        raise ToolError(
            "The text carries the line numbers of the viewer. Write the lines without them. Nothing was changed."
        )


def count_lines(lines: list[str]) -> str:
    """``1 line``, ``2 lines``."""
    return f"{len(lines)} line{'' if len(lines) == 1 else 's'}"
