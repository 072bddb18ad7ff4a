"""Examples of what code should do, run again after every edit: what they gave, what they give now, what they should.

Most reports of a wrong result show it in a Python session or say what a call should give, and many functions say it in
their documentation. Running those calls again is the cheapest check of all, and needs no test to be written. What an
issue shows below a prompt may be the wrong result or the wished one; so there what counts is whether an output changed,
and whether the issue mentions the new one. Where the wished result is said outright, it has to be met.
"""

from __future__ import annotations

import ast
import doctest
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from aci_tools.sandbox.base import Sandbox
from aci_tools.scripts import run_script

# Each example gets five seconds. The results of generators are shown as lists.
_RUNNER = """\
import contextlib, io, itertools, json, signal, sys
sources, out, scope = json.loads(sys.argv[1]), [], {"__name__": "__main__"}
sys.path.insert(0, "")
def late(*_):
    raise TimeoutError("no result within 5 s")
signal.signal(signal.SIGALRM, late)
def show(value):
    if value is not None:
        listed = hasattr(value, "__next__") and type(value).__name__ == "generator"
        print(repr(list(itertools.islice(value, 1000)) if listed else value))
sys.displayhook = show
for source in sources:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        try:
            signal.alarm(5)
            exec(compile(source, "<example>", "single"), scope)
        except BaseException as error:
            print(("%s: %s" % (type(error).__name__, error)).rstrip(": "))
        finally:
            signal.alarm(0)
    out.append(shown.getvalue().rstrip("\\n")[:500])
print("\\n" + sys.argv[2] + json.dumps(out), flush=True)
"""
_DEADLINE = 60.0
_MOST = 12
_SAYS = r"(?:should|must|has to|ought to|is expected to)\s+(?:give|return|be|equal|yield|produce|evaluate to)"
_SPOKEN = re.compile(rf"(?:`([^`\n]+)`|```\w*\n([^`]+?)\n```)[,:]?\s+{_SAYS}\s+`([^`\n]+)`")
_GIVES = re.compile(
    r"^(?:==>|=>|==|->|=|➞|→|➜|#\s*=>|#|:|(?:(?:should|must|will)\s+)?(?:returns?|be|gives?|evaluates? to)\s)\s*(.+)$"
)
_RESULT = r"(?:,?\s*\n[ \t]*Output:|,?[ \t]+the[ \t]+(?:output|result)[ \t]+should[ \t]+be)"
_INPUT = re.compile(rf"^[ \t]*(?:Input:|For)[ \t]*(.+?)[ \t]*{_RESULT}[ \t]*(.+)$", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Example:
    """One statement.

    Attributes:
        source: The statement.
        shown: What stands beside it as its output; a traceback is reduced to its last line.
        wished: Whether that is what it should give; else it may be the wrong result that is complained of.
    """

    source: str
    shown: str
    wished: bool = False

    def met_by(self, output: str) -> bool:
        """Whether an output is the one shown, as a value where both are literals."""
        return output == self.shown or _same(_value(output), _value(self.shown))


@dataclass(frozen=True, slots=True)
class Judged:
    """An example beside what it gives.

    Attributes:
        example: The example.
        output: What it gives.
        right: Whether that is as it should be, as far as can be told.
        wanted: What it should be, in words.
    """

    example: Example
    output: str
    right: bool
    wanted: str


@dataclass(frozen=True, slots=True)
class Examples:
    """The examples of an issue, and of the documentation of the code that it is about.

    Attributes:
        examples: The statements, in order.
        prose: The issue without them, in which wished results stand.
        before: What each gave before any edit; empty until :meth:`measured`.
    """

    examples: tuple[Example, ...] = ()
    prose: str = ""
    before: tuple[str, ...] = ()

    @classmethod
    def of(cls, issue: str) -> Examples:
        """The examples of an issue's text, at most twelve; none when there are none or they are broken.

        A call of which the issue says what it should give counts where the name that is called is a function of a
        module of that name, as short reports write it.
        """
        # A fence right below an output would be taken for a part of it.
        text = re.sub(r"^[ \t]*(```|~~~).*$", "", issue, flags=re.MULTILINE)
        try:
            parts = doctest.DocTestParser().parse(text)
        except ValueError:
            parts = [text]
        found = [Example(p.source.rstrip("\n"), _shown(p)) for p in parts if isinstance(p, doctest.Example)]
        return cls(tuple(found[:_MOST]), "".join(p for p in parts if isinstance(p, str)))

    def with_documented(self, module: str, name: str, texts: Iterable[str], issue: str = "") -> Examples:
        """The same with what the documentation of a function says that it gives, and what an issue says outright.

        Args:
            module: Dotted name of the function's module.
            name: Its name, or its class's and its own.
            texts: Its documentation.
            issue: The issue, of which sentences such as "`f(1)` should give `2`" are taken.
        """
        called = name.rpartition(".")[2]
        found = [*_spoken(issue, called), *(example for text in texts for example in _documented(text, called))]
        known = {example.source for example in self.examples}
        fresh = [example for example in dict.fromkeys(found) if example.source not in known][:_MOST]
        if not fresh:
            return self
        names = f'globals().update(vars(__import__("importlib").import_module({module!r})))'
        return Examples((*self.examples, Example(names, ""), *fresh), self.prose)

    def measured(self, sandbox: Sandbox) -> Examples:
        """The same with ``before`` filled in; without examples where they cannot be run."""
        outputs = self.run(sandbox) if self.examples else None
        return Examples() if outputs is None else Examples(self.examples, self.prose, outputs)

    def run(self, sandbox: Sandbox) -> tuple[str, ...] | None:
        """What each example prints now, the exception's line where it raises; ``None`` when no Python can be run."""
        said, done = run_script(sandbox, _RUNNER, [e.source for e in self.examples], timeout=_DEADLINE)
        if said is None:
            # The examples themselves hang or kill the interpreter: that is a result too.
            return tuple("(no result)" for _ in self.examples) if done.end == "timeout" or self.before else None
        return tuple(said)

    def judge(self, now: Sequence[str]) -> list[Judged]:
        """Each example that says something, and whether it is as it should be."""
        judged: list[Judged] = []
        for example, old, new in zip(self.examples, self.before, now, strict=True):
            if example.wished:
                judged.append(Judged(example, new, example.met_by(new), f"should give {example.shown}"))
            elif example.shown and old == example.shown:
                right = new != old and self._mentions(example, new)
                judged.append(Judged(example, new, right, "should give what the issue asks for"))
            elif example.shown:
                judged.append(Judged(example, new, new == example.shown, f"the issue shows {example.shown}"))
        return judged

    def unchanged(self, now: Sequence[str]) -> bool:
        """Whether something is to be changed, and every example gives what it gave before the first edit."""
        met = (example.wished and example.met_by(old) for example, old in self._told(self.before))
        return tuple(now) == self.before and not all(met)

    def unasked(self, now: Sequence[str]) -> tuple[str, str] | None:
        """The first example whose output changed to one that nobody asked for, with that output."""
        for example, old, new in zip(self.examples, self.before, now, strict=True):
            met = example.met_by(new) if example.wished else self._mentions(example, new)
            if old != new and not met:
                return example.source.splitlines()[0], new.splitlines()[-1][:120] if new else "nothing"
        return None

    def solved(self, now: Sequence[str]) -> bool:
        """Whether every wished result is met, and something is other than before."""
        return tuple(now) != self.before and all(e.met_by(new) for e, new in self._told(now) if e.wished)

    def failures(self, now: Sequence[str], most: int = 3) -> str:
        """The wished results that are not met, for a prompt; ``""`` when there are none."""
        wrong = [(e, new) for e, new in self._told(now) if e.wished and not e.met_by(new)]
        return "\n".join(f"{e.source} gives {new or 'nothing'}, but should give {e.shown}" for e, new in wrong[:most])

    def compare(self, now: Sequence[str]) -> str:
        """The session as it goes now, beside how it went before the first edit."""
        lines = []
        for example, old, new in zip(self.examples, self.before, now, strict=True):
            if old == new == "" or (example.wished and example.met_by(old) and example.met_by(new)):
                continue
            lines.append(f">>> {example.source}")
            if example.wished:
                note = "as it should be" if example.met_by(new) else f"but should be {example.shown}"
            else:
                note = ""
                if old != new and self._mentions(example, new):
                    note = "the issue mentions this result"
            was = "as before your edits" if old == new else f"before your edits: {old or '(nothing)'}"
            lines.append(f"{new or '(nothing)'}    [{'; '.join(filter(None, (was, note)))}]")
        return "\n".join(lines) or "all give what they should, as before your edits"

    def _told(self, outputs: Sequence[str]) -> list[tuple[Example, str]]:
        """The examples beside which something stands, with what they give."""
        return [(e, out) for e, out in zip(self.examples, outputs, strict=True) if e.shown]

    def _mentions(self, example: Example, output: str) -> bool:
        return bool(output) and (output == example.shown or output in self.prose)


def _shown(example: doctest.Example) -> str:
    return example.exc_msg.strip() if example.exc_msg is not None else example.want.strip()


def _spoken(issue: str, called: str) -> list[Example]:
    """Calls of a function of which an issue says what they should give."""
    found = []
    for match in _SPOKEN.finditer(issue):
        source, value = (match[1] or match[2]).strip(), match[3].strip()
        if _calls(source, called) and _value(value) is not _NO_VALUE:
            found.append(Example(source, value, wished=True))
    return found


def _documented(text: str, called: str) -> list[Example]:
    """What a documentation says that calls of its function give: a session, a call and its value, input and output."""
    try:
        parts = doctest.DocTestParser().parse(text)
    except ValueError:
        parts = [text]
    sessions = [part for part in parts if isinstance(part, doctest.Example)]
    found = [Example(p.source.rstrip("\n"), _shown(p), wished=bool(p.want)) for p in sessions]
    prose = "".join(part for part in parts if isinstance(part, str))
    for line in prose.splitlines():
        for at in re.finditer(rf"\b{re.escape(called)}\(", line):
            if (split := _split(line[at.start() :], called)) is not None:
                found.append(Example(*split, wished=True))
                break
    for match in _INPUT.finditer(prose):
        source = f"{called}({match[1].strip().rstrip(',.')})"
        if _calls(source, called) and (value := _literal(match[2])):
            found.append(Example(source, value, wished=True))
    return found if any(_calls(example.source, called) for example in found) else []


def _split(line: str, called: str) -> tuple[str, str] | None:
    """A call and the value that a line gives for it; the shortest beginning that is a call of the function counts."""
    for end in (at.end() for at in re.finditer(r"\)", line)):
        if _calls(line[:end], called):
            gives = _GIVES.match(line[end:].strip())
            value = _literal(gives[1]) if gives else ""
            return (line[:end], value) if value else None
    return None


def _literal(text: str) -> str:
    """The literal that a text begins with, as Python writes it; ``""`` when it is none. A remark may follow."""
    text = text.strip()
    for value in (text, text.rstrip("."), text.partition("  ")[0].strip()):
        value = {"true": "True", "false": "False", "null": "None"}.get(value, value)
        if _value(value) is not _NO_VALUE:
            return ast.get_source_segment(value, ast.parse(value, mode="eval").body) or value
    return ""


def _calls(source: str, called: str) -> bool:
    try:
        tree = ast.parse(source.strip())
    except (SyntaxError, ValueError):
        return False
    names = (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return any(called == getattr(name, "id", getattr(name, "attr", None)) for name in names)


_NO_VALUE: Any = object()


def _value(text: str) -> Any:
    """The value of a literal, ``_NO_VALUE`` for anything else."""
    try:
        return ast.literal_eval(text.strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return _NO_VALUE


def _same(left: Any, right: Any) -> bool:
    """Whether two values are equal: numbers nearly, and lists and tuples alike."""
    if left is _NO_VALUE or right is _NO_VALUE:
        return False
    if isinstance(left, float) and isinstance(right, int | float) and not isinstance(right, bool):
        return math.isclose(left, right, rel_tol=1e-6, abs_tol=1e-9)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)
