"""Finds the functions that an issue is probably about: BM25 over the functions of the repository.

The ranking is that of SQLite's FTS5 (Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
2009); identifiers are split into their words first.
"""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass

from aci_tools.session import Session
from aci_tools.testing.files import is_test
from aci_tools.tools.base import ToolError
from agent.words import words

#: Files beyond these bounds are generated or data more often than what an issue is about.
MOST_FILES = 3000
LARGEST_FILE = 400_000
#: Longest function that is shown; a longer one would crowd out the rest of the prompt.
LONGEST = 120
#: Words of an issue that are looked for; one with a whole log in it has more, and their time grows with the square.
_MOST_TERMS = 5000


@dataclass(frozen=True, slots=True)
class Snippet:
    """A function or method.

    Attributes:
        path: Its file, relative to the repository.
        name: Qualified name, such as ``Class.method``.
        first, last: Its lines, from 1, decorators included.
        source: Its text.
    """

    path: str
    name: str
    first: int
    last: int
    source: str


def relevant_functions(session: Session, issue: str, count: int) -> list[Snippet]:
    """The functions that match an issue's words best, the best first; tests are left out.

    Args:
        session: Where the repository is.
        issue: The issue's text.
        count: How many, at most.
    """
    paths = [p for p in session.files() if p.endswith(".py") and not is_test(p)][:MOST_FILES]
    snippets = [s for path in paths for s in _functions(path, session)]
    return rank(snippets, issue)[:count]


def rank(snippets: Iterable[Snippet], issue: str) -> list[Snippet]:
    """Snippets ordered by how well they match the issue's words; those without any match are left out."""
    known = list(snippets)
    database = sqlite3.connect(":memory:")
    try:
        database.execute("CREATE VIRTUAL TABLE code USING fts5(name, path, body, tokenize = 'unicode61')")
        database.executemany(
            "INSERT INTO code (rowid, name, path, body) VALUES (?, ?, ?, ?)",
            ((n, words(s.name), words(s.path), words(s.source)) for n, s in enumerate(known)),
        )
        terms = [term for term in dict.fromkeys(words(issue).split()) if len(term) > 1]
        query = " OR ".join(f'"{term}"' for term in terms[:_MOST_TERMS])
        if not query:
            return []
        # A word in the name says more than one in the body.
        rows = database.execute(
            "SELECT rowid FROM code WHERE code MATCH ? ORDER BY bm25(code, 8.0, 2.0, 1.0), rowid LIMIT 200", (query,)
        ).fetchall()
    finally:
        database.close()
    ordered = [known[n] for (n,) in rows]
    # An issue that names a function outright is about it: its code spans and calls come first.
    named = set(re.findall(r"\b([A-Za-z_]\w*)\s*\(", issue)) | set(re.findall(r"`[\w.]*?(\w+)`", issue))
    return sorted(ordered, key=lambda s: s.name.rpartition(".")[2] not in named)


def whole(session: Session, snippets: list[Snippet], most: int) -> list[Snippet]:
    """The snippets, those of short files replaced by their file.

    Args:
        session: Where the repository is.
        snippets: Functions.
        most: Lines up to which a file is short.
    """
    found: dict[tuple[str, str], Snippet] = {}
    for snippet in snippets:
        text = session.read(snippet.path)[:LARGEST_FILE].decode("utf-8", "replace").strip("\n")
        lines = text.count("\n") + 1
        if lines <= most:
            found.setdefault((snippet.path, ""), Snippet(snippet.path, snippet.name, 1, lines, text))
        else:
            found[snippet.path, snippet.name] = snippet
    return list(found.values())


def show(snippets: list[Snippet]) -> str:
    """The snippets as a prompt shows them; empty text for none."""
    if not snippets:
        return ""
    blocks = [f"{s.path}, {s.name}, lines {s.first} to {s.last}:\n```python\n{s.source}\n```" for s in snippets]
    return "\nCode that the issue is probably about:\n\n" + "\n\n".join(blocks) + "\n"


def show_numbered(session: Session, snippets: list[Snippet], most: int) -> str:
    """The snippets with the numbers of their lines; what else is in a short file stands around them without.

    Args:
        session: Where the repository is.
        snippets: Functions.
        most: Lines up to which a file is short.
    """
    blocks = []
    for snippet in snippets:
        lines = session.read(snippet.path)[:LARGEST_FILE].decode("utf-8", "replace").split("\n")
        if len(lines) > most:
            lines = [*[""] * (snippet.first - 1), *lines[snippet.first - 1 : snippet.last]]
        numbered = (
            f"{number:4} {line}" if snippet.first <= number <= snippet.last else line
            for number, line in enumerate(lines, 1)
        )
        text = "\n".join(numbered).strip("\n")
        blocks.append(f"{snippet.path}, with the numbers of the lines of {snippet.name}:\n```\n{text}\n```")
    return "\n".join(blocks)


def _functions(path: str, session: Session) -> list[Snippet]:
    try:
        text = session.read(path)[:LARGEST_FILE].decode("utf-8", "replace")
        tree = ast.parse(text)
    except (ToolError, SyntaxError, ValueError, RecursionError):  # of a link that leads nowhere, for one
        return []
    lines = text.split("\n")
    found: list[Snippet] = []

    def visit(node: ast.AST, prefix: str) -> None:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                first = min([child.lineno, *(d.lineno for d in child.decorator_list)])
                last = child.end_lineno or child.lineno
                if last - first < LONGEST:
                    source = "\n".join(lines[first - 1 : last])
                    found.append(Snippet(path, prefix + child.name, first, last, source))
            elif isinstance(child, ast.ClassDef):
                visit(child, f"{prefix}{child.name}.")
            elif isinstance(child, ast.If | ast.Try | ast.With):
                visit(child, prefix)

    visit(tree, "")
    return found
