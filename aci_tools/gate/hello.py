"""Reads which host a TLS client asks for, from its first message, which is not encrypted (RFC 8446, RFC 6066)."""

from __future__ import annotations

from aci_tools.gate.allow import Refusal

#: A first message may be split over records; longer than this it is none that a real client sends.
LONGEST = 1 << 16

_HANDSHAKE_RECORD, _CLIENT_HELLO = 22, 1
_SERVER_NAME, _ENCRYPTED_HELLO = 0, 0xFE0D


class _Bytes:
    """A buffer that is read front to back; it raises Refusal at its end."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def take(self, count: int) -> bytes:
        if count > len(self.data):
            raise Refusal("the first message in the tunnel is a damaged TLS ClientHello")
        taken, self.data = self.data[:count], self.data[count:]
        return taken

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def block(self, size: int) -> _Bytes:
        """What follows a length of ``size`` bytes."""
        return _Bytes(self.take(self.number(size)))


def server_name(data: bytes) -> str | None:
    """The host that a client names.

    Args:
        data: What the client has sent so far.

    Returns:
        The name in lower case, ``""`` where it names none; ``None`` while the message is not whole.

    Raises:
        Refusal: It is not TLS, or hides the name (Encrypted Client Hello).
    """
    message = _first_message(data)
    if message is None:
        return None
    hello = _Bytes(message)
    hello.take(2 + 32)  # version, random
    hello.block(1)  # session
    hello.block(2)  # ciphers
    hello.block(1)  # compression
    name = ""
    extensions = hello.block(2) if hello.data else _Bytes(b"")
    while extensions.data:
        kind, content = extensions.number(2), extensions.block(2)
        if kind == _ENCRYPTED_HELLO:
            raise Refusal("the TLS client hides the host that it asks for (Encrypted Client Hello)")
        if kind == _SERVER_NAME:
            entry = content.block(2)
            if entry.number(1) == 0:
                name = entry.block(2).data.decode("ascii", "replace").lower()
    return name


def _first_message(data: bytes) -> bytes | None:
    """The body of the first handshake message; ``None`` while it is not whole."""
    message = b""
    while True:
        if (data and data[0] != _HANDSHAKE_RECORD) or (len(data) > 1 and data[1] != 3):
            raise Refusal("only TLS may pass through a tunnel")
        if len(data) < 5:
            return None
        length = int.from_bytes(data[3:5], "big")
        message, rest = message + data[5 : 5 + length], data[5 + length :]
        if message and message[0] != _CLIENT_HELLO:
            raise Refusal("the first message in the tunnel is no TLS ClientHello")
        if len(message) >= 4 and len(message) - 4 >= (size := int.from_bytes(message[1:4], "big")):
            return message[4 : 4 + size]
        if length == 0 or len(message) > LONGEST:
            raise Refusal("the first message in the tunnel is a damaged TLS ClientHello")
        data = rest
