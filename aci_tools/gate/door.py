"""How a socket that listens inside a sandbox's network comes to this program, and how programs in there find it."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from aci_tools.errors import SandboxError

#: Where the gate is found on the sandbox's own loopback interface.
PORT = 3128

#: Name of the socket in the directory of :func:`open_door`.
DOOR = "door"


def proxy_variables() -> dict[str, str]:
    """The environment by which curl, pip, npm, git, cargo, go and most others find the gate."""
    address = f"http://127.0.0.1:{PORT}"
    local = "localhost,127.0.0.1,::1"
    named = {"http_proxy": address, "https_proxy": address, "no_proxy": local}
    return {**named, **{name.upper(): value for name, value in named.items()}, "NODE_USE_ENV_PROXY": "1"}


@contextlib.contextmanager
def open_door(directory: Path) -> Iterator[socket.socket]:
    """A socket in a directory, to which a listener may be brought by someone who sees that directory only.

    Args:
        directory: A directory that this user alone can get to.
    """
    # A socket's path has room for a hundred characters; by way of a descriptor any directory is near.
    handle = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(f"/proc/self/fd/{handle}/{DOOR}")
            directory.chmod(0o755)
            (directory / DOOR).chmod(0o666)
            door.listen()
            yield door
    finally:
        os.close(handle)


def receive_listener(channel: socket.socket, patience: float) -> socket.socket:
    """The listener that comes through a socket.

    Args:
        channel: A connected socket.
        patience: Seconds to wait for it.

    Raises:
        SandboxError: None came, or something else did.
    """
    channel.settimeout(patience)
    try:
        _, handles, _, _ = socket.recv_fds(channel, 1, 1)
    except OSError as error:
        raise SandboxError(f"the sandbox's network could not be prepared: {error}") from error
    if not handles:
        raise SandboxError("the sandbox's network could not be prepared: no listener came out of it")
    listener = socket.socket(fileno=handles[0])
    if listener.family != socket.AF_INET or not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        listener.close()
        raise SandboxError("the sandbox's network could not be prepared: what came out of it is no listener")
    return listener
