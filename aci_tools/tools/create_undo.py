"""``create`` makes a file, ``undo`` takes an edit back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from aci_tools.text import Document, split_lines
from aci_tools.tools.base import NO_CHANGE, NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.edit_lines import count_lines, refuse_line_numbers
from aci_tools.tools.landing import changed_lines, land
from aci_tools.tools.window import around, show

if TYPE_CHECKING:
    from aci_tools.session import Session


class Create(Tool):
    """Create a new file with a text."""

    edits: ClassVar[bool] = True

    path: str = Field(description="The file, relative to the repository; directories are made as needed.", min_length=1)
    text: str = Field(description="The whole content of the file.", body=True)

    def run(self, session: Session) -> Observation:
        """Write it, unless there is such a file."""
        path = session.relative(self.path)
        if self.path.rstrip().endswith("/") or path == ".":
            raise ToolError(f"{self.path} names a directory. Give the path of a file.", path=path)
        if session.exists(path):
            raise ToolError(f"{path} exists already. Open it and edit it.", path=path)
        refuse_line_numbers(split_lines(self.text))
        text = self.text if self.text.endswith("\n") or not self.text else f"{self.text}\n"
        try:
            after = Document.parse(text.encode("utf-8"))
        except UnicodeEncodeError:
            raise ToolError("The text has half a surrogate pair, which no file can hold.", path=path) from None
        return land(session, path, after, f"created with {count_lines(split_lines(text))}", before=None)


class Undo(Tool):
    """Take the last edit back, or the last edit of one file."""

    edits: ClassVar[bool] = True

    path: str | None = Field(None, description="The file; when left out, the file that was edited last.")

    def run(self, session: Session) -> Observation:
        """Bring back the file's bytes from before the edit."""
        path = None if self.path is None else session.relative(self.path)
        edit = next((e for e in reversed(session.edits) if path in (None, e.path)), None)
        if edit is None:
            of = f" of {path}" if path else ""
            raise ToolError(f"There is no edit{of} to take back. What bash changed, git can restore.", NOT_FOUND)
        try:
            now: bytes | None = session.sandbox.read(f"{session.root}/{edit.path}")
        except OSError:
            now = None
        if now != edit.after:
            raise ToolError(
                f"{edit.path} was changed by a command since that edit, so undo would lose it. Edit the file instead.",
                NO_CHANGE,
                path=edit.path,
            )
        session.undo(edit.path)
        left = len(session.edits)
        more = (
            f"{left} earlier edit{'' if left == 1 else 's'} can be taken back." if left else "No earlier edit is left."
        )
        data = {"path": edit.path}
        if edit.before is None:
            if session.open_path == edit.path:
                session.open_path, session.first_line = None, 1
            return Observation(f"{edit.path} is gone again: the edit had created it. {more}", data=data)
        before, after = Document.parse(edit.after), Document.parse(edit.before)
        first, last = changed_lines(before, after)
        session.open_path, session.first_line = edit.path, max(1, first - session.settings.window // 2)
        shown = show(edit.path, after, *around(first, last, session.settings.window))
        text = f"{edit.path} is as it was before the edit. {more}\n{shown}"
        return Observation(text, data={**data, "lines": [first, last]})
