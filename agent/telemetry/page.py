"""The figures of a run for Prometheus, and the inspector beside them, while the run goes on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.errors import UsageError

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

METRICS = "/metrics"


def address_of(text: str) -> tuple[str, int]:
    """Host and port of ``[HOST:]PORT``; without a host, this machine alone.

    Raises:
        UsageError: It is none.
    """
    host, colon, port = text.rpartition(":")
    if not (port.isascii() and port.isdigit() and int(port) < 65536) or (colon and not host):
        raise UsageError(f"--serve {text}: give a port, or an address and a port, such as 9464 or 0.0.0.0:9464")
    return host or "127.0.0.1", int(port)


@contextlib.contextmanager
def serving(address: tuple[str, int], registry: CollectorRegistry, output: Path) -> Iterator[str]:
    """Answer requests for the length of a ``with`` block; gives the address of the server.

    Args:
        address: Host and port.
        registry: The figures.
        output: Directory of the run, which the inspector shows, to this machine only.

    Raises:
        UsageError: The port cannot be had.
    """
    from prometheus_client.exposition import choose_encoder

    from trajectories.inspector import Collection
    from trajectories.inspector.server import InspectorServer

    def figures(accept: str) -> tuple[bytes, str]:
        encode, kind = choose_encoder(accept)
        return encode(registry), kind

    host, port = address
    collection = Collection([output], may_be_empty=True)
    try:
        server = InspectorServer(collection, port, host, {METRICS: figures})
    except OSError as error:
        raise UsageError(f"--serve {host}:{port}: cannot listen there ({error.strerror}); choose another") from None
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), name="serve", daemon=True)
        thread.start()
        try:
            yield server.url
        finally:
            server.shutdown()
            thread.join()
