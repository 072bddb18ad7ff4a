"""``replace_line``: one line, named by its number and its text, becomes another."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aci_tools.text import Document, split_lines
from aci_tools.tools.base import NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.landing import document, land, replaced

if TYPE_CHECKING:
    from aci_tools.session import Session


class ReplaceLine(Tool):
    """Replace one line by another, by several, or by none. Its indentation is kept."""

    edits: ClassVar[bool] = True

    path: str = Field(description="The file that has it, relative to the repository.")
    line: int = Field(description="Its number.", ge=1)
    old: str = Field(description="The line as it is.", body=True)
    new: str = Field(description="The line as it must be.", body=True)

    def run(self, session: Session) -> Observation:
        """Find the line by its text, the one nearest to the number where several are alike, and replace it."""
        path = session.relative(self.path)
        before = document(session, path)
        number = _nearest(before, self.line, self.old.strip())
        if number is None:
            raise ToolError(f"No line of {path} is `{self.old.strip()[:80]}`. Give the line as it is.", NOT_FOUND)
        text = before.text(number)
        indent = text[: len(text) - len(text.lstrip())]
        lines = split_lines(self.new.rstrip("\n"))
        given = lines[0][: len(lines[0]) - len(lines[0].lstrip())] if lines else ""
        fitted = [indent + line.removeprefix(given) if line.strip() else "" for line in lines]
        after = replaced(path, before, number, number, fitted)
        return land(session, path, after, f"line {number}", before=before)


def _nearest(before: Document, line: int, text: str) -> int | None:
    """The number of the line with a text, whatever its indentation, nearest to a number."""
    alike = [number for number, there in enumerate(before.texts(), 1) if there.strip() == text]
    return min(alike, key=lambda number: abs(number - line), default=None)
