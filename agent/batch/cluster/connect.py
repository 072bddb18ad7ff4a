"""Ray itself: whether it is installed, and the cluster that is meant."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError

_PATIENCE = 10.0


@contextlib.contextmanager
def connected(address: str | None) -> Iterator[Any]:
    """Ray's module, connected to a cluster for the length of a ``with`` block.

    Args:
        address: ``HOST:PORT`` of its head; default: ``RAY_ADDRESS``, else the cluster that this machine is part of.

    Raises:
        UsageError: Ray is not installed, or the address cannot be one.
        InfrastructureError: No cluster answers, or one of another version.
    """
    try:
        import ray
    except ImportError:
        raise UsageError("--engine ray needs Ray: pip install 'patchwright[ray]'") from None
    wanted = address or os.environ.get("RAY_ADDRESS") or "auto"
    if "://" in wanted:
        raise UsageError(
            f"--address {wanted}: give HOST:PORT, and run this on a machine of the cluster, or with `ray job submit`"
        )
    if wanted != "auto":
        _see_that_it_answers(wanted)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        ray.init(address=wanted, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InfrastructureError(
            f"--engine ray: no cluster to be used at {wanted} ({reason}); `ray start --head` begins one"
        ) from None
    try:
        if threading.current_thread() is threading.main_thread():
            for number, handler in handlers.items():
                signal.signal(number, handler)  # Ray put its own there
        yield ray
    finally:
        ray.shutdown()


def _see_that_it_answers(address: str) -> None:
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise UsageError(f"--address {address}: give HOST:PORT, such as 10.0.0.1:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except OSError as error:
        raise InfrastructureError(
            f"--address {address}: no cluster answers there ({error.strerror or error}); `ray start --head` begins one"
        ) from None
