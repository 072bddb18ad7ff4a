"""Where images that were made on one machine can be had by another: a container registry, or layers at a URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any, Protocol

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.engine import connect, engine_errors
from tasks.images.settings import ComputerSettings

_PATIENCE = 1200  # seconds that the engine may take for one request
_PARENT = "patchwright.parent"


class Depot(Protocol):
    """A place with images. What it has under a name stays as it is: names of ours are digests.

    Attributes:
        place: What it is called in messages.
    """

    place: str

    def fetch(self, client: Any, tag: str) -> bool:
        """Have an image here, under the tag that it has there.

        Args:
            client: The engine.
            tag: The tag.

        Returns:
            Whether it is there.

        Raises:
            InfrastructureError: The place or the engine failed.
        """

    def send(self, client: Any, tag: str, name: str) -> None:
        """Have an image there, with what of it is not there yet; nothing is done if there is one of that name.

        Args:
            client: The engine.
            tag: Its tag here.
            name: Its tag there.

        Raises:
            InfrastructureError: The place or the engine failed.
        """


class Depots:
    """The places that settings name, in the order in which they are asked.

    Args:
        settings: What was chosen.
        say: Told what is had from where, and what failed.

    Raises:
        UsageError: One of them cannot be opened.
    """

    def __init__(self, settings: ComputerSettings, say: Callable[[str], None]) -> None:
        from tasks.images.layer_store import LayerStore
        from tasks.images.registry import Registry

        self._all: list[Depot] = [Registry(settings.registry)] if settings.registry else []
        self._all += [LayerStore(settings.store)] if settings.store else []
        self._settings, self._say = settings, say

    def __bool__(self) -> bool:
        return bool(self._all)

    def fetch(self, tag: str) -> bool:
        """Have an image here, and those of ours that it is put on; whether it could be had.

        Where a place fails it is as if it did not have it, and what fails is told.
        """
        from docker.errors import ImageNotFound

        for depot in self._all:
            try:
                with _engine() as client:
                    if not depot.fetch(client, tag):
                        continue
                    self._say(f"had {tag} from {depot.place}")
                    below = client.images.get(tag).labels.get(_PARENT, "")
                    if below.startswith(f"{self._settings.prefix}/"):
                        with suppress(ImageNotFound):
                            client.images.get(below)
                            below = ""
                        if below:
                            self.fetch(below)
            except InfrastructureError as error:
                self._say(str(error))
            else:
                return True
        return False

    def send(self, tag: str, name: str = "") -> None:
        """Have an image elsewhere too, under its tag or another name, with the base that it is put on if only this
        machine has that. Where a place fails this is told, and the image is kept here alone."""
        for depot in self._all if self._settings.push else ():
            try:
                with _engine() as client:
                    below = client.images.get(tag).labels.get(_PARENT, "")
                    if below and not client.images.get(below).attrs["RepoDigests"]:
                        depot.send(client, below, below)
                    depot.send(client, tag, name or tag)
            except InfrastructureError as error:
                self._say(f"{tag} is kept on this machine alone: {error}")


@contextmanager
def _engine() -> Iterator[Any]:
    with closing(connect(_PATIENCE)) as client, engine_errors():
        yield client
