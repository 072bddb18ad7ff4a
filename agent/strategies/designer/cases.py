"""Assertions about one function: reading them from a reply, and running them."""

from __future__ import annotations

import ast
import json
import re
import secrets
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aci_tools.definitions import SHALLOW, parse_python
from aci_tools.session import Session
from aci_tools.testing.detect import look
from agent.modules import module_of
from agent.strategies.designer.suite import DesignedTest, Dropped, Outcome

_RUNNER = Path(__file__).with_name("patchwright_cases.py")
_SECONDS = 5.0
_LONGEST = 2000
_KIND = re.compile(r"#.*?\b(basic|edge|large)\b", re.IGNORECASE)
_FENCED = re.compile(r"^[ \t]*```[^\n]*\n(.*?)(?:^[ \t]*```|\Z)", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What an assertion of the form ``left == right`` compares, as source."""

    left: str
    right: str


def code_of(reply: str) -> str:
    """The code blocks of a reply, one after the other; all of it when there are none."""
    return "\n".join(_FENCED.findall(reply)) or reply


def read_cases(reply: str, module: str, called: str, most: int) -> tuple[list[DesignedTest], list[Dropped]]:
    """The assertions of a reply that call a function, and those that are of no use.

    Args:
        reply: What the designer wrote: assertions, in functions or not. What stands before one in the same function is
            a part of it; a function of the tested one's name never is.
        module: Dotted name of the tested function's module; ``module.function`` is taken for ``function``.
        called: Name of the tested function.
        most: How many count.
    """
    kept: list[DesignedTest] = []
    dropped: list[Dropped] = []
    for name, source, kind in _assertions(code_of(reply), module, called):
        if not _calls(source, called):
            dropped.append(Dropped(name, f"it does not call {called}", source))
        elif len(source) > _LONGEST:
            dropped.append(Dropped(name[:200], f"it is longer than {_LONGEST} characters", source[:_LONGEST]))
        elif any(test.name == name for test in kept):
            dropped.append(Dropped(name, "it stands there twice", source))
        elif len(kept) == most:
            dropped.append(Dropped(name, f"only {most} were asked for", source))
        else:
            kept.append(DesignedTest(name, source, kind))
    return kept, dropped


def comparison(source: str) -> Comparison | None:
    """What the assertion at the end of a test's source compares; ``None`` for one of another form."""
    last = ast.parse(source).body[-1]
    test = last.test if isinstance(last, ast.Assert) else None
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq | ast.Is):
        return Comparison(ast.unparse(test.left), ast.unparse(test.comparators[0]))
    return None


def run_cases(session: Session, path: str, sources: Sequence[str], issue: str, seed: int = 0) -> list[Outcome]:
    """How tests end on the code as it is.

    Args:
        session: Where.
        path: The file of the function that they call.
        sources: Their texts.
        issue: The issue; an exception that it names may be what it complains about, wherever it is raised.
        seed: Seed of Python's hashes.

    Raises:
        SandboxError: The sandbox is lost for good.
    """
    facts = look(session)
    if not facts.python or not sources:
        return [Outcome(False, fault="there is no Python here") for _ in sources]
    wanted = {"module": module_of(path), "seconds": _SECONDS, "cases": [_split(source) for source in sources]}
    token = secrets.token_hex(8)
    command = f"{facts.python} -B - {shlex.join([json.dumps(wanted), token])} <<'PATCHWRIGHT'\n{_RUNNER.read_text()}\n"
    done = session.sandbox.run(
        f"{command}PATCHWRIGHT\n",
        cwd=session.root,
        env={
            "PYTHONHASHSEED": str(seed),
            **({"PYTHONPATH": f"{session.root}/src"} if facts.needs_src else {}),
        },
        timeout=_SECONDS * (len(sources) + 2),
    )
    _, found, rest = done.text.rpartition(token)
    if not found:
        return [Outcome(False, fault=f"it could not be run: {done.text.strip()[-200:] or done.end}") for _ in sources]
    return [_outcome(ended, issue) for ended in json.loads(rest)]


def _outcome(ended: dict[str, object], issue: str) -> Outcome:
    message = str(ended.get("message", ""))
    if ended["ended"] == "import":
        return Outcome(False, message, f"the code cannot be imported: {message}")
    if ended.get("own") and str(ended["type"]) not in issue:
        return Outcome(False, message, f"the test itself {message}")
    return Outcome(ended["ended"] == "passed", message)


def _split(source: str) -> dict[str, str]:
    """A test's source as the runner takes it."""
    *setup, last = ast.parse(source).body
    compared = comparison(source)
    return {
        "setup": "\n".join(map(ast.unparse, setup)),
        "source": ast.unparse(last),
        "left": compared.left if compared else "",
        "right": compared.right if compared else "",
    }


class _Bare(ast.NodeTransformer):
    """Takes a module's name away from what is taken from it."""

    def __init__(self, module: str) -> None:
        self._module = module

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        if ast.unparse(node.value) == self._module:
            return ast.copy_location(ast.Name(node.attr, node.ctx), node)
        return self.generic_visit(node)


def _assertions(code: str, module: str, called: str) -> Iterator[tuple[str, str, str]]:
    """Name, source and kind of each assertion."""
    tree = parse_python(code, SHALLOW)
    if tree is None:
        # One that was cut off or has no end, or prose between them, does not make the others worthless.
        code = "\n".join(line.strip() if _alone(line) else "" for line in code.splitlines())
        tree = ast.parse(code)
    kinds = {
        number: match[1].lower() for number, line in enumerate(code.splitlines(), 1) if (match := _KIND.search(line))
    }
    tree = _Bare(module).visit(tree)
    yield from _in_block(tree.body, [], kinds, (module, called))


def _in_block(
    body: Sequence[ast.stmt], before: list[ast.stmt], kinds: dict[int, str], known: tuple[str, str]
) -> Iterator[tuple[str, str, str]]:
    setup = list(before)
    for node in body:
        if isinstance(node, ast.Assert):
            source = "\n".join(map(ast.unparse, [*setup, ast.Assert(node.test)]))
            yield ast.unparse(node.test)[:200], source, _kind(kinds, node.lineno)
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield from _in_block(node.body, setup, kinds, known)
        elif isinstance(node, ast.ClassDef) and any(isinstance(part, ast.FunctionDef) for part in node.body):
            yield from _in_block([p for p in node.body if isinstance(p, ast.FunctionDef)], setup, kinds, known)
        elif not _of_no_use(node, known):
            setup.append(node)


def _kind(kinds: dict[int, str], line: int) -> str:
    """What the nearest comment above a line says that its test is."""
    return kinds[max(above)] if (above := [number for number in kinds if number <= line]) else "basic"


def _of_no_use(node: ast.stmt, known: tuple[str, str]) -> bool:
    """What tests do not need or must not have: the tested function, made up or imported from somewhere, and outputs."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return node.name == known[1]
    if isinstance(node, ast.Import | ast.ImportFrom):
        return any(alias.name in (*known, "*") for alias in node.names)
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) or ast.unparse(node).startswith("print(")
    return isinstance(node, ast.If | ast.Return) or any(isinstance(part, ast.Assert) for part in ast.walk(node))


def _alone(line: str) -> bool:
    """Whether a line is a comment, or an assertion that needs no other line."""
    text = line.strip()
    return parse_python(text, SHALLOW) is not None if text.startswith("assert ") else text.startswith("#")


def _calls(source: str, called: str) -> bool:
    last = ast.parse(source)
    names = (node.func for node in ast.walk(last) if isinstance(node, ast.Call))
    return any(called == getattr(name, "id", getattr(name, "attr", None)) for name in names)
