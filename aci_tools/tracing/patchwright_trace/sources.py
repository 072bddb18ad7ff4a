"""Which code is the project's, which is a test, and what its functions are called."""

import ast
import os
import re
import tokenize
from typing import Any

from .blocks import first_line, last_line

OUTSIDE, TEST, PROJECT = 0, 1, 2

#: The file name of statements that were given to be run.
CALL = "<call>"

_NOT_OURS = re.compile(r"(?:^|/)(?:\.git|\.tox|\.nox|\.eggs|__pypackages__|site-packages|dist-packages)/")
_TEST = re.compile(r"(?:^|/)(?:tests?/|conftest\.py$|test_[^/]*\.py$|[^/]*_tests?\.py$|tests\.py$)")


class Function:
    """A function of the project.

    Attributes:
        path: Its file, relative to the repository.
        name: Qualified by what it stands in: ``Class.method``, ``outer.inner``.
        first: First line, decorators included.
        last: Last line.
        node: Its syntax tree.
    """

    def __init__(self, path: str, name: str, node: Any) -> None:
        self.path, self.name, self.node = path, name, node
        self.first, self.last = first_line(node), last_line(node)


class Sources:
    """The files of a repository.

    Args:
        root: The repository's directory.
    """

    def __init__(self, root: str) -> None:
        self.root = os.path.realpath(root)
        self._start = os.getcwd()
        self._kinds: Any = {CALL: TEST}
        self._functions: Any = {}

    def kind(self, filename: str) -> int:
        """Whether a file, as a code object names it, is the project's, a test, or neither."""
        kind = self._kinds.get(filename)
        if kind is None:
            path = self.path(filename)
            ours = not os.path.isabs(path) and path.endswith(".py") and not _NOT_OURS.search(path)
            kind = OUTSIDE if not ours else TEST if _TEST.search(path) else PROJECT
            self._kinds[filename] = kind
        return int(kind)

    def path(self, filename: str) -> str:
        """A file relative to the repository, absolute outside it."""
        if filename.startswith("<"):
            return os.path.join("/", filename)
        whole = os.path.realpath(os.path.join(self._start, filename))
        return whole[len(self.root) + 1 :] if whole.startswith(self.root + os.sep) else whole

    def around(self, filename: str, line: int) -> Any:
        """The innermost function around a line, or ``None``."""
        around = [f for f in self.functions(filename) if f.first <= line <= f.last]
        return max(around, key=lambda f: f.first) if around else None

    def functions(self, filename: str) -> Any:
        """The functions of a file in the order of the source; none where it cannot be read."""
        found = self._functions.get(filename)
        if found is None:
            try:
                with tokenize.open(os.path.join(self._start, filename)) as file:
                    tree = ast.parse(file.read())
            except (OSError, SyntaxError, ValueError, RecursionError):
                tree = None
            found = self._functions[filename] = []
            if tree is not None:
                _collect(tree, "", self.path(filename), found)
        return found


def _collect(node: Any, prefix: str, path: str, found: Any) -> None:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            found.append(Function(path, prefix + child.name, child))
            _collect(child, prefix + child.name + ".", path, found)
        elif isinstance(child, ast.ClassDef):
            _collect(child, prefix + child.name + ".", path, found)
        elif not isinstance(child, ast.expr):
            _collect(child, prefix, path, found)
