"""When each image and directory was last used, and which are in use now by a living process."""

from __future__ import annotations

import contextlib
import json
import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from aci_tools.sandbox.owner import Owner, this_process
from tasks.locks import locked

#: How the name of a file ends that is being written, and seconds after which nobody writes it any more.
_DRAFT, _LONG = ".draft", 600.0


class Ledger:
    """What is known of the use of things, by name. Safe to share between threads; processes share the directory.

    Args:
        directory: Where it is kept.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._used = directory / "used.json"
        self._leases = directory / "leases"
        self._lease = self._leases / f"{uuid.uuid4().hex}.json"
        self._held: Counter[str] = Counter()
        self._expected: list[str] = []
        self._swept = False
        self._guard = threading.Lock()

    def use(self, names: Iterable[str]) -> None:
        """Take things into use: until `release`, or the end of this process."""
        names = list(names)
        with self._guard:
            self._held.update(names)
            self._write_lease()
        with locked(self._directory, "used"):
            _write(self._used, {**_read(self._used), **dict.fromkeys(names, time.time())})

    def release(self, names: Iterable[str]) -> None:
        """Say that things are not needed any more, once for each `use`."""
        with self._guard:
            self._held.subtract(names)
            self._held = +self._held
            self._write_lease()

    @contextmanager
    def using(self, *names: str) -> Iterator[None]:
        """Have things in use for the length of a ``with`` block."""
        self.use(names)
        try:
            yield
        finally:
            self.release(names)

    def expect(self, names: Iterable[str]) -> None:
        """Say what this process will use, what it needs first before what it needs later; all else is taken back."""
        with self._guard:
            self._expected = list(dict.fromkeys(names))
            self._write_lease()

    def expected(self) -> dict[str, int]:
        """When living processes will use things: 0 next, larger numbers later."""
        found: dict[str, int] = {}
        for lease in self._living():
            names = lease.get("next")
            for place, name in enumerate(names if isinstance(names, list) else ()):
                found[name] = min(place, found.get(name, place))
        return found

    def forget(self, names: Iterable[str]) -> None:
        """Drop what is known of things that are no more."""
        gone = set(names)
        with locked(self._directory, "used"):
            _write(self._used, {name: when for name, when in _read(self._used).items() if name not in gone})

    def last_used(self) -> dict[str, float]:
        """When each thing was last taken into use, as epoch seconds."""
        return {name: when for name, when in _read(self._used).items() if isinstance(when, float)}

    def in_use(self) -> set[str]:
        """The things that living processes have in use."""
        found: set[str] = set()
        for lease in self._living():
            names = lease.get("names")
            found.update(names if isinstance(names, list) else ())
        return found

    def _living(self) -> Iterator[dict[str, object]]:
        for path in self._leases.glob("*.json"):
            lease = _read(path)
            owner = Owner.parse(str(lease.get("owner", "")))
            if owner is not None and owner.dead:
                path.unlink(missing_ok=True)
            else:
                yield lease

    def _sweep(self) -> None:
        """Remove what killed processes left: their leases, and what they were writing."""
        for _ in self._living():
            pass
        for place in (self._directory, self._leases):
            for draft in place.glob(f".*{_DRAFT}"):
                with contextlib.suppress(OSError):
                    if time.time() - draft.stat().st_mtime > _LONG:
                        draft.unlink(missing_ok=True)

    def _write_lease(self) -> None:
        if not self._swept:
            self._swept = True
            self._sweep()
        if self._held or self._expected:
            facts = {"owner": str(this_process()), "names": sorted(self._held), "next": self._expected}
            _write(self._lease, facts)
        else:
            self._lease.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, object]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(path: Path, content: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}{_DRAFT}")
    draft.write_text(json.dumps(content))
    draft.replace(path)
