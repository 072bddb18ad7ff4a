"""Files at a URL of any kind that fsspec knows: S3 and its relatives, other object stores, a mounted path."""

from __future__ import annotations

import contextlib
import os
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError

_URL = re.compile(r"[a-z][a-z0-9+.-]+:(:|//)", re.IGNORECASE)
#: Files that are fetched side by side, where the kind of file system can.
_SIDE_BY_SIDE = 64


def is_url(place: str) -> bool:
    """Whether the name of a place is a URL and not a path."""
    return _URL.match(place) is not None


class Remote:
    """The files below a URL, by their names below it. Any number of threads may use it.

    A file is written whole or not at all where the store can: object stores do it so, and local paths are treated so.

    Args:
        url: Such as ``s3://bucket/run``; credentials are found as the kind of file system finds them.

    Raises:
        UsageError: fsspec, or what it needs for this kind of URL, is not installed.
    """

    def __init__(self, url: str) -> None:
        try:
            from fsspec.core import url_to_fs
            from fsspec.implementations.local import LocalFileSystem
        except ImportError:
            raise UsageError(f"{url}: URLs need fsspec: pip install 'patchwright[remote]'") from None
        try:
            self._fs, root = url_to_fs(url)
        except (ImportError, ValueError) as error:
            raise UsageError(f"{url} cannot be opened: {error}") from None
        self.url = url
        self._root = str(root).rstrip("/")
        self._local = isinstance(self._fs, LocalFileSystem)

    def sizes(self, below: str = "") -> dict[str, int]:
        """All files below a name, or that file, with their sizes in bytes."""
        with self._errors():
            self._fs.invalidate_cache()
            try:
                found: dict[str, Any] = self._fs.find(self._path(below), detail=True)
            except FileNotFoundError:
                return {}
        # What is made meanwhile may be listed as the directory that was asked for.
        return {
            self._name(path): int(facts.get("size") or 0)
            for path, facts in found.items()
            if facts.get("type") != "directory" and self._name(path)
        }

    def modified(self, name: str) -> float:
        """When a file was written, in epoch seconds by the store's clock."""
        with self._errors():
            return float(self._fs.modified(self._path(name)).timestamp())

    def read(self, name: str) -> bytes | None:
        """The content of a file; ``None`` if there is none."""
        with self._errors():
            try:
                data: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return data

    def write(self, name: str, data: bytes) -> None:
        """Write a file, in place of what is there."""
        path = self._path(name)
        with self._errors():
            if self._local:
                with self._drafted(path, data) as draft:
                    os.replace(draft, path)
                return
            try:
                self._fs.pipe_file(path, data)
            except FileNotFoundError:
                self._make_parents(path)
                self._fs.pipe_file(path, data)

    def create(self, name: str, data: bytes) -> bool:
        """Write a file unless there is one; whether it was written.

        Of several that try at a time one succeeds on local paths, in memory, and in stores with conditional writes
        whose fsspec package uses them (S3, Google Cloud Storage, Azure). Elsewhere two may, if they try at the same
        moment.
        """
        path = self._path(name)
        with self._errors():
            try:
                if self._local:
                    with self._drafted(path, data) as draft:
                        os.link(draft, path)
                    return True
                try:
                    self._fs.pipe_file(path, data, mode="create")
                except FileExistsError:
                    raise
                except FileNotFoundError:
                    self._make_parents(path)
                    self._fs.pipe_file(path, data, mode="create")
            except FileExistsError:
                return False
        return True

    def fetch(self, files: Iterable[tuple[str, Path]]) -> None:
        """Copy files to this machine. Each is there whole or not at all.

        Args:
            files: Names and where to put them.
        """
        wanted = list(files)
        for start in range(0, len(wanted), _SIDE_BY_SIDE):
            batch = wanted[start : start + _SIDE_BY_SIDE]
            drafts = [place.with_name(f".{place.name}.new") for _, place in batch]
            for _, place in batch:
                place.parent.mkdir(parents=True, exist_ok=True)
            with self._errors():
                self._fs.get([self._path(name) for name, _ in batch], [str(draft) for draft in drafts])
            for draft, (_, place) in zip(drafts, batch, strict=True):
                draft.replace(place)

    def put(self, name: str, place: Path) -> None:
        """Copy a file of this machine, which may be large, in place of what is there."""
        if self._local:
            self.write(name, place.read_bytes())
            return
        path = self._path(name)
        with self._errors():
            try:
                self._fs.put_file(str(place), path)
            except FileNotFoundError:
                self._make_parents(path)
                self._fs.put_file(str(place), path)

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are gone already do not matter."""
        with self._errors():
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    self._fs.rm_file(self._path(name))

    def _path(self, name: str) -> str:
        return f"{self._root}/{name}" if name else self._root

    def _name(self, path: str) -> str:
        return path.removeprefix(self._root).lstrip("/")

    def _make_parents(self, path: str) -> None:
        """Make directories where there are such things; never the first, which may be somebody's bucket."""
        parts = path.split("/")
        first = next(number for number, part in enumerate(parts) if part)
        for number in range(first + 2, len(parts)):
            with contextlib.suppress(FileExistsError):
                self._fs.mkdir("/".join(parts[:number]), create_parents=False)

    @contextlib.contextmanager
    def _drafted(self, path: str, data: bytes) -> Iterator[Path]:
        """A file with the data beside a local path, gone at the end."""
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        draft = place.with_name(f".{place.name}.{uuid.uuid4().hex}.new")
        try:
            draft.write_bytes(data)
            yield draft
        finally:
            draft.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Every kind of file system fails with exceptions of its own library."""
        try:
            yield
        except Exception as error:
            said = (str(error).strip().splitlines() or [""])[0]
            raise InfrastructureError(f"{self.url} failed: {type(error).__name__} {said}".rstrip()) from error
