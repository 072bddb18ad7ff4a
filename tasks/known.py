"""Facts that are found out once on this machine and hold wherever they were found: JSON, by what they depend on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tasks.locks import locked

_MOST = 2000  # facts; the oldest go first


class Known:
    """A directory of facts. Threads and processes may share it.

    Args:
        directory: Made when something is written.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def read(self, what: Mapping[str, Any]) -> dict[str, Any] | None:
        """A fact; ``None`` where it is not known.

        Args:
            what: Everything that it depends on, as JSON has it.
        """
        try:
            found = json.loads(self._file(what).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def once(self, what: Mapping[str, Any], find: Callable[[], dict[str, Any] | None]) -> dict[str, Any] | None:
        """A fact, found out if it is not known; whoever asks for it meanwhile waits.

        Args:
            what: Everything that it depends on, as JSON has it.
            find: Finds it out; ``None``: nothing that others could rely on.
        """
        if (known := self.read(what)) is not None:
            return known
        with locked(self._directory, self._file(what).stem):
            known = self.read(what)
            if known is None and (known := find()) is not None:
                self._write(self._file(what), known)
        return known

    def _file(self, what: Mapping[str, Any]) -> Path:
        text = json.dumps(what, sort_keys=True).encode("utf-8", "surrogatepass")
        return self._directory / f"{hashlib.sha256(text).hexdigest()[:32]}.json"

    def _write(self, file: Path, fact: dict[str, Any]) -> None:
        descriptor, draft = tempfile.mkstemp(prefix=".", dir=self._directory)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(fact, out)
        os.replace(draft, file)
        files = [(path.stat().st_mtime, path) for path in self._directory.glob("*.json")]
        for _, path in sorted(files)[:-_MOST]:
            with contextlib.suppress(OSError):
                path.unlink()
                (self._directory / "locks" / path.stem).unlink()
