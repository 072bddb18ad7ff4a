"""Syntax trees for many languages, by tree-sitter where the ``languages`` extra is installed."""

from __future__ import annotations

import re
from functools import cache
from pathlib import PurePosixPath
from typing import Any

#: Larger files are not parsed, in bytes.
LARGEST = 2 << 20

# Not the nodes that hold several strings beside each other.
_STRING = re.compile(r"(?!concatenated|chained|string_array).*(string|heredoc|nowdoc).*")
_LANGUAGES = {
    ".py": "python",
    ".c": "c",
    ".h": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".cs": "csharp",
    ".dart": "dart",
    ".ex": "elixir",
    ".exs": "elixir",
    ".gemspec": "ruby",
    ".go": "go",
    ".hs": "haskell",
    ".java": "java",
    ".js": "javascript",
    ".cjs": "javascript",
    ".mjs": "javascript",
    ".jsx": "javascript",
    ".jl": "julia",
    ".kt": "kotlin",
    ".lua": "lua",
    ".php": "php",
    ".rake": "ruby",
    ".rb": "ruby",
    ".rs": "rust",
    ".scala": "scala",
    ".sh": "bash",
    ".bash": "bash",
    ".swift": "swift",
    ".ts": "typescript",
    ".mts": "typescript",
    ".tsx": "tsx",
    ".zig": "zig",
    ".css": "css",
}


def language_of(path: str) -> str | None:
    """The language of a file by its name, or ``None``."""
    return _LANGUAGES.get(PurePosixPath(path).suffix.lower())


def parse_tree(path: str, data: bytes) -> Any | None:
    """The syntax tree (``tree_sitter.Tree``) of a file's bytes; a header that is no C is taken for C++.

    Returns:
        ``None`` when the language is unknown, the file too large or the ``languages`` extra missing.
    """
    language = language_of(path)
    if language is None or len(data) > LARGEST:
        return None
    parser = _parser(language)
    tree = parser.parse(data) if parser is not None else None
    if tree is not None and tree.root_node.has_error and path.lower().endswith(".h"):
        return parse_tree(f"{path}pp", data)
    return tree


def lines_inside_strings(path: str, data: bytes) -> set[int]:
    """The lines, counted from 1, that begin inside a string; their blanks are part of the program."""
    tree = parse_tree(path, data)
    inside: set[int] = set()
    waiting: list[Any] = [tree.root_node] if tree is not None else []
    while waiting:
        node = waiting.pop()
        if _STRING.fullmatch(node.type):
            row, column = node.end_point
            inside.update(range(node.start_point[0] + 2, row + (2 if column else 1)))
        else:
            waiting += node.named_children
    return inside


@cache
def _parser(language: str) -> Any | None:
    try:
        from tree_sitter_language_pack import get_parser

        return get_parser(language)
    except (ImportError, LookupError):
        return None
