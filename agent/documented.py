"""What the documentation of the function that an issue is about says that its calls give."""

from __future__ import annotations

import ast
from pathlib import PurePosixPath

from aci_tools.examples import Examples
from aci_tools.session import Session
from agent.retrieval import LARGEST_FILE, relevant_functions


def documented_examples(session: Session, issue: str, known: Examples) -> Examples:
    """The issue's examples, with those of the documentation of the function that matches its words best.

    Documentation is the function's own, and what stands as a text of its own in its file.

    Args:
        session: Where the repository is.
        issue: The issue's text.
        known: The issue's own examples.
    """
    for snippet in relevant_functions(session, issue, 1):
        try:
            tree = ast.parse(session.read(snippet.path)[:LARGEST_FILE].decode("utf-8", "replace"))
        except (SyntaxError, ValueError, RecursionError):
            return known
        texts = [doc for node in ast.walk(tree) if (doc := _text(node, snippet.name.rpartition(".")[2]))]
        return known.with_documented(_module(snippet.path), snippet.name, texts, issue)
    return known


def _text(node: ast.AST, name: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return (ast.get_docstring(node) or "") if node.name == name else ""
    if not isinstance(node, ast.Module):
        return ""
    alone = (part.value for part in node.body if isinstance(part, ast.Expr))
    return "\n\n".join(part.value for part in alone if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _module(path: str) -> str:
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        del parts[0]
    if parts[-1] == "__init__" and len(parts) > 1:
        del parts[-1]
    return ".".join(parts)
