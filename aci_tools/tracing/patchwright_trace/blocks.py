"""Splitting a function into basic blocks: statements that run one after the other without a branch between them.

A branch's or loop's condition is the last part of a block; what may be jumped to begins one. The unit is the line,
because that is what tracing reports: the body of a one-line ``if`` belongs to the block of its condition.
"""

import ast
from typing import Any

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_WITHS = (ast.With, ast.AsyncWith)
_JUMPS = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_CONSTANTS = ("Constant", "NameConstant", "Num")  # the last two until Python 3.7
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Block:
    """One basic block.

    Attributes:
        number: From 1, in the order of the source.
        first: First line.
        last: Last line.
        names: Variables that it mentions.
        attributes: Pairs of a variable and an attribute of it that it mentions.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.first = self.last = 0
        self.names: Any = set()
        self.attributes: Any = set()


class Unit:
    """A statement, or the head of a compound one.

    Attributes:
        block: The block that it is in.
        order: Its place among all units of the function.
        repeats: Whether meeting it twice in a row means that a loop has come round.
        inside: Lines of the body of a ``with``: coming from there to its head is leaving, not entering.
    """

    def __init__(self, block: Block, order: int, repeats: bool, inside: Any) -> None:
        self.block, self.order, self.repeats, self.inside = block, order, repeats, inside


class Blocks:
    """The basic blocks of a function.

    Args:
        function: Its syntax tree.

    Attributes:
        blocks: In the order of the source.
        units: What each line belongs to.
    """

    def __init__(self, function: Any) -> None:
        self.blocks: Any = []
        self.units: Any = {}
        self._open: Any = None
        self._orders = 0
        body = function.body
        if isinstance(body[0], ast.Expr) and ast.get_docstring(function, clean=False) is not None:
            body = body[1:]
        self._body(body)

    def _body(self, statements: Any) -> None:
        for statement in statements:
            self._statement(statement)
        self._close()

    def _statement(self, node: Any) -> None:
        first, last = first_line(node), last_line(node)
        if isinstance(node, ast.If):
            self._add(first, last_line(node.test), [node.test])
            self._close()
            self._body(node.body)
            self._body(node.orelse)
        elif isinstance(node, _LOOPS):
            self._close()
            parts = [node.test] if isinstance(node, ast.While) else [node.target, node.iter]
            one_line = node.body[0].lineno == node.lineno
            self._add(first, max(map(last_line, parts)), parts, repeats=one_line)
            if type(parts[0]).__name__ not in _CONSTANTS:  # `while True` is nothing that is executed
                self._close()
            self._body(node.body)
            self._body(node.orelse)
        elif isinstance(node, _WITHS):
            head = max(last_line(item.optional_vars or item.context_expr) for item in node.items)
            self._add(first, head, node.items, inside=range(head + 1, last + 1))
            for statement in node.body:
                self._statement(statement)
        elif type(node).__name__ in ("Try", "TryStar"):
            self._close()
            self._add(first, first, [])
            self._body(node.body)
            for handler in node.handlers:
                self._add(handler.lineno, last_line(handler.type) if handler.type else handler.lineno, [handler])
                self._body(handler.body)
            self._body(node.orelse)
            self._body(node.finalbody)
        elif type(node).__name__ == "Match":
            self._add(first, last_line(node.subject), [node.subject])
            self._close()
            for case in node.cases:
                self._add(case.pattern.lineno, last_line(case.guard or case.pattern), [case.pattern, case.guard])
                self._close()
                self._body(case.body)
        elif isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            self._add(first, max(node.lineno, first_line(node.body[0]) - 1), [])
            self._open.names.add(node.name)
        else:
            self._add(first, last, [node], repeats=first == last and not _has_comprehension(node))
            if isinstance(node, _JUMPS):
                self._close()

    def _add(self, first: int, last: int, parts: Any, repeats: bool = False, inside: Any = ()) -> None:
        known = self.units.get(first)
        if known is not None:  # the rest of a line whose beginning is there already
            block = known.block
        else:
            if self._open is None:
                self._open = Block(len(self.blocks) + 1)
                self._open.first = first
                self.blocks.append(self._open)
            block = self._open
        self._open = block
        block.last = max(block.last, last)
        unit = Unit(block, self._orders, repeats, inside)
        self._orders += 1
        for line in range(first, last + 1):
            self.units.setdefault(line, unit)
        for part in parts:
            _mentioned(part, block)

    def _close(self) -> None:
        self._open = None


def first_line(node: Any) -> int:
    """The first line of a statement, decorators included."""
    return int(min([node.lineno] + [part.lineno for part in getattr(node, "decorator_list", ())]))


def last_line(node: Any) -> int:
    """The last line of a node; before Python 3.8, the last line on which a part of it begins."""
    end = getattr(node, "end_lineno", None)
    if end is not None:
        return int(end)
    return max(getattr(part, "lineno", 0) for part in ast.walk(node))


def _has_comprehension(node: Any) -> bool:
    return any(isinstance(part, _COMPREHENSIONS) for part in ast.walk(node))


def _mentioned(node: Any, block: Block) -> None:
    """Take up the variables of a piece of code; of ``a.b``, the attribute instead of the variable."""
    if node is None:
        return
    handler = isinstance(node, ast.ExceptHandler)
    if handler and node.name:
        block.names.add(node.name)
    waiting = [node.type] if handler else [node]
    while waiting:
        part = waiting.pop()
        if part is None:
            continue
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            block.attributes.add((part.value.id, part.attr))
        elif isinstance(part, ast.Name):
            block.names.add(part.id)
        else:
            name = getattr(part, "name", None) or getattr(part, "rest", None)  # patterns of `match`
            if isinstance(name, str):
                block.names.add(name)
            waiting.extend(ast.iter_child_nodes(part))
