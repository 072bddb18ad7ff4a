"""Other languages, by the ERROR and MISSING nodes of their tree-sitter grammar; needs the extra ``languages``."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from aci_tools.guard.diagnostic import Diagnostic

LANGUAGES = {
    ".c": "c", ".h": "c", ".cc": "cpp", ".cpp": "cpp", ".cxx": "cpp", ".hpp": "cpp", ".cs": "csharp", ".go": "go",
    ".java": "java", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript", ".cjs": "javascript",
    ".kt": "kotlin", ".lua": "lua", ".php": "php", ".rb": "ruby", ".rs": "rust", ".scala": "scala", ".sh": "bash",
    ".swift": "swift", ".ts": "typescript", ".tsx": "tsx", ".css": "css", ".ex": "elixir", ".hs": "haskell",
}  # fmt: skip
_MOST = 20


def checker(suffix: str) -> Callable[[str, str], tuple[Diagnostic, ...]] | None:
    """What checks files with this ending; ``None`` where the language or the extra is not there."""
    language = LANGUAGES.get(suffix)
    parser = _parser(language) if language is not None else None
    if parser is None:
        return None
    return lambda path, text: _diagnose(parser, text)


def _diagnose(parser: Any, text: str) -> tuple[Diagnostic, ...]:
    tree = parser.parse(text.encode("utf-8", "replace"))
    found: list[Diagnostic] = []
    waiting = [tree.root_node]
    while waiting and len(found) < _MOST:
        node = waiting.pop()
        if not node.has_error:
            continue
        line, column = node.start_point[0] + 1, node.start_point[1] + 1
        if node.is_missing:
            found.append(Diagnostic(line, column, "missing", f"{node.type!r} is missing", syntax=True))
        elif node.is_error:
            found.append(Diagnostic(line, column, "syntax", "syntax error", syntax=True))
        else:
            waiting.extend(reversed(node.children))
    return tuple(found)


@cache
def _parser(language: str) -> Any:
    try:
        from tree_sitter_language_pack import get_parser
    except ImportError:
        return None
    return get_parser(language)  # type: ignore[arg-type]
