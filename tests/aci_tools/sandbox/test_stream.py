"""The transport over an exec, against an engine that answers in one piece with the first output."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from threading import Thread

import pytest

from aci_tools.sandbox.stream import ExecTransport

HEAD = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
FRAME = b"\x01\x00\x00\x00\x00\x00\x00\x03hi\n"


@pytest.fixture(params=[FRAME, FRAME[:5], b""], ids=["whole", "half", "nothing"])
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """Address of a server that sends the head of its answer and some of a frame at once, then the rest of the frame."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                request_text = b""
                while b"\r\n\r\n{" not in request_text:
                    request_text += connection.recv(4096)
                connection.sendall(HEAD + request.param)
                connection.sendall(FRAME[len(request.param) :])
                connection.recv(1)

        thread = Thread(target=serve, daemon=True)
        thread.start()
        yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        thread.join(10.0)


def test_output_that_comes_with_the_engines_answer_is_not_lost(engine: str) -> None:
    import docker

    with closing(docker.APIClient(engine, version="1.41")) as client:
        transport = ExecTransport(client.exec_start("some", socket=True))
        assert transport.receive(10.0) == b"hi\n"
        transport.close()
