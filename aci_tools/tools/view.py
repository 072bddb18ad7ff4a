"""The viewer: a window of numbered lines on the open file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aci_tools.tools.base import Field, Observation, Tool, ToolError
from aci_tools.tools.landing import document
from aci_tools.tools.window import show

if TYPE_CHECKING:
    from aci_tools.session import Session


class Open(Tool):
    """Show a file, from its beginning or around a line."""

    path: str = Field(description="The file, relative to the repository.")
    line: int | None = Field(None, description="Line to show in the middle of the window.", ge=1)

    def run(self, session: Session) -> Observation:
        """Open it; the file that is open already keeps its place when no line is given."""
        path = session.relative(self.path)
        document(session, path)  # before anything changes
        if path != session.open_path:
            session.open_path, session.first_line = path, 1
        return _look(session, self.line)


class Goto(Tool):
    """Show the open file around a line."""

    line: int = Field(description="Line to show in the middle of the window.", ge=1)

    def run(self, session: Session) -> Observation:
        """Move the window."""
        return _look(session, self.line)


class ScrollUp(Tool):
    """Show the lines above the window."""

    def run(self, session: Session) -> Observation:
        """Move the window up, two lines overlapping."""
        return _look(session, None, -(session.settings.window - 2))


class ScrollDown(Tool):
    """Show the lines below the window."""

    def run(self, session: Session) -> Observation:
        """Move the window down, two lines overlapping."""
        return _look(session, None, session.settings.window - 2)


def _look(session: Session, line: int | None, move: int = 0) -> Observation:
    path, window = session.open_path, session.settings.window
    if path is None:
        raise ToolError("No file is open. Open one first.")
    opened = document(session, path)
    total = len(opened)
    if line is not None and line > max(total, 1):
        raise ToolError(f"{path} has only {total} lines; line {line} does not exist.", path=path)
    first = session.first_line + move if line is None else line - window // 2
    first = max(1, min(first, total - window + 1))
    edge = ""
    if move and first == session.first_line:
        edge = f"This is the {'beginning' if move < 0 else 'end'} of the file already.\n"
    session.first_line = first
    last = min(first + window - 1, total)
    return Observation(edge + show(path, opened, first, last), data={"path": path, "lines": [first, last]})
