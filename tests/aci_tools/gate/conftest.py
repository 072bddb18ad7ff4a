"""A gate on this machine's own loopback interface, and servers behind it."""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from aci_tools.gate.gate import Gate

CERTIFICATES = Path(__file__).parent / "certificate"

#: Opens a gate for these entries and gives it with its port.
GateOpener = Callable[..., tuple[Gate, int]]


class Server(ThreadingHTTPServer):
    """A web server that remembers the requests that reached it, and says what they sent."""

    def __init__(self, *, tls: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[str] = []
        self.port = self.server_address[1]
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATES / "certificate.pem", CERTIFICATES / "key.pem")
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that breaks off is what these tests want."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self.server.seen.append(f"{self.command} {self.path} {self.headers['Host']}")
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = b"hello " + body + (b"x" * 3_000_000 if self.path == "/large" else b"")
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    yield from _serving(Server(tls=False))


@pytest.fixture
def tls_server() -> Iterator[Server]:
    yield from _serving(Server(tls=True))


def _serving(server: Server) -> Iterator[Server]:
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def open_gate() -> Iterator[GateOpener]:
    gates: list[Gate] = []

    def start(*hosts: str) -> tuple[Gate, int]:
        gate = Gate(hosts)
        gates.append(gate)
        listener = socket.create_server(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        gate.listen(listener)
        return gate, port

    yield start
    for gate in gates:
        gate.close()


def trusting() -> ssl.SSLContext:
    """Of a client that trusts the certificate of :class:`Server`."""
    return ssl.create_default_context(cafile=str(CERTIFICATES / "certificate.pem"))


def exchange(port: int, sent: bytes) -> bytes:
    """Everything that a gate answers to these bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        with contextlib.suppress(OSError):  # it may have answered and gone
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := connection.recv(1 << 16):
            answer += chunk
    return answer


def get(port: int, url: str, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
    """Ask a gate for a plain address."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(method, url, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
