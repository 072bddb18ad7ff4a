"""What the documentation of the function that an issue is about says that its calls give."""

from __future__ import annotations

import ast

from aci_tools.examples import Examples
from aci_tools.session import Session
from agent.modules import module_of
from agent.retrieval import LARGEST_FILE, Snippet, relevant_functions
from agent.shown_tests import with_shown_tests


def documented_examples(session: Session, issue: str, known: Examples) -> Examples:
    """The issue's examples, with those of the documentation of the function that matches its words best.

    Documentation is the function's own, and what stands as a text of its own in its file. Test functions that the issue
    shows count too.

    Args:
        session: Where the repository is.
        issue: The issue's text.
        known: The issue's own examples.
    """
    for snippet in relevant_functions(session, issue, 1):
        texts, module = documentation(session, snippet), module_of(snippet.path)
        if texts is None:
            return known
        return with_shown_tests(session, issue, module, known.with_documented(module, snippet.name, texts, issue))
    return known


def documentation(session: Session, function: Snippet) -> list[str] | None:
    """A function's documentation, and what stands as a text of its own in its file; ``None`` where that is no Python.

    Args:
        session: Where the repository is.
        function: The function.
    """
    try:
        tree = ast.parse(session.read(function.path)[:LARGEST_FILE].decode("utf-8", "replace"))
    except (SyntaxError, ValueError, RecursionError):
        return None
    return [doc for node in ast.walk(tree) if (doc := _text(node, function.name.rpartition(".")[2]))]


def _text(node: ast.AST, name: str) -> str:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return (ast.get_docstring(node) or "") if node.name == name else ""
    if not isinstance(node, ast.Module):
        return ""
    alone = (part.value for part in node.body if isinstance(part, ast.Expr))
    return "\n\n".join(part.value for part in alone if isinstance(part, ast.Constant) and isinstance(part.value, str))
