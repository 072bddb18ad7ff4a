"""The image for what names none: Debian with git, Python and pytest."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.engine import connect, engine_errors

#: Images of ours, the one made without a registry (scripts/base-image) first.
LOCAL_TAGS = ("patchwright/base:bookworm", "patchwright/base:python3.12")

#: Seconds without a word from the engine while it builds.
_BUILD_TIMEOUT = 600

_DOCKERFILE = """\
FROM python:3.12-bookworm
RUN pip install --no-cache-dir 'pytest>=8,<10'
"""


def default_image(say: Callable[[str], None]) -> str:
    """The tag of the default image; built on first use.

    Args:
        say: Told that it is built, which takes a while.

    Raises:
        InfrastructureError: No engine answers, or the image is not here and cannot be built.
    """
    from docker.errors import BuildError, DockerException

    with contextlib.closing(connect(_BUILD_TIMEOUT)) as client:
        with engine_errors():
            for tag in LOCAL_TAGS:
                if client.api.images(name=tag):
                    return tag
        say("building the default image, once")
        try:
            client.images.build(fileobj=io.BytesIO(_DOCKERFILE.encode()), tag=LOCAL_TAGS[1], rm=True)
        except (BuildError, DockerException) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0][:160]
            raise InfrastructureError(
                f"no image was given and the default one cannot be built ({reason}); "
                "name another, or make one without a registry: scripts/base-image"
            ) from None
        return LOCAL_TAGS[1]
