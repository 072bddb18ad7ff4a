"""The files of a commit as data: read out of git's objects, so that no link leads out of the repository."""

from __future__ import annotations

import fnmatch
import json
import tomllib
from functools import cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from tasks.git import Git

_REGULAR = ("100644", "100755")
_LARGEST = 1 << 20  # bytes; no file that says how to build a project is larger
_DEEPEST = 3  # directories above a file that speaks for the whole repository
_NODES = 20_000  # of a YAML document, since aliases let a short one stand for an endless one


class Tree:
    """The regular files of a commit. Nothing of it is executed; what cannot be read counts as empty.

    Args:
        repository: A git repository.
        commit: A revision of it.
    """

    def __init__(self, repository: Path, commit: str = "HEAD") -> None:
        self._git = Git(repository)
        self._commit = commit
        self._texts: dict[str, str] = {}

    @cached_property
    def _objects(self) -> dict[str, str]:
        """The object ids of the files, by path."""
        found = {}
        for entry in self._git.paths("ls-tree", "-r", "-z", "--full-tree", self._commit):
            facts, _, path = entry.partition("\t")
            mode, _, identity = facts.split()
            if mode in _REGULAR:
                found[path] = identity
        return found

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All files, sorted."""
        return tuple(sorted(self._objects))

    def __contains__(self, path: object) -> bool:
        return path in self._objects

    def matching(self, *patterns: str) -> list[str]:
        """The files whose path, or whose name where the pattern has no slash, matches one of the patterns."""
        return [path for path in self.paths if any(_matches(path, pattern) for pattern in patterns)]

    def near_the_top(self, *patterns: str) -> list[str]:
        """Those that match and lie at the top or in a directory near it."""
        return [path for path in self.matching(*patterns) if path.count("/") < _DEEPEST]

    def has(self, *patterns: str) -> bool:
        """Whether a file matches."""
        return bool(self.matching(*patterns))

    def text(self, path: str) -> str:
        """The text of a file; empty where there is none, or none of a sensible size."""
        if path not in self._texts:
            self._texts[path] = self._read(path)
        return self._texts[path]

    def toml(self, path: str) -> dict[str, Any]:
        """A TOML file; empty where it is none."""
        try:
            return tomllib.loads(self.text(path))
        except (ValueError, RecursionError):
            return {}

    def json(self, path: str) -> dict[str, Any]:
        """A JSON file with an object; empty where it is none. Comments on lines of their own are allowed."""
        lines = [line for line in self.text(path).splitlines() if not line.lstrip().startswith("//")]
        try:
            read = json.loads("\n".join(lines))
        except (ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) else {}

    def yaml(self, path: str) -> dict[str, Any]:
        """A YAML file with a mapping; empty where it is none, or an endless one."""
        try:
            read = yaml.safe_load(self.text(path))
        except (yaml.YAMLError, ValueError, RecursionError):
            return {}
        return read if isinstance(read, dict) and _is_small(read) else {}

    def digest(self, *patterns: str) -> str:
        """SHA-256 of the files that match, names included."""
        named = "".join(f"{self._objects[path]} {path}\0" for path in self.matching(*patterns))
        return sha256(named.encode("utf-8", "surrogateescape")).hexdigest()

    def _read(self, path: str) -> str:
        identity = self._objects.get(path)
        if identity is None or int(self._git.line("cat-file", "-s", identity)) > _LARGEST:
            return ""
        return self._git.output("cat-file", "blob", identity).decode("utf-8", "replace")


def _matches(path: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(path if "/" in pattern else PurePosixPath(path).name, pattern) or pattern == "**"


def _is_small(document: object) -> bool:
    waiting, seen = [document], 0
    while waiting:
        node = waiting.pop()
        seen += 1
        if seen > _NODES:
            return False
        waiting += node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return True
