"""What a gate lets through arrives whole; what it refuses reaches nobody, and the reason is told and remembered."""

from __future__ import annotations

import contextlib
import socket
import ssl

import pytest

from tests.aci_tools.gate.conftest import GateOpener, Server, exchange, get, trusting


def test_a_plain_request_is_passed_on(open_gate: GateOpener, server: Server) -> None:
    gate, port = open_gate(f"localhost:{server.port}")
    assert get(port, f"http://localhost:{server.port}/path?a=b") == (200, b"hello ")
    assert server.seen == [f"GET /path?a=b localhost:{server.port}"]
    assert gate.refused() == []


def test_bodies_arrive_whole(open_gate: GateOpener, server: Server) -> None:
    _, port = open_gate(f"localhost:{server.port}")
    sent = bytes(range(256)) * 4000
    assert get(port, f"http://localhost:{server.port}/", "POST", sent) == (200, b"hello " + sent)
    assert len(get(port, f"http://localhost:{server.port}/large")[1]) == 3_000_006


def test_a_tunnel_is_end_to_end(open_gate: GateOpener, tls_server: Server) -> None:
    import http.client

    gate, port = open_gate(f"localhost:{tls_server.port}")
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=trusting(), timeout=20)
    connection.set_tunnel("localhost", tls_server.port)
    try:
        for path in ("/one", "/large"):
            connection.request("GET", path)
            assert connection.getresponse().read().startswith(b"hello ")
    finally:
        connection.close()
    assert [line.split()[1] for line in tls_server.seen] == ["/one", "/large"]
    assert gate.refused() == []


def test_an_unlisted_host_is_not_even_looked_up(open_gate: GateOpener, monkeypatch: pytest.MonkeyPatch) -> None:
    looked_up: list[object] = []
    real = socket.getaddrinfo
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *given, **more: looked_up.append(given[0]) or real(*given, **more)
    )
    gate, port = open_gate("localhost:1")
    secret = "c2VjcmV0.attacker.example"
    assert get(port, f"http://{secret}/")[0] == 403
    assert exchange(port, f"CONNECT {secret}:443 HTTP/1.1\r\nHost: x\r\n\r\n".encode()).startswith(b"HTTP/1.1 403 ")
    assert secret not in looked_up
    assert len(gate.refused()) == 2
    assert gate.refused() == []


def test_the_reason_names_the_host_and_the_list(open_gate: GateOpener) -> None:
    gate, port = open_gate("pypi.org", "*.npmjs.org")
    answer = exchange(port, b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    reason = "example.org:443 is not among the allowed hosts (pypi.org, *.npmjs.org)"
    assert answer.startswith(f"HTTP/1.1 403 Forbidden: {reason}\r\n".encode())
    assert gate.refused() == [reason]


@pytest.mark.parametrize("host", ["localhost", "*.localhost"])
def test_a_name_with_a_private_address_must_be_listed_with_its_port(open_gate: GateOpener, host: str) -> None:
    gate, port = open_gate(host)
    asked = host.replace("*", "any")
    answer = exchange(port, f"CONNECT {asked}:443 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 502 Bad Gateway: any.localhost has no address"))
    if host == "localhost":
        assert "private address" in gate.refused()[0]


@contextlib.contextmanager
def tunnel(port: int, target: str):  # type: ignore[no-untyped-def]
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n\r\n".encode())
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        yield connection


def test_a_tunnel_serves_the_host_that_it_was_asked_for(open_gate: GateOpener, tls_server: Server) -> None:
    gate, port = open_gate(f"localhost:{tls_server.port}")
    with tunnel(port, f"localhost:{tls_server.port}") as connection, pytest.raises((ssl.SSLError, ConnectionError)):
        trusting().wrap_socket(connection, server_hostname="other.localhost")
    assert tls_server.seen == []
    assert gate.refused() == ["a tunnel to localhost was used to ask for other.localhost"]


@pytest.mark.parametrize("said", [b"GET / HTTP/1.1\r\nHost: other\r\n\r\n", b"SSH-2.0-x\r\n", b"\x16\x03\x01\x00\x00"])
def test_a_tunnel_carries_only_tls(open_gate: GateOpener, server: Server, said: bytes) -> None:
    gate, port = open_gate(f"localhost:{server.port}")
    with tunnel(port, f"localhost:{server.port}") as connection:
        connection.sendall(said)
        assert connection.recv(1 << 16) == b""
    assert server.seen == []
    assert len(gate.refused()) == 1


def test_a_greeting_in_pieces_is_understood(open_gate: GateOpener, tls_server: Server) -> None:
    _, port = open_gate(f"localhost:{tls_server.port}")
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with tunnel(port, f"localhost:{tls_server.port}") as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                client.do_handshake()
                break
            except ssl.SSLWantReadError:
                for byte in outgoing.read():
                    connection.sendall(bytes([byte]))
                incoming.write(connection.recv(1 << 16))
        assert client.version() is not None


@pytest.mark.parametrize("host", ["Host: other.example", "Host: a\r\nHost: b", "X: y"])
def test_the_host_of_a_plain_request_is_the_one_that_was_checked(
    open_gate: GateOpener, server: Server, host: str
) -> None:
    _, port = open_gate(f"localhost:{server.port}")
    answer = exchange(port, f"GET http://localhost:{server.port}/ HTTP/1.1\r\n{host}\r\n\r\n".encode())
    assert answer.startswith((b"HTTP/1.1 403", b"HTTP/1.1 400"))
    assert server.seen == []


def test_nothing_rides_behind_a_request(open_gate: GateOpener, server: Server) -> None:
    _, port = open_gate(f"localhost:{server.port}")
    first = f"GET http://localhost:{server.port}/first HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n"
    hidden = "GET /second HTTP/1.1\r\nHost: other.example\r\n\r\n"
    assert exchange(port, (first + hidden).encode()).count(b"HTTP/1.1 200") == 1
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT [::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT :443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT user@localhost:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT " + b"a" * 300 + b":443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://localhost/ HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 100_000,
        b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://localhost:x/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
)
def test_what_is_no_proper_request_harms_nothing(open_gate: GateOpener, server: Server, sent: bytes) -> None:
    _, port = open_gate(f"localhost:{server.port}", "*." + "a" * 63 + ".example")
    with contextlib.suppress(ConnectionError):
        assert not exchange(port, sent).startswith(b"HTTP/1.1 2")
    assert get(port, f"http://localhost:{server.port}/")[0] == 200


def test_a_host_that_does_not_answer_is_said(open_gate: GateOpener) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        closed = taken.getsockname()[1]
    gate, port = open_gate(f"localhost:{closed}")
    status, text = get(port, f"http://localhost:{closed}/")
    assert (status, text) == (502, b"Bad Gateway: localhost cannot be reached (Connection refused)\n")
    assert gate.refused() == []


def test_many_at_once(open_gate: GateOpener, server: Server) -> None:
    from concurrent.futures import ThreadPoolExecutor

    _, port = open_gate(f"localhost:{server.port}")
    with ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda number: get(port, f"http://localhost:{server.port}/{number}"), range(200)))
    assert {status for status, _ in answers} == {200}
    assert len(server.seen) == 200


def test_closing_ends_open_tunnels(open_gate: GateOpener, tls_server: Server) -> None:
    gate, port = open_gate(f"localhost:{tls_server.port}")
    with tunnel(port, f"localhost:{tls_server.port}") as connection:
        secured = trusting().wrap_socket(connection, server_hostname="localhost")
        gate.close()
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            assert secured.recv(1) == b""
        secured.close()
    with pytest.raises(ConnectionError):
        socket.create_connection(("127.0.0.1", port), timeout=20)
