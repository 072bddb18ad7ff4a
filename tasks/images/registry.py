"""Images in a container registry, which the engine itself talks to: with its settings, and with Docker's logins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.engine import engine_errors


class Registry:
    """A registry, or a part of one.

    Args:
        address: Such as ``registry.example.org:5000/team``; an image's own name comes behind it.
    """

    def __init__(self, address: str) -> None:
        self.place = address.rstrip("/")

    def fetch(self, client: Any, tag: str) -> bool:
        """See :class:`~tasks.images.depots.Depot`."""
        from docker.errors import ImageNotFound, NotFound

        repository, version = _parts(tag)
        there = f"{self.place}/{repository}"
        with engine_errors():
            try:
                client.images.pull(there, tag=version)
            except (ImageNotFound, NotFound):
                return False
            with _only_for_now(client, f"{there}:{version}"):
                client.api.tag(f"{there}:{version}", repository, version)
        return True

    def send(self, client: Any, tag: str, name: str) -> None:
        """See :class:`~tasks.images.depots.Depot`."""
        repository, version = _parts(name)
        there = f"{self.place}/{repository}"
        with engine_errors():
            if _is_there(client, f"{there}:{version}"):
                return
            client.api.tag(tag, there, version)
            with _only_for_now(client, f"{there}:{version}"):
                for line in client.api.push(there, tag=version, stream=True, decode=True):
                    if said := line.get("error"):
                        raise InfrastructureError(f"{there}:{version} could not be pushed: {said}")


def _parts(tag: str) -> tuple[str, str]:
    repository, _, version = tag.rpartition(":")
    return (repository, version) if repository and "/" not in version else (tag, "latest")


def _is_there(client: Any, tag: str) -> bool:
    from docker.errors import APIError

    try:
        client.api.inspect_distribution(tag)
    except APIError:  # what is really wrong the push will say
        return False
    return True


@contextmanager
def _only_for_now(client: Any, tag: str) -> Iterator[None]:
    """Take a tag away at the end: it is what the registry calls an image that has a name here."""
    from docker.errors import ImageNotFound

    try:
        yield
    finally:
        with suppress(ImageNotFound):
            client.images.remove(tag, noprune=True)
