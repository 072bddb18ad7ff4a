"""Tests that an issue shows ("this test should pass"), as examples that are run again after every edit."""

from __future__ import annotations

import ast
import builtins
import re

from aci_tools.examples import Example, Examples
from aci_tools.session import Session
from aci_tools.tools.edit_function import places
from agent.modules import module_of

_FENCED = re.compile(r"^```(?:python|py)?[ \t]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PASSES = "passes"


def with_shown_tests(session: Session, issue: str, module: str, known: Examples) -> Examples:
    """The examples with the test functions in the issue's blocks of code; each passes when it raises nothing.

    Names that a block takes for granted are imported from the one place where the repository defines them.

    Args:
        session: Where the repository is.
        issue: The issue's text.
        module: Dotted name of the module that the issue is about, whose names such a block may use too.
        known: The examples so far.
    """
    found: list[Example] = []
    for block in _FENCED.findall(issue):
        try:
            tree = ast.parse(block)
        except (SyntaxError, ValueError):
            continue
        tests = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test") and not node.args.args
        ]
        if tests:
            found.append(Example(f'globals().update(vars(__import__("importlib").import_module({module!r})))', ""))
            found += [Example(statement, "") for statement in _imports(session, tree)]
            found.append(Example(f"exec({block!r})", ""))
            found += [Example(f"print({test}() or {_PASSES!r})", _PASSES, wished=True) for test in tests]
    return Examples((*known.examples, *found), known.prose) if found else known


def _imports(session: Session, tree: ast.Module) -> list[str]:
    """How the names that a piece of code takes for granted are imported."""
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    bound = {node.id for node in names if not isinstance(node.ctx, ast.Load)} | set(dir(builtins))
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    bound |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            bound |= {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
    statements = []
    for name in dict.fromkeys(node.id for node in names if node.id not in bound):
        at_top = [path for path, definition in places(session, name) if definition.name == name]
        if len(at_top) == 1:
            statements.append(f"from {module_of(at_top[0])} import {name}")
    return statements
