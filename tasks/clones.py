"""Clones of remote repositories that are kept: fetched once, and then only what is new."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from tasks.git import Git, commit_of
from tasks.locks import locked
from tasks.remote import clone_directory, complete, fetch

__all__ = ["fetch_into"]

_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def fetch_into(cache: Path, url: str, base: str | None) -> tuple[Path, str]:
    """Bring the clone of a repository to where it has a revision. Safe from several threads and processes.

    A commit that is named by its whole id and is there already takes no network. Clones are bare and partial: they have
    all of the history, but of large files only the versions that were asked for.

    Args:
        cache: Directory of the clones.
        url: A clone URL.
        base: The revision; ``None`` for the remote's default branch.

    Returns:
        The clone's directory, which nobody but this function writes to, and the id of the commit.

    Raises:
        UsageError: There is no such repository or revision.
        InfrastructureError: It could not be reached, or refused access.
    """
    clone = clone_directory(cache, url)
    cache.mkdir(parents=True, exist_ok=True, mode=0o700)
    with locked(cache, clone.name):
        if base and _COMMIT.fullmatch(base) and clone.is_dir() and commit_of(Git(clone), base) == base:
            complete(url, base, clone)
            return clone, base
        new = not clone.is_dir()
        try:
            return clone, fetch(url, base, clone, partial=True)
        except BaseException:
            if new:
                shutil.rmtree(clone, ignore_errors=True)
            raise
