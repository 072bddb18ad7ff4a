"""Fitting the code that an agent wrote for one definition into the file: what belongs there, and its indentation."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from aci_tools.definitions import Definition, first_line, parse_python
from aci_tools.text import Document, split_lines
from aci_tools.tools.base import ToolError
from aci_tools.tools.indentation import indentation

_HEAD = re.compile(r"^([ \t]*)(?:async[ \t]+)?(?:def|class)[ \t]+(\w+)")
_Named = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


@dataclass(frozen=True, slots=True)
class NewCode:
    """What is to be put in the place of a definition.

    Attributes:
        lines: The lines, not yet indented as the file is.
        decorators: The decorators given, without ``@``.
        given_decorators: Whether the definition has decorators; without, the old ones stay.
        start: Index of the definition's first line; helpers stand in front of it.
        body_only: Whether it is the body alone; the signature stays.
        body: Indentation of the first statement of the body, ``None`` where that is not known.
        fixed: Indexes of lines inside strings, whose blanks are content.
        imports: Import statements that stood in front of it.
        left_out: Other statements that were beside it.
    """

    lines: list[str]
    decorators: tuple[str, ...] = ()
    given_decorators: bool = False
    start: int = 0
    body_only: bool = False
    body: str | None = None
    fixed: frozenset[int] = frozenset()
    imports: list[ast.Import | ast.ImportFrom] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)


def read_code(code: str, name: str, others: Iterable[str]) -> NewCode:
    """The definition in a piece of Python.

    Args:
        code: What the agent wrote: the definition, perhaps indented, perhaps in its class, perhaps with other things.
        name: The definition's qualified name.
        others: Names that the file has beside it; definitions of other names are kept, as helpers.

    Raises:
        ToolError: The code does not define it.
    """
    short = name.rpartition(".")[2]
    given = _without_blank_edges(split_lines(_unfenced(code)))
    lines = _unindented(given)
    tree = parse_python("\n".join(lines))
    if tree is None:
        return _unparsed(lines, short)
    for number in _inside_strings(tree):
        lines[number - 1] = given[number - 1]
    body: Sequence[ast.stmt] = tree.body
    left_out: list[str] = []
    named = [s for s in body if isinstance(s, _Named)]
    parent = name.rpartition(".")[0].rpartition(".")[2]
    if parent and not any(s.name == short for s in named):
        for wrapper in named:
            if isinstance(wrapper, ast.ClassDef) and wrapper.name == parent:
                left_out += [_source(lines, s) for s in body if s is not wrapper and not _is_import(s)]
                body = [*(s for s in body if _is_import(s)), *wrapper.body]
    wanted = [s for s in body if isinstance(s, _Named) and s.name == short]
    imports = [s for s in body if isinstance(s, ast.Import | ast.ImportFrom)]
    if not wanted:
        return _body_alone(tree, lines, short)
    if len(wanted) > 1:
        raise ToolError(f"The code defines {short} {len(wanted)} times. Write it once. Nothing was changed.")
    known = set(others)
    helpers = [s for s in body if isinstance(s, _Named) and s.name != short and s.name not in known]
    # A helper in between other things would drag them along.
    kept = [s for s in body if s is wanted[0] or s in helpers]
    first, last = first_line(kept[0]), kept[-1].end_lineno or len(lines)
    if any(s not in kept and first <= s.lineno <= last for s in body):
        kept, first, last = wanted, first_line(wanted[0]), wanted[0].end_lineno or len(lines)
    left_out += [_source(lines, s) for s in body if s not in kept and not _is_import(s) and not _is_text(s)]
    body_first = wanted[0].body[0].lineno
    return NewCode(
        lines=lines[first - 1 : last],
        decorators=tuple(ast.unparse(d) for d in wanted[0].decorator_list),
        given_decorators=bool(wanted[0].decorator_list),
        start=first_line(wanted[0]) - first,
        body=indentation(lines[body_first - 1]) if body_first > wanted[0].lineno else None,
        fixed=frozenset(line - first for line in _inside_strings(tree) if first <= line <= last),
        imports=imports,
        left_out=left_out,
    )


def fitted(new: NewCode, old: Definition, file: Document) -> list[str]:
    """The lines indented as the file has them; lines inside strings keep their blanks."""
    there = indentation(file.text(old.line))
    if new.body_only and old.body:
        there = indentation(file.text(old.body))
    in_file = indentation(file.text(old.body)) if old.body > old.line else None
    unit = len(in_file) - len(indentation(file.text(old.line))) if in_file is not None else 4
    lines, body = _with_blanks_of(in_file or there, unit, new)
    base = indentation(lines[0])
    if not new.body_only and base == "" and there and body == in_file:
        # Only the first lines lack the indentation that the body has.
        return [
            there + line if line and not line[0].isspace() and i not in new.fixed else line
            for i, line in enumerate(lines)
        ]
    out = []
    for index, line in enumerate(lines):
        if index in new.fixed:
            out.append(line)
        else:
            out.append(there + line.removeprefix(base) if line.strip() else "")
    return out


def _with_blanks_of(known: str, deep: int, new: NewCode) -> tuple[list[str], str | None]:
    """The lines with tabs or blanks as in an indentation of the file, and the indentation of their body then.

    Args:
        known: The indentation.
        deep: How many blanks a tab of the code stands for.
        new: The code.
    """
    base = indentation(new.lines[0])
    free = [indentation(line) for i, line in enumerate(new.lines) if i not in new.fixed and line.strip()]
    written = new.body or next(filter(None, free), "")
    if "\t" in known and "\t" not in written:
        unit = len(new.body) - len(base) if new.body is not None and len(new.body) > len(base) else 4
        change = partial(_with_tabs, base=len(base), unit=unit)
    elif known and "\t" not in known and "\t" in written:
        change = partial(_with_blanks, unit=deep)
    else:
        return new.lines, new.body
    lines = [line if i in new.fixed else change(line) for i, line in enumerate(new.lines)]
    return lines, change(new.body) if new.body is not None else None


def missing_imports(new: NewCode, file: Document) -> tuple[list[str], int]:
    """The imports of the code that the file lacks, and the line of the file that they are to follow.

    Returns:
        No imports where the file does not parse.
    """
    tree = parse_python(file.source())
    if tree is None or not new.imports:
        return [], 0
    bound = imported(tree)
    lines = []
    for statement in new.imports:
        names = [alias for alias in statement.names if (alias.asname or alias.name) not in bound]
        if names and getattr(statement, "module", "") != "__future__":
            statement.names = names
            lines.append(ast.unparse(statement))
    after = 0
    for statement_ in tree.body:
        if _is_import(statement_) or (after == 0 and _is_text(statement_)):
            after = statement_.end_lineno or after
        elif isinstance(statement_, _Named):
            break
    if after == 0 and tree.body:
        after = first_line(tree.body[0]) - 1
    return list(dict.fromkeys(lines)), after


def imported(tree: ast.Module) -> set[str]:
    """The names that the imports at the margin of a file bind."""
    return {
        alias.asname or alias.name
        for statement in ast.walk(tree)
        if isinstance(statement, ast.Import | ast.ImportFrom) and statement.col_offset == 0
        for alias in statement.names
    }


def _unparsed(lines: list[str], short: str) -> NewCode:
    """Code with an error in it, from the head of the definition to the end; the guard will show the error."""
    heads = [(i, match[2]) for i, line in enumerate(lines) if (match := _HEAD.match(line))]
    start = next((i for i, name in heads if name == short), None)
    if start is None:
        raise _wrong_name(short, [name for _, name in heads])
    while start and lines[start - 1].lstrip().startswith("@"):
        start -= 1
    return NewCode(lines[start:], given_decorators=lines[start].lstrip().startswith("@"))


def _body_alone(tree: ast.Module, lines: list[str], short: str) -> NewCode:
    named = [s.name for s in tree.body if isinstance(s, _Named)]
    statements = [s for s in tree.body if not _is_import(s)]
    if named or not statements:
        raise _wrong_name(short, named)
    return NewCode(lines, body_only=True, fixed=frozenset(line - 1 for line in _inside_strings(tree)))


def _wrong_name(short: str, names: Sequence[str]) -> ToolError:
    what = f"it defines {', '.join(dict.fromkeys(names))}" if names else "it has no def or class line"
    return ToolError(f"The code must be the whole definition of {short}, but {what}. Nothing was changed.")


def _inside_strings(tree: ast.AST) -> set[int]:
    """Lines that begin inside a string which is no docstring; their blanks are part of the program."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)):
            inside.update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and _is_text(node):
            inside.difference_update(range(node.lineno + 1, (node.end_lineno or node.lineno) + 1))
    return inside


def _is_import(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Import | ast.ImportFrom)


def _is_text(statement: ast.stmt) -> bool:
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _source(lines: Sequence[str], statement: ast.stmt) -> str:
    return "\n".join(lines[statement.lineno - 1 : statement.end_lineno])


def _without_blank_edges(lines: list[str]) -> list[str]:
    filled = [i for i, line in enumerate(lines) if line.strip()]
    if not filled:
        raise ToolError("The code is empty. Write the whole new definition.")
    return lines[filled[0] : filled[-1] + 1]


def _unindented(lines: list[str]) -> list[str]:
    """The lines without the indentation of the first; where the others are indented on their own, without that."""
    base = indentation(lines[0])
    plain = [line.removeprefix(base) for line in lines]
    if base or parse_python("\n".join(plain)) is not None:
        return plain
    rest = min((indentation(line) for line in lines[1:] if line.strip()), key=len, default="")
    moved = [lines[0], *(line.removeprefix(rest) for line in lines[1:])]
    return moved if rest and parse_python("\n".join(moved)) is not None else plain


def _with_tabs(line: str, base: int, unit: int) -> str:
    depth = len(line) - len(line.lstrip(" ")) - base
    return "\t" * (depth // unit) + " " * (depth % unit) + line.lstrip(" ") if depth > 0 else line.lstrip(" ")


def _with_blanks(line: str, unit: int) -> str:
    text = line.lstrip("\t")
    return " " * (unit * (len(line) - len(text))) + text


def _unfenced(code: str) -> str:
    """The code without a Markdown fence around it."""
    fenced = re.fullmatch(r"\s*```[^\n]*\n(.*?)\n?```\s*", code, re.DOTALL)
    return fenced[1] if fenced else code
