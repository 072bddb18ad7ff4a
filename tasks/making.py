"""Making a directory whole or not at all."""

from __future__ import annotations

import contextlib
import glob
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from aci_tools.sandbox.owner import as_owner


@contextlib.contextmanager
def scratch_for(place: Path) -> Iterator[Path]:
    """A temporary directory on the file system of what is made in it, for who holds the lock of that.

    What a process that was killed while it made the same left there is removed.

    Args:
        place: What is made.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    prefix = f".making-{place.name}-"
    for left in place.parent.glob(f"{glob.escape(prefix)}{'?' * 8}"):  # as tempfile names them
        with contextlib.suppress(subprocess.CalledProcessError):
            as_owner("rm", "-rf", "--", str(left))
    with tempfile.TemporaryDirectory(prefix=prefix, dir=place.parent, ignore_cleanup_errors=True) as name:
        yield Path(name)
