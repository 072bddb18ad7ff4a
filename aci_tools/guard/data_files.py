"""Faults of JSON, YAML and TOML files, by the parsers that are there anyway."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Sequence
from pathlib import PurePosixPath

from aci_tools.guard.diagnostics import Change, Diagnostic
from aci_tools.text import Document

#: Larger files are not parsed, in characters.
_LARGEST = 1 << 20
# By convention these hold comments, although they are called .json.
_WITH_COMMENTS = re.compile(r"(^|/)(tsconfig|jsconfig|\.eslintrc|\.babelrc|devcontainer)[^/]*\.json$|(^|/)\.vscode/")


class DataChecker:
    """Judges files of data. A parser stops at the first fault, so a file that was broken before is not judged."""

    def check(self, path: str, document: Document) -> list[Diagnostic]:
        """The first fault of a file."""
        text = document.source()
        if len(text) > _LARGEST or not text.strip():
            return []
        found = _PARSERS[PurePosixPath(path).suffix.lower()](path, text)
        return [found] if found else []

    def introduced(
        self, known: Sequence[Diagnostic], found: Sequence[Diagnostic], before: Document, change: Change
    ) -> list[Diagnostic]:
        """The fault, if there was none before."""
        return [] if known else list(found)


def _json(path: str, text: str) -> Diagnostic | None:
    if _WITH_COMMENTS.search(path):
        return None
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return Diagnostic(error.lineno, error.colno, "invalid-json", error.msg)
    except (RecursionError, ValueError):  # deeper, or a number longer, than this reader takes
        return None
    return None


def _toml(path: str, text: str) -> Diagnostic | None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", str(error))
        message = str(error)[: place.start()] if place else str(error)
        line, column = (int(place[1]), int(place[2])) if place and place[1] else (text.rstrip("\n").count("\n") + 1, 1)
        return Diagnostic(line, column, "invalid-toml", message)
    except (RecursionError, ValueError):
        return None
    return None


def _yaml(path: str, text: str) -> Diagnostic | None:
    import yaml

    if "{{" in text or "{%" in text:  # a template that only becomes YAML
        return None
    try:
        # Composed, not constructed: tags of the project's own are no fault.
        for _ in yaml.compose_all(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            pass
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        return Diagnostic(line, column, "invalid-yaml", error.problem or "not valid YAML")
    except yaml.YAMLError as error:
        return Diagnostic(1, 1, "invalid-yaml", str(error).splitlines()[0])
    except RecursionError:
        return None
    return None


_PARSERS = {".json": _json, ".toml": _toml, ".yaml": _yaml, ".yml": _yaml}
#: Suffixes of files that :class:`DataChecker` can judge.
SUFFIXES = frozenset(_PARSERS)
