"""The Docker engine: reaching it, having images, and saying in one line what it refuses."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from typing import Any

from aci_tools.errors import InfrastructureError, SandboxError, UsageError

#: The version of its interface that was agreed on with the engine at an address; to ask takes longer than a request.
_agreed: dict[str, str] = {}
_NO_SUCH_IMAGE = ("not found", "access denied", "does not exist", "invalid reference")


def connect(timeout: int) -> Any:
    """A client of the engine at ``DOCKER_HOST``, or at its usual socket.

    Args:
        timeout: Seconds that each of its requests may take.

    Raises:
        InfrastructureError: No engine answers there.
    """
    where = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    if where.startswith("unix://"):
        # Tried out first: without an engine it is quick, and the SDK, which is not, need not be loaded.
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(where.removeprefix("unix://"))
            except OSError as error:
                raise _no_engine(where, error) from error
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env(timeout=timeout, max_pool_size=64, version=_agreed.get(where))
    except DockerException as error:
        raise _no_engine(where, error) from error
    if where.startswith("unix://"):  # elsewhere the question is what tells whether an engine answers
        _agreed[where] = client.api.api_version
    return client


def _no_engine(where: str, error: Exception) -> InfrastructureError:
    if isinstance(error, PermissionError):
        return InfrastructureError(f"the Docker engine at {where} is closed to this user; ask for access to its socket")
    return InfrastructureError(f"no Docker engine answers at {where}; start one, or use --sandbox namespace")


def ensure_image(client: Any, image: str) -> str:
    """The id of an image, which is pulled where it is not here.

    Raises:
        UsageError: There is none of that name.
        InfrastructureError: The registry could not be asked.
    """
    from docker.errors import APIError, ImageNotFound
    from requests import RequestException

    try:
        try:
            found = client.images.get(image)
        except ImageNotFound:
            client.images.pull(image)
            found = client.images.get(image)
    except (APIError, RequestException) as error:
        said = " ".join((getattr(error, "explanation", None) or str(error)).split())
        if isinstance(error, ImageNotFound) or any(text in said for text in _NO_SUCH_IMAGE):
            raise UsageError(f"no image {image} here or in its registry: check its name, or build it") from error
        raise InfrastructureError(f"the image {image} is not here and could not be pulled: {said}") from error
    return str(found.id)


@contextlib.contextmanager
def engine_errors() -> Iterator[None]:
    """Turn what goes wrong between us and the engine into a SandboxError."""
    from docker.errors import DockerException
    from requests import RequestException

    try:
        yield
    except (DockerException, RequestException) as error:
        said = " ".join((getattr(error, "explanation", None) or str(error)).split())
        raise SandboxError(f"the Docker engine failed: {said}") from error
