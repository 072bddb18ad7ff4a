"""The part of a repository's history that the tasks of one repository have in common, as a layer of its own.

Tasks of one repository have base commits that lie close together in a long history. What lies before a milestone, every
two thousandth commit of the main line, is the same for all tasks that come after it and is part of each one's own past:
so it can be shared without showing anyone something younger than its base commit.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from tasks.git import Git

_EVERY = 2000  # commits


def milestone(repository: Path, commit: str) -> str | None:
    """The latest milestone before a commit, if there is one.

    Args:
        repository: A repository that has the commit.
        commit: Its id.
    """
    git = Git(repository)
    if git.line("rev-parse", "--is-shallow-repository") == "true":
        return None
    older = int(git.line("rev-list", "--first-parent", "--count", commit)) - 1
    skipped = older % _EVERY or _EVERY
    if skipped >= older:
        return None
    return git.line("rev-list", "--first-parent", f"--skip={skipped}", "--max-count=1", commit)


def keep_objects_only(checkout: Path) -> None:
    """Leave of a repository nothing but its packed objects."""
    for path in checkout.iterdir():
        if path.name != ".git":
            _remove(path)
    for path in (checkout / ".git").iterdir():
        if path.name != "objects":
            _remove(path)


def drop_objects_of(checkout: Path, commit: str) -> None:
    """Take the objects that a commit reaches out of a repository, for a place where another pack has them."""
    git = Git(checkout)
    packs = checkout / ".git/objects/pack"
    old = list(packs.iterdir())
    wanted = f"HEAD\n^{commit}\n".encode()
    git.output("pack-objects", "--quiet", "--revs", "--delta-base-offset", str(packs / "pack"), stdin=wanted)
    for path in old:
        path.unlink()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
