"""The working directory of a URL, and which side is right when a run is taken up again."""

from __future__ import annotations

import shutil
from hashlib import sha256
from pathlib import Path

from agent.batch.mirror.growth import SUFFIX, grown, is_part, length
from agent.batch.mirror.mirror import Mirror

#: Id of the claim under which a working directory was last used.
_CLAIM = ".claim"


def working_directory(url: str) -> Path:
    """Where the files of a URL are worked on, in the user's cache; it may be removed when no run uses it."""
    from platformdirs import user_cache_path

    name = url.rstrip("/")
    return user_cache_path("patchwright") / "outputs" / f"{Path(name).name}-{sha256(name.encode()).hexdigest()[:12]}"


def take_up(mirror: Mirror, claim: str, before: str) -> None:
    """Have in the working directory what is at the URL, and at the URL what only the working directory has.

    The URL is the state of the run, but a process that was killed may not have copied its last seconds there. So if the
    last claim was that of this directory, the longer one of two versions of a ``.jsonl`` file and the younger one of
    two versions of another counts. If somebody else had the URL since, the directory is cleared first.

    Args:
        mirror: The working directory and the URL.
        claim: Id of the claim that is held now.
        before: Id of the one before it; empty for none.

    Raises:
        InfrastructureError: The store failed.
    """
    marker = mirror.directory / _CLAIM
    ours = marker.exists() and marker.read_text() == before
    if not ours:
        _clear(mirror.directory)
    there = mirror.sizes()
    parts = grown(there)
    wanted: dict[str, int] = {}
    for name in {known for known in there if not is_part(known)} | set(parts):
        those = {part: there[part] for part in parts.get(name, ())}
        ahead = _ahead(mirror, name, length(there.get(name, 0), those))
        if ahead > 0:
            wanted |= those | ({name: there[name]} if name in there else {})
        elif ahead == 0 and not those:
            mirror.settled(name)
    mirror.fetch(wanted)
    marker.write_text(claim)
    mirror.push()


def _ahead(mirror: Mirror, name: str, size: int) -> float:
    """How much the URL's version of a file is ahead of that of the working directory, in bytes or seconds."""
    try:
        here = (mirror.directory / name).stat()
    except FileNotFoundError:
        return 1
    return size - here.st_size if name.endswith(SUFFIX) else mirror.remote.modified(name) - here.st_mtime


def _clear(directory: Path) -> None:
    """Empty a directory but for the lock of the process that works in it."""
    for entry in directory.iterdir():
        if entry.name != ".lock":
            shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
