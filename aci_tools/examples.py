"""An issue's own interactive examples (``>>> f(x)``), run again after every edit: what they gave, what they give now.

Most reports of a wrong result show it in a Python session. Running that session again is the cheapest check of all, and
needs no test to be written. What the issue shows below a prompt may be the wrong result or the wished one, so nothing is
judged here: the agent reads both.
"""

from __future__ import annotations

import doctest
import json
import re
from dataclasses import dataclass

from aci_tools.sandbox.base import Sandbox

_RUNNER = """\
import ast, contextlib, io, json, sys
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


def find_examples(text: str) -> list[Example]:
    """The examples of a text, at most twelve; empty when there are none or they are broken."""
    # A fence right below an output would be taken for a part of it.
    text = re.sub(r"^[ \t]*(```|~~~).*$", "", text, flags=re.MULTILINE)
    try:
        parsed = doctest.DocTestParser().get_examples(text)
    except ValueError:
        return []
    return [Example(e.source.rstrip("\n"), _last_line(e)) for e in parsed][:_MOST]


def run_examples(sandbox: Sandbox, examples: list[Example]) -> list[str] | None:
    """What each example prints now, the exception's line where it raises; ``None`` when they cannot be run here."""
    import secrets
    import shlex

    token = secrets.token_hex(8)
    arguments = shlex.join([_RUNNER, json.dumps([e.source for e in examples]), token])
    command = f'p=$(command -v python || command -v python3) && "$p" -B -c {arguments}'
    done = sandbox.run(command, cwd=sandbox.workdir, timeout=_DEADLINE)
    _, found, rest = done.text.rpartition(token)
    if not found:
        return None
    outputs: list[str] = json.loads(rest)
    return outputs


def compare_examples(examples: list[Example], before: list[str], now: list[str]) -> str:
    """The sessions as they went before the first edit and as they go now, one line or two an example."""
    lines = []
    for example, old, new in zip(examples, before, now, strict=True):
        if not old and not new:
            continue
        lines.append(f">>> {example.source}")
        if old == new:
            lines.append(f"{new or '(nothing)'}    [as before the edit]")
        else:
            lines.append(f"{new or '(nothing)'}    [before the edit: {old or '(nothing)'}]")
    return "\n".join(lines)


def _last_line(example: doctest.Example) -> str:
    if example.exc_msg is not None:
        return example.exc_msg.strip()
    return example.want.strip()
