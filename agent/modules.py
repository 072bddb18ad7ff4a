"""Python files as the modules that they are."""

from __future__ import annotations

from pathlib import PurePosixPath


def module_of(path: str) -> str:
    """The dotted name of a Python file of the repository.

    Args:
        path: Relative to the repository.
    """
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[0] == "src" and len(parts) > 1:
        del parts[0]
    if parts[-1] == "__init__" and len(parts) > 1:
        del parts[-1]
    return ".".join(parts)
