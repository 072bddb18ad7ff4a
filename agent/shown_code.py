"""The code that the first prompt shows: which lines of it may have to change, and where they stand after edits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from difflib import SequenceMatcher

from aci_tools.reached import idle_lines, inert_lines, reached_lines
from aci_tools.session import Session
from aci_tools.tools.base import ToolError
from agent.formats import ShownLine
from agent.retrieval import Snippet


class ShownCode:
    """Lines of files, followed through edits.

    Args:
        session: Where the files are, as they were shown.
        snippets: What was shown of them.
        reached: Whether what does not run in any wrong example is idle. Otherwise only what never does anything is.
    """

    def __init__(self, session: Session, snippets: Sequence[Snippet], *, reached: bool = False) -> None:
        self._session = session
        self._seen = session.fingerprint
        self._texts = {path: self._read(path) for path in dict.fromkeys(snippet.path for snippet in snippets)}
        lines = [
            ShownLine(snippet.path, snippet.first + offset, line)
            for snippet in snippets
            for offset, line in enumerate(snippet.source.split("\n"))
        ]
        self._lines = self._judged(lines, reached=reached)

    def lines(self) -> Sequence[ShownLine]:
        """The lines as they are now: moved, or those that took their place."""
        if self._session.fingerprint != self._seen:
            self._seen = self._session.fingerprint
            self._lines = [line for path in self._texts for line in self._followed(path)]
        return self._lines

    def _judged(self, lines: Sequence[ShownLine], *, reached: bool) -> Sequence[ShownLine]:
        """The same, told which are idle and which are suspect."""
        texts = {path: "\n".join(text) for path, text in self._texts.items()}
        idle = {path: inert_lines(text) for path, text in texts.items()}
        lines = [replace(line, idle=line.number in idle[line.path]) for line in lines]
        ran = reached_lines(self._session.sandbox, self._session.examples) if reached else None
        if ran is None:
            return lines
        idle = {path: idle[path] | idle_lines(text, ran.wrong.get(path, set())) for path, text in texts.items()}
        only = {path: numbers - ran.right.get(path, set()) for path, numbers in ran.wrong.items()}
        judged = [
            replace(
                line,
                idle=line.number in idle[line.path],
                suspect=bool(ran.right) and line.number in only.get(line.path, ()),
            )
            for line in lines
        ]
        return judged if any(not line.idle for line in judged) else lines

    def _followed(self, path: str) -> list[ShownLine]:
        before, now = self._texts[path], self._read(path)
        self._texts[path] = now
        shown = {line.number: line for line in self._lines if line.path == path}
        found: list[ShownLine] = []
        for what, start, end, first, last in SequenceMatcher(None, before, now, autojunk=False).get_opcodes():
            old = [shown[number] for number in range(start + 1, end + 1) if number in shown]
            if what == "equal":
                found += [replace(line, number=line.number - start + first) for line in old]
            elif old or (start in shown and start + 1 in shown):
                idle = bool(old) and all(line.idle for line in old)
                found += [ShownLine(path, number + 1, now[number], idle=idle) for number in range(first, last)]
        return found

    def _read(self, path: str) -> list[str]:
        try:
            return self._session.read(path).decode("utf-8", "replace").split("\n")
        except ToolError:
            return []  # it is there no more
