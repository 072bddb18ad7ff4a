"""Which Python a repository targets, from its own configuration."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from typing import Any

#: Taken where a repository says nothing.
DEFAULT = "py39"
_OLDEST, _NEWEST = 7, 15
_BOUND = re.compile(r"(>=|~=|==|>|\^)\s*v?(\d+)(?:\.(\d+))?")


def target_version(read: Callable[[str], bytes | None]) -> str:
    """ruff's name (``py311``) of the oldest Python that a repository supports.

    Args:
        read: Gives the bytes of a file at the repository's root, ``None`` when there is none.
    """
    project = _toml(read("pyproject.toml"))
    ruff = _toml(read("ruff.toml")) or _toml(read(".ruff.toml")) or _at(project, "tool", "ruff")
    name = _at(ruff, "target-version")
    if isinstance(name, str) and re.fullmatch(r"py3\d+", name):
        return _clamp(int(name[3:]))
    poetry = _at(project, "tool", "poetry", "dependencies", "python")
    for wanted in (_at(project, "project", "requires-python"), poetry):
        if isinstance(wanted, str) and (found := _lowest(wanted)):
            return found
    for path in ("setup.cfg", "setup.py"):
        text = (read(path) or b"").decode("utf-8", "replace")
        declared = re.search(r"python_requires\s*=\s*['\"]?([^'\"\n]+)", text)
        if declared and (found := _lowest(declared[1])):
            return found
    pinned = re.match(r"\s*3\.(\d+)", (read(".python-version") or b"").decode("utf-8", "replace"))
    return _clamp(int(pinned[1])) if pinned else DEFAULT


def _lowest(specifier: str) -> str | None:
    for _, major, minor in _BOUND.findall(specifier):
        if major == "2":
            return _clamp(_OLDEST)
        if major == "3":
            return _clamp(int(minor or 0))
    return None


def _clamp(minor: int) -> str:
    return f"py3{min(max(minor, _OLDEST), _NEWEST)}"


def _toml(data: bytes | None) -> dict[str, Any]:
    try:
        return tomllib.loads((data or b"").decode("utf-8"))
    except ValueError:
        return {}


def _at(table: Any, *keys: str) -> Any:
    for key in keys:
        table = table.get(key) if isinstance(table, dict) else None
    return table
