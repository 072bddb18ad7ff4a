"""The guard: looks at an edit before it lands and names the faults that it would introduce. It rewrites nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Protocol

from aci_tools.guard.data_files import SUFFIXES, DataChecker
from aci_tools.guard.diagnostics import Change, Diagnostic
from aci_tools.guard.python import PythonChecker
from aci_tools.guard.target_version import DEFAULT, target_version
from aci_tools.guard.trees import TreeChecker
from aci_tools.sandbox.base import Sandbox
from aci_tools.syntax import language_of
from aci_tools.text import Document, is_binary

__all__ = ["Diagnostic", "Guard"]

_REMEMBERED = 64


class Checker(Protocol):
    """Finds the faults of files of one kind."""

    def check(self, path: str, document: Document) -> list[Diagnostic]:
        """Every fault of a file."""

    def introduced(
        self, known: Sequence[Diagnostic], found: Sequence[Diagnostic], before: Document, change: Change
    ) -> list[Diagnostic]:
        """Those of ``found`` (after an edit) that were not there before it (``known``)."""


class Guard:
    """Judges edits of one repository.

    Args:
        python_version: ruff's name of the oldest Python that the repository supports, such as ``py39``.
    """

    def __init__(self, python_version: str = DEFAULT) -> None:
        self._python = PythonChecker(python_version)
        self._data = DataChecker()
        self._trees = TreeChecker()
        self._found: OrderedDict[tuple[str, bytes], list[Diagnostic]] = OrderedDict()

    @classmethod
    def for_sandbox(cls, sandbox: Sandbox) -> Guard:
        """A guard that knows the Python version which the repository in a sandbox asks for."""

        def read(path: str) -> bytes | None:
            try:
                return sandbox.read(f"{sandbox.workdir}/{path}")
            except OSError:
                return None

        return cls(target_version(read))

    def refuse(self, path: str, before: bytes | None, after: bytes) -> list[Diagnostic]:
        """The faults that an edit introduces.

        Args:
            path: The file, relative to the repository; its name tells the language.
            before: Its bytes now; ``None`` when the edit creates it.
            after: Its bytes as they would be.

        Returns:
            The faults in order of lines; empty when the edit may land.
        """
        checker = self._checker(path)
        if checker is None or is_binary(after):
            return []
        new = Document.parse(after)
        found = self._check(checker, path, after, new)
        if not found or before is None:
            return found
        old = Document.parse(before)
        known = self._check(checker, path, before, old)
        fresh = checker.introduced(known, found, old, Change(old.lines, new.lines))
        return sorted(fresh, key=lambda d: (d.line, d.column))

    def _checker(self, path: str) -> Checker | None:
        suffix = PurePosixPath(path).suffix.lower()
        if suffix in (".py", ".pyi"):
            return self._python
        if suffix in SUFFIXES:
            return self._data
        return self._trees if language_of(path) else None

    def _check(self, checker: Checker, path: str, data: bytes, document: Document) -> list[Diagnostic]:
        """What a checker finds, remembered: the file after one edit is the file before the next."""
        key = (path, hashlib.blake2b(data, digest_size=16).digest())
        if key not in self._found:
            # What is missing at the end of a file is reported behind its last line.
            end = max(len(document), 1)
            self._found[key] = [replace(d, line=min(d.line, end)) for d in checker.check(path, document)]
            if len(self._found) > _REMEMBERED:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        return self._found[key]
