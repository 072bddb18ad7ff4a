"""Which lines run when an example goes wrong: only those can be why it does, first of all those that run only then.

The least form of spectrum-based fault localisation (Jones, Harrold and Stasko, "Visualization of Test Information to
Assist Fault Localization", 2002).
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Sequence
from dataclasses import dataclass, field

from aci_tools.examples import Examples
from aci_tools.sandbox.base import Sandbox
from aci_tools.scripts import run_script

# Each example gets five seconds, as when it is run for its output; what ran until then counts. Examples share names, so
# all are run, and lines are kept for those asked for: first the wrong ones, then the right ones. Python 3.5 and later.
_RUNNER = """\
import contextlib, io, json, os, signal, sys
sources, asked = json.loads(sys.argv[1]), json.loads(sys.argv[2])
outs, scope, here, known = [set(), set()], {"__name__": "__main__"}, os.path.realpath("") + os.sep, {}
sys.path.insert(0, "")
def late(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, late)
def step(frame, event, _):
    name = frame.f_code.co_filename
    if name not in known:
        full = os.path.realpath(name)
        known[name] = full[len(here):] if full.startswith(here) and os.path.isfile(full) else None
    if known[name] is None:
        return None
    out.add((known[name], frame.f_lineno))
    return step
for number, source in enumerate(sources):
    with contextlib.redirect_stdout(io.StringIO()):
        try:
            signal.alarm(5)
            code = compile(source, "<example>", "single")
            if number in asked[0] + asked[1]:
                out = outs[number in asked[1]]
                sys.settrace(step)
            exec(code, scope)
        except BaseException:
            pass
        finally:
            sys.settrace(None)
            signal.alarm(0)
print("\\n" + sys.argv[3] + json.dumps(list(map(sorted, outs))), flush=True)
"""
_DEADLINE = 70.0


@dataclass(frozen=True, slots=True)
class Reached:
    """Lines of the repository's files that ran, by path.

    Attributes:
        wrong: In an example that is wrong.
        right: In one that is right.
    """

    wrong: dict[str, set[int]] = field(default_factory=dict)
    right: dict[str, set[int]] = field(default_factory=dict)


def reached_lines(sandbox: Sandbox, examples: Examples) -> Reached | None:
    """What runs in the examples before any edit; ``None`` where none is known to be wrong or it cannot be told.

    Args:
        sandbox: Where the repository is.
        examples: Measured examples.
    """
    if not examples.before:
        return None
    judged = {one.example: one.right for one in examples.judge(examples.before)}
    told = [(number, judged[example]) for number, example in enumerate(examples.examples) if example in judged]
    asked = [[number for number, right in told if not right], [number for number, right in told if right]]
    if not asked[0]:
        return None
    said, _ = run_script(sandbox, _RUNNER, [example.source for example in examples.examples], asked, timeout=_DEADLINE)
    if said is None:
        return None
    reached = Reached()
    for lines, pairs in zip((reached.wrong, reached.right), said, strict=True):
        for path, line in pairs:
            lines.setdefault(path, set()).add(line)
    return reached


def idle_lines(source: str, reached: set[int]) -> set[int]:
    """The lines of statements of which nothing ran; a function's own head is none of them, nor is what is no statement.

    Args:
        source: Text of a Python file.
        reached: Lines that ran.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    idle: set[int] = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.stmt) or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        head = set(range(node.lineno, _end_of_head(node) + 1))
        if not head & reached:
            idle |= head
    return idle


def inert_lines(source: str) -> set[int]:
    """The lines of comments and of documentation, which never do anything.

    Args:
        source: Text of a Python file; of another one nothing can be told.
    """
    try:
        tree = ast.parse(source)
        tokens = list(tokenize.generate_tokens(io.StringIO(source).readline))
    except (SyntaxError, ValueError, RecursionError, tokenize.TokenError):
        return set()
    inert = {token.start[0] for token in tokens if token.type == tokenize.COMMENT and token.line.lstrip()[0] == "#"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            inert |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return inert


def _end_of_head(node: ast.stmt) -> int:
    """The last line of a statement, of one with a body that before the body."""
    body: Sequence[ast.AST] = getattr(node, "body", None) or getattr(node, "cases", None) or ()
    if not body:
        return node.end_lineno or node.lineno
    first = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    return max(node.lineno, getattr(first, "lineno", node.lineno) - 1)
