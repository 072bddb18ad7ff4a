"""One connection of a sandbox's program to the gate: an HTTP proxy's request, answered, passed on or refused.

A tunnel (CONNECT) carries TLS, is not opened, and its client must ask for the host that the tunnel was granted for; a
plain request is taken apart and written anew, so that what is passed on is exactly what was checked.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

import h11

from aci_tools.gate.allow import AllowList, Refusal
from aci_tools.gate.hello import server_name

_CHUNK = 1 << 16
_HEAD_PATIENCE = 30.0  # seconds for a request's head, a greeting, a connection
_IDLE_PATIENCE = 600.0  # seconds in which neither side says anything
#: Headers that concern one connection only (RFC 9110, 7.6.1), and those of proxies.
_OWN_HEADERS = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"te", b"trailer", b"upgrade", b"expect",
                          b"proxy-authorization", b"proxy-authenticate"})  # fmt: skip

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Unreachable(Exception):
    """An allowed host that does not answer."""


async def answer(allowed: AllowList, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> str:
    """Serve one connection.

    Args:
        allowed: The hosts that may be reached.
        reader: What the program says.
        writer: What it is told.

    Returns:
        Why it was refused, or ``""``.

    Raises:
        OSError: A connection broke.
    """
    client = _Peer(h11.Connection(h11.SERVER), reader, writer)
    try:
        async with asyncio.timeout(_HEAD_PATIENCE):
            request = await client.next()
        if not isinstance(request, h11.Request):
            return ""
        if request.method == b"CONNECT":
            await _tunnel(allowed, client, request)
        else:
            await _forward(allowed, client, request)
    except Refusal as refusal:
        await client.say(403, f"Forbidden: {refusal}")
        return str(refusal)
    except _Unreachable as error:
        await client.say(502, f"Bad Gateway: {error}")
    except h11.ProtocolError as error:
        await client.say(400, f"Bad Request: {error}")
    except TimeoutError:
        await client.say(504, "Gateway Timeout")
    return ""


class _Peer:
    """One side of an HTTP exchange.

    Args:
        protocol: Its state.
        reader: Bytes from it.
        writer: Bytes to it.
    """

    def __init__(self, protocol: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.protocol, self.reader, self.writer = protocol, reader, writer

    async def next(self) -> Any:
        """The next event from it."""
        while (event := self.protocol.next_event()) is h11.NEED_DATA:
            async with asyncio.timeout(_IDLE_PATIENCE):
                self.protocol.receive_data(await self.reader.read(_CHUNK))
        return event

    async def send(self, event: Any) -> None:
        """Send an event to it."""
        if data := self.protocol.send(event):
            self.writer.write(data)
            await self.writer.drain()

    async def body(self) -> AsyncIterator[Any]:
        """The rest of its message."""
        while isinstance(event := await self.next(), h11.Data | h11.EndOfMessage):
            yield event
            if isinstance(event, h11.EndOfMessage):
                return

    async def say(self, status: int, reason: str) -> None:
        """Answer by an error, if an answer is still possible."""
        if self.protocol.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            return
        text = f"{reason}\n".encode()
        headers = [("content-type", "text/plain"), ("content-length", str(len(text))), ("connection", "close")]
        printable = "".join(character if character.isprintable() else "?" for character in reason)
        with contextlib.suppress(OSError, h11.LocalProtocolError):
            await self.send(
                h11.Response(status_code=status, headers=headers, reason=printable.encode("ascii", "replace"))
            )
            await self.send(h11.Data(data=text))
            await self.send(h11.EndOfMessage())


async def _tunnel(allowed: AllowList, client: _Peer, request: h11.Request) -> None:
    host, port = _authority(request.target.decode("ascii", "replace"), None)
    async with _connected(allowed, host, port) as (reader, writer):
        await client.send(h11.Response(status_code=200, headers=[], reason=b"Connection established"))
        async with asyncio.timeout(_HEAD_PATIENCE):
            greeting = await _greeting(client)
        asked = server_name(greeting)
        if asked != host and not (asked == "" and _is_address(host)):
            raise Refusal(f"a tunnel to {host} was used to ask for {asked or 'no host by name'}")
        writer.write(greeting)
        async with asyncio.TaskGroup() as both:
            both.create_task(_pump(client.reader, writer))
            both.create_task(_pump(reader, client.writer))


async def _greeting(client: _Peer) -> bytes:
    """What a TLS client says first."""
    data, _ = client.protocol.trailing_data
    while server_name(data) is None:
        chunk = await client.reader.read(_CHUNK)
        if not chunk:
            raise Refusal("only TLS may pass through a tunnel")
        data += chunk
    return data


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # a TimeoutError is one
        while True:
            async with asyncio.timeout(_IDLE_PATIENCE):
                data = await reader.read(_CHUNK)
            if not data:
                break
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def _forward(allowed: AllowList, client: _Peer, request: h11.Request) -> None:
    target = urlsplit(request.target.decode("ascii", "replace"))
    if target.scheme != "http" or not target.netloc:
        raise Refusal("this is a proxy: ask it for an absolute http address, or for a tunnel")
    host, port = _authority(target.netloc, 80)
    given = [value.decode("ascii", "replace") for name, value in request.headers if name == b"host"]
    if [_authority(value, 80) for value in given] != [(host, port)]:
        raise Refusal(f"a request to {host} names another host: {', '.join(given) or 'none'}")
    headers = [(name, value) for name, value in request.headers if name not in _OWN_HEADERS]
    path = target._replace(scheme="", netloc="", fragment="").geturl() or "/"
    async with _connected(allowed, host, port) as (reader, writer):
        server = _Peer(h11.Connection(h11.CLIENT), reader, writer)
        await server.send(
            h11.Request(method=request.method, target=path, headers=[*headers, (b"connection", b"close")])
        )
        if client.protocol.they_are_waiting_for_100_continue:
            await client.send(h11.InformationalResponse(status_code=100, headers=[]))
        async for event in client.body():
            await server.send(event)
        response = await server.next()
        while isinstance(response, h11.InformationalResponse):
            response = await server.next()
        if not isinstance(response, h11.Response):
            raise _Unreachable(f"{host} gave no answer")
        kept = [(name, value) for name, value in response.headers if name not in _OWN_HEADERS]
        answer = h11.Response(
            status_code=response.status_code, headers=[*kept, (b"connection", b"close")], reason=response.reason
        )
        await client.send(answer)
        async for event in server.body():
            await client.send(event)


def _authority(text: str, default: int | None) -> tuple[str, int]:
    """Host in lower case and port of ``host:port``.

    Raises:
        Refusal: It is not that.
    """
    try:
        parts = urlsplit(f"//{text}")
        port = parts.port or default
    except ValueError:
        raise Refusal(f"{text!r} is no host") from None
    if not parts.hostname or port is None or "@" in text or parts.path or parts.query or parts.fragment:
        raise Refusal(f"{text!r} is no host with a port")
    return parts.hostname.removesuffix("."), port


def _is_address(host: str) -> bool:
    return ":" in host or host.rpartition(".")[2].isdecimal()


@contextlib.asynccontextmanager
async def _connected(allowed: AllowList, host: str, port: int) -> AsyncIterator[Streams]:
    """A connection to a host, if it and the address that it has are allowed."""
    rule = allowed.rule(host, port)
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise _Unreachable(f"{host} has no address ({error})") from None
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        allowed.check_address(rule, host, address)
    reader, writer = await _dial(host, addresses, port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def _dial(host: str, addresses: list[str], port: int) -> Streams:
    reason: object = "no address"
    for address in addresses:
        try:
            async with asyncio.timeout(_HEAD_PATIENCE):
                return await asyncio.open_connection(address, port)
        except OSError as error:  # a TimeoutError is one
            reason = os.strerror(error.errno) if error.errno else "no answer in time"
    raise _Unreachable(f"{host} cannot be reached ({reason})")
