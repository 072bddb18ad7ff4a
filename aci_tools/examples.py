"""An issue's own interactive examples (``>>> f(x)``), run again after every edit: what they gave, what they give now.

Most reports of a wrong result show it in a Python session. Running that session again is the cheapest check of all, and
needs no test to be written. What the issue shows below a prompt may be the wrong result or the wished one; so what
counts is whether an output changed, and whether the issue mentions the new one.
"""

from __future__ import annotations

import doctest
import json
import re
import secrets
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from aci_tools.sandbox.base import Sandbox

_RUNNER = """\
import contextlib, io, json, sys
sources, out, scope = json.loads(sys.argv[1]), [], {"__name__": "__main__"}
sys.path.insert(0, "")
for source in sources:
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        try:
            exec(compile(source, "<issue>", "single"), scope)
        except BaseException as error:
            print(f"{type(error).__name__}: {error}".rstrip(": "))
    out.append(shown.getvalue().rstrip("\\n")[:500])
print("\\n" + sys.argv[2] + json.dumps(out))
"""
_DEADLINE = 20.0
_MOST = 12


@dataclass(frozen=True, slots=True)
class Example:
    """One statement of a session.

    Attributes:
        source: The statement.
        shown: What the issue shows as its output; a traceback is reduced to its last line.
    """

    source: str
    shown: str


@dataclass(frozen=True, slots=True)
class Examples:
    """The session that an issue shows.

    Attributes:
        examples: Its statements, in order.
        prose: The issue without them, in which the wished results stand.
        before: What each gave before any edit; empty until :meth:`measured`.
    """

    examples: tuple[Example, ...] = ()
    prose: str = ""
    before: tuple[str, ...] = ()

    @classmethod
    def of(cls, issue: str) -> Examples:
        """The examples of an issue's text, at most twelve; none when there are none or they are broken."""
        # A fence right below an output would be taken for a part of it.
        text = re.sub(r"^[ \t]*(```|~~~).*$", "", issue, flags=re.MULTILINE)
        try:
            parts = doctest.DocTestParser().parse(text)
        except ValueError:
            return cls()
        found = [Example(p.source.rstrip("\n"), _shown(p)) for p in parts if isinstance(p, doctest.Example)]
        return cls(tuple(found[:_MOST]), "".join(p for p in parts if isinstance(p, str)))

    def measured(self, sandbox: Sandbox) -> Examples:
        """The same with ``before`` filled in; without examples where they cannot be run."""
        outputs = self.run(sandbox) if self.examples else None
        return Examples() if outputs is None else Examples(self.examples, self.prose, outputs)

    def run(self, sandbox: Sandbox) -> tuple[str, ...] | None:
        """What each example prints now, the exception's line where it raises; ``None`` when no Python can be run."""
        token = secrets.token_hex(8)
        arguments = shlex.join([_RUNNER, json.dumps([e.source for e in self.examples]), token])
        command = f'p=$(command -v python || command -v python3) && "$p" -B -c {arguments}'
        done = sandbox.run(command, cwd=sandbox.workdir, timeout=_DEADLINE)
        _, found, rest = done.text.rpartition(token)
        if not found:
            # The examples themselves hang or kill the interpreter: that is a result too.
            return tuple("(no result)" for _ in self.examples) if done.end == "timeout" or self.before else None
        return tuple(json.loads(rest))

    def unchanged(self, now: Sequence[str]) -> bool:
        """Whether every example gives what it gave before the first edit."""
        return tuple(now) == self.before

    def unasked(self, now: Sequence[str]) -> tuple[str, str] | None:
        """The first example whose output changed to one that the issue does not mention, with that output."""
        for example, old, new in zip(self.examples, self.before, now, strict=True):
            if old != new and not self._mentions(example, new):
                return example.source.splitlines()[0], new.splitlines()[-1][:120] if new else "nothing"
        return None

    def compare(self, now: Sequence[str]) -> str:
        """The session as it goes now, beside how it went before the first edit."""
        lines = []
        for example, old, new in zip(self.examples, self.before, now, strict=True):
            if old == new == "":
                continue
            lines.append(f">>> {example.source}")
            if old == new:
                note = "as before your edits"
            else:
                mentioned = "; the issue mentions this result" if self._mentions(example, new) else ""
                note = f"before your edits: {old or '(nothing)'}{mentioned}"
            lines.append(f"{new or '(nothing)'}    [{note}]")
        return "\n".join(lines)

    def _mentions(self, example: Example, output: str) -> bool:
        return bool(output) and (output == example.shown or output in self.prose)


def _shown(example: doctest.Example) -> str:
    return example.exc_msg.strip() if example.exc_msg is not None else example.want.strip()
