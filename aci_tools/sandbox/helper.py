"""A container that lives for a moment in the network of another, to make there the socket at which the gate answers."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.gate.door import DOOR, PORT, open_door, receive_listener
from aci_tools.sandbox.base import MIB
from aci_tools.sandbox.engine import ensure_image
from aci_tools.sandbox.workspace import workspace

_PLACE = "/patchwright"
_PATIENCE = 30.0
_LOOK_EVERY = 0.2

# Python 3.3 or later.
_PROGRAM = f"""
import array, socket
listener = socket.socket()
listener.bind(("127.0.0.1", {PORT}))
listener.listen(128)
door = socket.socket(socket.AF_UNIX)
door.connect("{_PLACE}/{DOOR}")
door.sendmsg([b"L"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [listener.fileno()]))])
"""


def listener_in(client: Any, container: str, image: str, labels: Mapping[str, str]) -> socket.socket:
    """A socket that listens in a container's network, on its loopback interface.

    The container itself gets nothing: neither a program nor a mount, and no way out of its network.

    Args:
        client: Of the engine.
        container: Id of the container.
        image: Image with python3, for the helper.
        labels: Labels of the helper, by which the reaper finds it.

    Raises:
        UsageError: The image has no python3.
        InfrastructureError: The engine is not on this machine, or something failed.
    """
    if not str(client.api.base_url).startswith("http+docker"):
        raise InfrastructureError("sandbox.allow_hosts needs a Docker engine on this machine, reached by its socket")
    ensure_image(client, image)
    with workspace(lifetime=600.0) as scratch:
        place = scratch / "door"
        place.mkdir()
        with open_door(place) as door, _helper(client, container, image, str(place), labels) as helper:
            door.settimeout(_LOOK_EVERY)
            deadline = time.monotonic() + _PATIENCE
            while True:
                with contextlib.suppress(TimeoutError):
                    channel, _ = door.accept()
                    with channel:
                        return receive_listener(channel, _PATIENCE)
                helper.reload()
                if helper.status == "exited" or time.monotonic() > deadline:
                    said = helper.logs().decode("utf-8", "replace").strip().rpartition("\n")[2] or "it said nothing"
                    raise InfrastructureError(f"the helper of sandbox.allow_hosts failed in the image {image}: {said}")


@contextlib.contextmanager
def _helper(client: Any, container: str, image: str, place: str, labels: Mapping[str, str]) -> Any:
    from docker.errors import APIError, NotFound
    from docker.types import Mount

    made = client.containers.create(
        image,
        entrypoint=["python3", "-I", "-S", "-c", _PROGRAM],
        command=[],
        labels=dict(labels),
        user=f"{os.getuid()}:{os.getgid()}",
        working_dir="/",
        network_mode=f"container:{container}",
        mounts=[Mount(_PLACE, place, type="bind", read_only=True)],
        read_only=True,
        cap_drop=["ALL"],
        # SELinux would keep it from the door.
        security_opt=["no-new-privileges", "label=disable"],
        mem_limit=256 * MIB,
        pids_limit=16,
    )
    try:
        try:
            made.start()
        except APIError as error:
            if "executable file not found" in str(error) or "no such file" in str(error):
                raise UsageError(
                    f"sandbox.allow_hosts needs python3, which the image {image} lacks: "
                    "name another image for it, sandbox.gate_image"
                ) from error
            raise
        yield made
    finally:
        with contextlib.suppress(NotFound):
            made.remove(force=True, v=True)
