"""Faults of Python files: what ``compile`` and ruff's fatal rules find, for the Python that the repository targets."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from functools import cache

from aci_tools.guard.diagnostics import Change, Diagnostic, introduced
from aci_tools.text import Document

SYNTAX = "invalid-syntax"
_RULES = "E9,F821,F822,F823,F7,F63"
_DEADLINE = 20.0
# What Python 2 allowed and Python 3 does not.
_PYTHON2 = re.compile(
    r"^\s*(print\s+[^=\s(]|print\s*>>|exec\s+['\"\w]|raise\s+[\w.]+\s*,|except\s+[^:]+,\s*\w+\s*:)|<>|`|\b0\d+\b|\bur['\"]|\b\d+L\b"
)


class PythonChecker:
    """Judges Python files.

    Args:
        version: ruff's name of the oldest Python that the repository supports, such as ``py39``.
    """

    def __init__(self, version: str) -> None:
        self.version = version

    def check(self, path: str, document: Document) -> list[Diagnostic]:
        """Every fault of a file."""
        source = document.source()
        found = _ruff(path, source, self.version)
        if (
            not any(d.code == SYNTAX for d in found)
            and _minor(self.version) <= sys.version_info.minor
            and path.endswith(".py")
        ):
            found = [*_compile(source), *found]
        return found

    def introduced(
        self, known: Sequence[Diagnostic], found: Sequence[Diagnostic], before: Document, change: Change
    ) -> list[Diagnostic]:
        """What an edit introduced. In a file that never parsed, only faults of a new kind on changed lines count."""
        fresh = introduced(known, found, change)
        broken = [d for d in known if d.code == SYNTAX]
        if not broken:
            return fresh
        if any(1 <= d.line <= len(before) and _PYTHON2.search(before.text(d.line)) for d in broken):
            return []
        kinds = {d.message for d in broken}
        return [d for d in fresh if change.place_after(d.line)[0] == "hunk" and d.message not in kinds]


def _ruff(path: str, source: str, version: str) -> list[Diagnostic]:
    command = [
        _ruff_binary(),
        "check",
        "--isolated",
        "--no-cache",
        "--quiet",
        "--exit-zero",
        "--no-fix",
        "--select",
        _RULES,
    ]
    # gettext installs `_` as a builtin.
    command += ["--config", 'builtins=["_"]', "--target-version", version, "--output-format", "json"]
    command += ["--stdin-filename", path, "-"]
    try:
        done = subprocess.run(
            command,
            input=source.encode("utf-8", "replace"),
            capture_output=True,
            check=False,
            cwd="/",
            timeout=_DEADLINE,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    try:
        entries = json.loads(done.stdout or b"[]")
    except ValueError:
        return []
    return [
        Diagnostic(
            e["location"]["row"],
            e["location"]["column"],
            e["code"] or SYNTAX,
            e["message"].removeprefix("SyntaxError: "),
        )
        for e in entries
    ]


def _compile(source: str) -> list[Diagnostic]:
    """The faults that only a compiler sees, such as a second argument of the same name."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(source, "<file>", "exec", dont_inherit=True)
    except SyntaxError as error:
        return [Diagnostic(error.lineno or 1, error.offset or 1, SYNTAX, error.msg)]
    except (ValueError, RecursionError, MemoryError):
        return []
    return []


@cache
def _ruff_binary() -> str:
    import ruff  # type: ignore[import-untyped]

    return str(ruff.find_ruff_bin())


def _minor(version: str) -> int:
    return int(version.removeprefix("py3"))
