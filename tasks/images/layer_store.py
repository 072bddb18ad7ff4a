"""Images at a URL of any kind that fsspec knows, where there is no registry: each layer once, whatever shares it.

======================================  ===========================================================================
``layers/sha256/DIGEST.tar.gz``         a layer; the digest is that of what is in it, which images know it by
``images/REPOSITORY/VERSION.json``      an image: its configuration and its layers. Written last: so they are there
======================================  ===========================================================================

Two machines that send the same layer at a time write the same content. The engine checks each layer that it has not got
against its digest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.base import MIB
from aci_tools.sandbox.engine import engine_errors
from tasks.object_store import Remote

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")
#: Layers hold much that is compressed already; more effort gains little.
_EFFORT = 1


class LayerStore:
    """The images at a URL.

    Args:
        url: Such as ``s3://bucket/images``.

    Raises:
        UsageError: fsspec, or what it needs for this kind of URL, is not installed.
    """

    def __init__(self, url: str) -> None:
        self.place = url
        self._remote = Remote(url)

    def fetch(self, client: Any, tag: str) -> bool:
        """See :class:`~tasks.images.depots.Depot`."""
        data = self._remote.read(_image(tag))
        if data is None:
            return False
        try:
            known = json.loads(data)
            config, layers = str(known["config"]), [_hex(layer) for layer in known["layers"]]
            below = str(known["below"])
        except (ValueError, KeyError, TypeError):
            raise InfrastructureError(f"{self.place}/{_image(tag)} does not describe an image") from None
        with tempfile.TemporaryDirectory(prefix="patchwright-image-") as scratch, engine_errors():
            here = _layers(client, below)
            if below and not here and self.fetch(client, below):
                here = _layers(client, below)
            shared = len(here) if layers[: len(here)] == here else 0
            files = {layer: Path(scratch) / layer for layer in layers[shared:]}
            self._remote.fetch((_layer(layer), place) for layer, place in files.items())
            with tempfile.TemporaryFile(dir=scratch) as archive:
                _pack(archive, tag, config, layers, files)
                archive.seek(0)
                client.images.load(archive)
        return True

    def send(self, client: Any, tag: str, name: str) -> None:
        """See :class:`~tasks.images.depots.Depot`."""
        if self._remote.sizes(_image(name)):
            return
        with engine_errors():
            image = client.images.get(tag)
            layers = [_hex(layer) for layer in image.attrs["RootFS"]["Layers"]]
            missing = {layer for layer in layers if not self._remote.sizes(_layer(layer))}
            config = b""
            stream = _Stream(image.save(chunk_size=MIB))
            with tarfile.open(fileobj=stream, mode="r|") as archive:
                for member in archive:
                    file = archive.extractfile(member) if member.isfile() else None
                    if file is None:
                        continue
                    if _hex(image.id) in member.name:
                        config = file.read()
                    elif missing and member.size:
                        missing.discard(self._keep(file, missing))
        if missing or not config:
            raise InfrastructureError(f"{tag}: the container engine saves images in a form that is not known")
        below = image.labels.get("patchwright.parent", "")
        known = {"config": config.decode(), "layers": [f"sha256:{layer}" for layer in layers], "below": below}
        self._remote.write(_image(name), json.dumps(known).encode())

    def _keep(self, file: IO[bytes], wanted: Iterable[str]) -> str:
        """Store a file if it is one of the layers that are wanted; its digest."""
        with tempfile.TemporaryDirectory(prefix="patchwright-layer-") as scratch:
            plain, packed = Path(scratch) / "plain", Path(scratch) / "packed"
            digest = hashlib.sha256()
            with plain.open("wb") as copy:
                while chunk := file.read(MIB):
                    digest.update(chunk)
                    copy.write(chunk)
            if digest.hexdigest() in wanted:
                with plain.open("rb") as source, gzip.open(packed, "wb", compresslevel=_EFFORT) as target:
                    shutil.copyfileobj(source, target, MIB)
                self._remote.put(_layer(digest.hexdigest()), packed)
        return digest.hexdigest()


class _Stream(io.RawIOBase):
    """The chunks of an iterator as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._rest = chunks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            try:
                self._rest = next(self._chunks)
            except StopIteration:
                return 0
        part = self._rest[: len(buffer)]
        self._rest = self._rest[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def _layers(client: Any, tag: str) -> list[str]:
    """The layers of an image that is here; none if it is not."""
    from docker.errors import ImageNotFound

    if not tag:
        return []
    try:
        return [_hex(layer) for layer in client.images.get(tag).attrs["RootFS"]["Layers"]]
    except ImageNotFound:
        return []


def _pack(archive: IO[bytes], tag: str, config: str, layers: list[str], files: dict[str, Path]) -> None:
    """What ``docker load`` reads; it does not look for layers that the engine has in the same order already."""
    name = f"{hashlib.sha256(config.encode()).hexdigest()}.json"
    manifest = [{"Config": name, "RepoTags": [tag], "Layers": [f"{layer}/layer.tar" for layer in layers]}]
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path, data in ((name, config.encode()), ("manifest.json", json.dumps(manifest).encode())):
            member = tarfile.TarInfo(path)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        for layer, place in files.items():
            tar.add(place, f"{layer}/layer.tar")


def _image(tag: str) -> str:
    repository, _, version = tag.partition(":")
    return f"images/{repository}/{version or 'latest'}.json"


def _layer(digest: str) -> str:
    return f"layers/sha256/{digest}.tar.gz"


def _hex(digest: str) -> str:
    matched = _DIGEST.fullmatch(digest)
    if matched is None:
        raise InfrastructureError(f"{digest!r} is not a digest")
    return matched[1]
