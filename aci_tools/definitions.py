"""Where the functions, methods and classes of a source file stand, by their names."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from aci_tools.syntax import parse_tree
from aci_tools.text import Document

#: Depth of a syntax tree up to which it can be gone through by recursion, as ``ast.unparse`` does, which fails at some
#: hundreds: a model that repeats itself without end nests deeper.
SHALLOW = 100

_PYTHON_DEFINITION = re.compile(r"^([ \t\f]*)(?:async[ \t]+)?(def|class)[ \t]+(\w+)")
# What may stand at or left of the column of a `def` without ending it.
_CLOSING = (")", "]", "}", "#")
# Comments, brackets, strings, and triple quotes that nothing closes.
_PYTHON_TOKEN = re.compile(
    r"""#[^\n]*|[()\[\]{}]|(\"{3}|'{3})(?:\\.|[^\\])*?\1|\"{3}|'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
_TREE_DEFINITION = re.compile(
    r"(function|method|class|struct|interface|trait|impl|enum|constructor|module|type)_?"
    r"(definition|declaration|item|specifier|spec|signature)?|singleton_method|variable_declarator|short_var_declaration"
)


_AHEAD = re.compile(r"(\w+_)?comment|attribute_item|decorator")
# A comment that compilers read: `//go:noinline`.
_DIRECTIVE = re.compile(r"//\w+:")


@dataclass(frozen=True, slots=True)
class Definition:
    """One function, method or class.

    Attributes:
        name: Qualified by what it stands in: ``Class.method``, ``outer.inner``.
        kind: ``"class"`` or ``"function"``.
        first: First line, decorators included, from 1.
        line: The line of ``def`` or ``class``.
        body: Line of the first statement of the body, 0 where that is not known.
        last: Last line.
        decorators: The decorators' source, without ``@``.
        ahead: First line, last line and kind of the comments and attributes right in front of ``first`` that a syntax
            tree of another language has beside the definition, the nearest first.
    """

    name: str
    kind: str
    first: int
    line: int
    body: int
    last: int
    decorators: tuple[str, ...] = ()
    ahead: tuple[tuple[int, int, str], ...] = ()

    @property
    def parent(self) -> str:
        """The name of what it stands in, or ``""``."""
        return self.name.rpartition(".")[0]

    @property
    def short_name(self) -> str:
        """The name without what it stands in."""
        return self.name.rpartition(".")[2]


def find_definitions(path: str, document: Document) -> list[Definition]:
    """The definitions of a file in order of lines.

    Python files are read by ``ast``, and by their indentation where they do not parse; others by tree-sitter
    where it is installed.
    """
    if not path.endswith((".py", ".pyi", ".pyw")):
        return _by_tree(path, document)
    tree = parse_python(document.source())
    if tree is None:
        return _by_indentation(document)
    return sorted(_by_ast(tree, ""), key=lambda d: d.first)


def parse_python(source: str, deepest: int | None = None) -> ast.Module | None:
    """The syntax tree of Python source.

    Args:
        source: The text.
        deepest: How deep the tree may be, such as :data:`SHALLOW`.

    Returns:
        The tree; ``None`` where the source does not parse, or its tree is deeper.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tree if deepest is None or _nesting(tree) <= deepest else None


def _nesting(tree: ast.AST) -> int:
    level, deep = [tree], 0
    while level:
        level, deep = [child for node in level for child in ast.iter_child_nodes(node)], deep + 1
    return deep


def first_line(statement: ast.stmt) -> int:
    """The line at which a statement begins, decorators included."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(d.lineno for d in decorators)])


def _by_ast(node: ast.AST, prefix: str) -> Iterator[Definition]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = f"{prefix}{child.name}"
            yield Definition(
                name=name,
                kind="class" if isinstance(child, ast.ClassDef) else "function",
                first=first_line(child),
                line=child.lineno,
                body=first_line(child.body[0]),
                last=child.end_lineno or child.lineno,
                decorators=tuple(ast.unparse(d) for d in child.decorator_list),
            )
            yield from _by_ast(child, f"{name}.")
        elif not isinstance(child, ast.expr):
            yield from _by_ast(child, prefix)


def _by_indentation(document: Document) -> list[Definition]:
    """For files that do not parse: a definition reaches to the next line that is indented no deeper."""
    texts = document.texts()
    continued = _continued(document.source())
    found: list[Definition] = []
    around: list[tuple[int, str]] = []
    for index, text in enumerate(texts):
        stripped = text.lstrip()
        if not stripped or stripped.startswith(_CLOSING) or index in continued:
            continue
        indent = indent_width(text)
        while around and around[-1][0] >= indent:
            around.pop()
        match = _PYTHON_DEFINITION.match(text)
        if match is None:
            continue
        name = ".".join([*(n for _, n in around), match[3]])
        around.append((indent, match[3]))
        first = index
        while first and texts[first - 1].lstrip().startswith("@") and indent_width(texts[first - 1]) == indent:
            first -= 1
        last = index
        for below in range(index + 1, len(texts)):
            stripped = texts[below].strip()
            if below in continued:
                last = below
                continue
            if not stripped or (stripped.startswith("#") and indent_width(texts[below]) <= indent):
                continue
            if indent_width(texts[below]) <= indent and not stripped.startswith(_CLOSING):
                break
            last = below
        kind = "class" if match[2] == "class" else "function"
        found.append(Definition(name, kind, first + 1, index + 1, 0, last + 1))
    return found


def _continued(source: str) -> set[int]:
    """Indexes of the lines that begin inside brackets or a string; none where not all of these are closed."""
    continued: set[int] = set()
    opened: list[int] = []
    line = end = 0
    for token in _PYTHON_TOKEN.finditer(source):
        line += source.count("\n", end, token.start())
        first, text, end = line, token[0], token.end()
        line += text.count("\n")
        if text in ('"' * 3, "'" * 3) or (text in ")]}" and not opened):
            return set()
        if text in "([{":
            opened.append(line)
        elif text in ")]}":
            first = opened.pop()
        continued.update(range(first + 1, line + 1))
    return set() if opened else continued


def indent_width(text: str) -> int:
    """The column at which a line's text starts, tabs going to multiples of eight."""
    expanded = text.expandtabs(8)
    return len(expanded) - len(expanded.lstrip(" "))


def _by_tree(path: str, document: Document) -> list[Definition]:
    tree = parse_tree(path, document.source().encode("utf-8"))
    if tree is None:
        return []
    found: list[Definition] = []
    ahead: dict[int, tuple[int, str]] = {}
    waiting: list[tuple[Any, str]] = [(tree.root_node, "")]
    while waiting:
        node, prefix = waiting.pop()
        if _AHEAD.fullmatch(node.type) and _alone(node, document):
            directive = "comment" not in node.type or _DIRECTIVE.match(document.text(node.start_point[0] + 1).strip())
            ahead[_last_line(node)] = (node.start_point[0] + 1, "attribute" if directive else "comment")
        inner = prefix
        name = _tree_name(node)
        if name:
            qualified = f"{prefix}{name}"
            outer = _with_export(node)
            kind = "function" if re.search("function|method|constructor|declarator", node.type) else "class"
            found.append(
                Definition(qualified, kind, outer.start_point[0] + 1, node.start_point[0] + 1, 0, _last_line(outer))
            )
            inner = f"{qualified}."
        waiting += [(child, inner) for child in node.named_children]
    found = [replace(d, ahead=tuple(_ahead(d.first, ahead))) for d in found]
    return sorted(found, key=lambda d: (d.first, d.name))


def _alone(node: Any, document: Document) -> bool:
    """Whether a node has its lines for itself."""
    (first, column), last = node.start_point, _last_line(node)
    behind = document.text(last).encode("utf-8")[node.end_point[1] :] if node.end_point[1] else b""
    return not document.text(first + 1)[:column].strip() and not behind.strip()


def _ahead(line: int, ending: dict[int, tuple[int, str]]) -> Iterator[tuple[int, int, str]]:
    """What stands right in front of a line, from the nearest on: first and last line, and kind."""
    while line - 1 in ending:
        first, kind = ending[line - 1]
        yield first, line - 1, kind
        line = first


def _tree_name(node: Any) -> str:
    """The name under which a node of a syntax tree defines something, ``""`` for other nodes."""
    if not _TREE_DEFINITION.fullmatch(node.type):
        return ""
    value = node.child_by_field_name("value")
    if node.type == "variable_declarator" and (value is None or "function" not in value.type):
        return ""
    named = node.child_by_field_name("name")
    if named is None and node.type.startswith("impl"):
        named = node.child_by_field_name("type")
    while named is None or named.type.endswith("declarator"):  # C and C++ wrap the name in declarators
        node, named = named or node, (named or node).child_by_field_name("declarator")
        if named is None:
            return ""
    name = named.text.decode("utf-8", "replace").replace("::", ".")
    receiver = node.child_by_field_name("receiver")
    if receiver is not None:  # a method of Go
        owner = re.search(r"(\w+)(?:\[[^\]]*\])?\s*\)$", receiver.text.decode("utf-8", "replace"))
        name = f"{owner[1]}.{name}" if owner else name
    return name if re.fullmatch(r"[\w.~$#?!<>=, ]+", name) else ""


def _with_export(node: Any) -> Any:
    """The statement that a definition is the whole of, such as ``export`` or ``const f = …``."""
    while node.parent is not None and re.search(r"export|decorat|template|lexical_decl|type_decl", node.parent.type):
        node = node.parent
    return node


def _last_line(node: Any) -> int:
    row, column = node.end_point
    return int(row + 1 if column else row)
