"""Changes without what does not matter: two patches of the same form do the same, however they are laid out."""

from __future__ import annotations

import ast
import contextlib
import hashlib
from collections.abc import Mapping
from typing import Any

from aci_tools.definitions import parse_python
from aci_tools.syntax import parse_tree

_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
_PYTHON = (".py", ".pyi", ".pyw")


def normal_form(files: Mapping[str, bytes | None]) -> str:
    """A digest of the files that a patch changed, the same for patches that differ in layout and comments only.

    Of Python it is the syntax tree without docstrings, of other languages the leaves of tree-sitter's without comments,
    of what neither can read the text without regard to white space.

    Args:
        files: Content by path after the patch; ``None``: the file is gone.
    """
    parts = [(path, "" if data is None else _content(path, data), data is None) for path, data in files.items()]
    return hashlib.sha256(repr(sorted(parts)).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _content(path: str, data: bytes) -> str:
    if path.endswith(_PYTHON):
        tree = parse_python(data.decode("utf-8", "surrogateescape"))
        with contextlib.suppress(RecursionError):  # a table of a thousand terms
            if tree is not None:
                return ast.dump(_without_docstrings(tree))
    parsed = parse_tree(path, data)
    tokens = data.split() if parsed is None else _leaves(parsed.root_node)
    return b" ".join(tokens).decode("utf-8", "surrogateescape")


def _without_docstrings(tree: ast.Module) -> ast.Module:
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return tree


def _leaves(root: Any) -> list[bytes]:
    """The texts of a syntax tree's leaves in order, those of comments left out."""
    found: list[bytes] = []
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if "comment" in node.type:
            continue
        if node.children:
            waiting += reversed(node.children)
        elif node.text.strip():
            found.append(node.text)
    return found
