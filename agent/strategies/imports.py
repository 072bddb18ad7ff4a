"""Which Python files of a repository import which: so far as can be told without running them."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath

from aci_tools.session import Session
from aci_tools.testing.detect import look

# Prints what every Python file imports, as dotted names; relative ones with their dots in front.
_SCRIPT = """
import ast, json, subprocess, sys
listed = subprocess.check_output(["git", "ls-files", "-z", "-co", "--exclude-standard", "--", "*.py"])
found = {}
for name in sorted(set(listed.decode("utf-8", "surrogateescape").split("\\0")) - {""}):
    names = set()
    try:
        with open(name, "rb") as file:
            tree = ast.parse(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
        tree = ast.Module(body=[])
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = "." * node.level + (node.module or "")
            names.add(start)
            names.update(start.rstrip(".") and start + "." + alias.name or start + alias.name for alias in node.names)
    found[name] = sorted(names)
print(json.dumps(found))
"""


class Imports:
    """The imports of a repository's Python files.

    Args:
        named: What each file imports, as dotted names, by its path.
    """

    def __init__(self, named: Mapping[str, Iterable[str]]) -> None:
        self._of: dict[str, set[str]] = {}
        places: dict[str, str] = {}
        for path in sorted(named, key=len, reverse=True):
            for name in _names(path, named):
                places[name] = path
        for path, names in named.items():
            found = {places.get(name) for name in _absolute(path, names, named)}
            self._of[path] = {place for place in found if place is not None} - {path}

    @classmethod
    def of(cls, session: Session) -> Imports:
        """Those of the files as they are; none where there is no Python."""
        python = look(session).python
        # Parsing warns of what stands in the files, such as an unknown escape.
        command = f"{python} -B -W ignore -c {shlex.quote(_SCRIPT)} 2>/dev/null"
        done = session.sandbox.run(command, cwd=session.root, timeout=120.0, output_limit=64 << 20) if python else None
        return cls(json.loads(done.text.strip().rpartition("\n")[2]) if done is not None and done.ok else {})

    @property
    def files(self) -> list[str]:
        """Every Python file."""
        return list(self._of)

    def distances(self, targets: Iterable[str]) -> dict[str, int]:
        """From which files some others are reached, and by how many imports at least; the others themselves by none.

        A test file also depends on the ``conftest.py`` files of the directories that it is in.

        Args:
            targets: Paths of the others.
        """
        users: dict[str, set[str]] = {}
        for path in self._of:
            for used in self._of[path] | _conftests(path, self._of):
                users.setdefault(used, set()).add(path)
        found = {target: 0 for target in targets if target in self._of}
        border = list(found)
        while border:
            border = [user for path in border for user in users.get(path, ()) if _nearer(found, user, found[path] + 1)]
        return found


def _nearer(found: dict[str, int], path: str, distance: int) -> bool:
    if path in found:
        return False
    found[path] = distance
    return True


def _names(path: str, files: Mapping[str, object]) -> set[str]:
    """The dotted names under which a file may be imported: from the root, from ``src``, from where its package is."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    top = len(PurePosixPath(path).parts) - 1
    while top > 0 and "/".join([*parts[:top], "__init__.py"]) in files:
        top -= 1
    starts = {0, top} | ({1} if parts[:1] == ["src"] else set())
    return {".".join(parts[start:]) for start in starts} - {""}


def _absolute(path: str, names: Iterable[str], files: Mapping[str, object]) -> set[str]:
    """Dotted names without leading dots, and the packages that they are in."""
    folder = list(PurePosixPath(path).parts[:-1])
    found = set()
    for name in names:
        bare = name.lstrip(".")
        level = len(name) - len(bare)
        whole = [*folder[: len(folder) - level + 1], *bare.split(".")] if level else bare.split(".")
        parts = [part for part in whole if part]
        found |= {".".join(parts[:end]) for end in range(1, len(parts) + 1)}
    return found


def _conftests(path: str, files: Mapping[str, object]) -> set[str]:
    folders = [str(folder) for folder in PurePosixPath(path).parents]
    return {name for folder in folders if (name := f"{folder}/conftest.py".removeprefix("./")) in files} - {path}
