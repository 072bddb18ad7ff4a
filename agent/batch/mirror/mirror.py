"""`Mirror`: the directory of a run on this machine, copied from and to a URL."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from aci_tools.errors import InfrastructureError
from agent.batch.mirror.growth import SUFFIX, Growth, assemble, grown, is_part
from tasks.grading.store import UNDER_WAY
from tasks.object_store import Remote

_TRIES = 4  # beyond those of the file system's own library


class Mirror:
    """A directory whose files are copied from and to a URL. Any number of threads may use it.

    Args:
        url: Any that fsspec opens, such as ``s3://bucket/run``.
        directory: On this machine; made when something is fetched.

    Raises:
        UsageError: fsspec, or what it needs for this kind of URL, is not installed.
    """

    def __init__(self, url: str, directory: Path) -> None:
        self.directory = directory
        self.remote = Remote(url)
        self._lock = threading.Lock()
        self._same: dict[str, tuple[int, int]] = {}
        self._watched: set[str] = set()
        self._given_up = False

    def __reduce__(self) -> tuple[object, ...]:
        """What another process gets: the same URL and directory, and nothing of what was copied here."""
        return Mirror, (self.remote.url, self.directory)

    def pull(self, name: str = "") -> bool:
        """Fetch a file, or a directory with all that is in it, over what is here.

        Args:
            name: Name below the URL, with ``/``; empty for everything.

        Returns:
            Whether there is such a thing.

        Raises:
            InfrastructureError: The store failed.
        """
        there = self.sizes(name)
        self.fetch(there)
        return bool(there)

    def sizes(self, name: str = "") -> dict[str, int]:
        """What is there below a name, with the parts of what was growing, by name and size in bytes."""
        if name:
            found = {known: size for known, size in self.remote.sizes(name).items() if _below(known, name)}
            if name.endswith(SUFFIX):
                found |= self.remote.sizes(f"{name}.parts")
        else:
            found = self.remote.sizes()
        return {known: size for known, size in found.items() if not _private(known)}

    def fetch(self, names: dict[str, int]) -> None:
        """Fetch files.

        Args:
            names: Of what :meth:`sizes` gave: files, and with each all its parts.
        """
        parts = grown(names)
        simple = [known for known in names if not is_part(known) and known not in parts]
        self.remote.fetch((known, self.directory / known) for known in simple)
        for known in simple:
            self.settled(known)
        for known, those in parts.items():
            whole = self.remote.read(known) or b""
            read = {part: self.remote.read(part) or b"" for part in sorted(those)}
            place = self.directory / known
            place.parent.mkdir(parents=True, exist_ok=True)
            draft = place.with_name(f".{place.name}.new")
            draft.write_bytes(assemble(whole, read))
            draft.replace(place)  # not noted as the same: it is to become one object again

    def push(self, name: str = "") -> None:
        """Copy a file, or what changed in a directory, to the URL; what is watched now is left to the watch.

        Args:
            name: Name below the directory, with ``/``; empty for everything.

        Raises:
            InfrastructureError: The store failed, several times.
        """
        for known, state in self._local(name):
            if not self._is_watched(known):
                self._send(known, state)

    @contextlib.contextmanager
    def watch(self, name: str, every: float = 5.0) -> Iterator[None]:
        """Copy a file or a directory while it changes within a ``with`` block, and whole at the end of it.

        Of lines that are appended to a ``.jsonl`` file only the new ones are sent. A store that fails in between is
        tried again, at the end several times; what still could not be copied then is left to :meth:`close`. A machine
        that dies loses no more than what was written since the last copy.

        Args:
            name: Name below the directory, with ``/``; it need not be there yet.
            every: Seconds between two copies.
        """
        over = threading.Event()
        growths: dict[str, Growth] = {}

        def copy() -> None:
            while not over.wait(every):
                with contextlib.suppress(InfrastructureError, OSError):  # the next copy may come through
                    self._copy_changes(name, growths)

        with self._lock:
            self._watched.add(name)
        thread = threading.Thread(target=copy, name=f"mirror {name}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            with self._lock:
                self._watched.discard(name)
            with contextlib.suppress(InfrastructureError):
                for known, state in self._local(name):
                    self._send(known, state, growths.get(known))

    def settled(self, name: str) -> None:
        """Say that a file here is as it is at the URL."""
        self._same[name] = _state((self.directory / name).stat())

    def give_up(self) -> None:
        """Copy nothing to the URL any more: it belongs to another process."""
        self._given_up = True

    def close(self) -> None:
        """Copy whatever was not copied yet.

        Raises:
            InfrastructureError: The store failed, several times.
        """
        self.push()

    def _copy_changes(self, name: str, growths: dict[str, Growth]) -> None:
        for known, state in self._local(name):
            if self._given_up:
                return
            if known.endswith(SUFFIX):
                growth = growths.setdefault(known, Growth(self.remote, known, self.directory / known))
                growth.send()
            else:
                self._send(known, state, tries=1)

    def _send(self, name: str, state: tuple[int, int], growth: Growth | None = None, tries: int = _TRIES) -> None:
        """Copy a file unless the same was copied already."""
        from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

        if self._given_up or self._same.get(name) == state:
            return
        place = self.directory / name
        retrying = Retrying(
            retry=retry_if_exception_type(InfrastructureError),
            stop=stop_after_attempt(tries),
            wait=wait_exponential(max=10),
            reraise=True,
        )
        try:
            if name.endswith(SUFFIX):
                retrying((growth or Growth(self.remote, name, place)).settle)
            else:
                retrying(self.remote.put, name, place)
        except (InfrastructureError, OSError):
            if place.exists():
                raise
            return  # it is gone since it was listed
        self._same[name] = state

    def _local(self, name: str) -> list[tuple[str, tuple[int, int]]]:
        """The files below a name that are here, with their states."""
        top = self.directory / name
        found = []
        for place in sorted(top.rglob("*")) if top.is_dir() else [top]:
            known = place.relative_to(self.directory).as_posix()
            with contextlib.suppress(FileNotFoundError):
                if not _private(known) and place.is_file() and not place.is_symlink():
                    found.append((known, _state(place.stat())))
        return found

    def _is_watched(self, name: str) -> bool:
        with self._lock:
            return any(_below(name, watched) for watched in self._watched)


def _below(name: str, top: str) -> bool:
    return name == top or name.startswith(f"{top}/")


def _private(name: str) -> bool:
    """Whether a name is that of a lock, a claim, a draft or a verdict being found, which belong to one side only."""
    last = name.rpartition("/")[2]
    if name.startswith(".") or last == ".lock" or (last.startswith(".") and last.endswith(".new")):
        return True
    return name.startswith(f"verdicts/{UNDER_WAY}")


def _state(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
