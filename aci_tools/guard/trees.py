"""Faults of files in other languages: the ERROR and MISSING nodes of their syntax trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aci_tools.guard.diagnostics import Change, Diagnostic, introduced
from aci_tools.syntax import parse_tree
from aci_tools.text import Document

#: Languages that grow faster than their grammars: what a tree calls a fault in them may be none.
_NOT_JUDGED = (".css",)


class TreeChecker:
    """Judges files by tree-sitter; finds nothing where the ``languages`` extra is missing."""

    def check(self, path: str, document: Document) -> list[Diagnostic]:
        """Every ERROR and MISSING node of a file."""
        if path.lower().endswith(_NOT_JUDGED):
            return []
        tree = parse_tree(path, document.source().encode("utf-8"))
        if tree is None or not tree.root_node.has_error:
            return []
        found: list[Diagnostic] = []
        waiting: list[Any] = [tree.root_node]
        while waiting:
            node = waiting.pop()
            if node.is_missing or node.is_error:
                found.append(_diagnostic(node))
            waiting += [child for child in node.children if child.has_error or child.is_missing]
        return sorted(found, key=lambda d: (d.line, d.column))

    def introduced(
        self, known: Sequence[Diagnostic], found: Sequence[Diagnostic], before: Document, change: Change
    ) -> list[Diagnostic]:
        """The new faults, if there are more than before: error recovery moves old ones about.

        An edit elsewhere can make recovery see more faults in a broken place, so those on changed lines go first.
        """
        if len(found) <= len(known):
            return []
        fresh = introduced(known, found, change)
        return [d for d in fresh if change.place_after(d.line)[0] == "hunk"] or fresh


def _diagnostic(node: Any) -> Diagnostic:
    row, column = node.start_point
    if node.is_missing:
        return Diagnostic(row + 1, column + 1, "missing-syntax", f"`{node.type}` is missing")
    text = node.text.decode("utf-8", "replace").strip().split("\n")[0][:60]
    return Diagnostic(row + 1, column + 1, "invalid-syntax", f"syntax error at `{text}`" if text else "syntax error")
