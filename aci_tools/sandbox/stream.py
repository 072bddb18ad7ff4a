"""A transport over the raw socket of a Docker exec."""

from __future__ import annotations

import contextlib
import select
import time
from ssl import SSLWantReadError, SSLWantWriteError
from typing import Any

_HEADER = 8
_CHUNK = 1 << 18


class ExecTransport:
    """Speaks to a process that ``exec_start(socket=True)`` started without a terminal.

    The engine sends frames: a byte for the stream, three zero bytes, the length as a big-endian number of 32 bits, the
    data.

    Args:
        stream: What the Docker SDK returned; it keeps the response alive that owns the socket.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._socket = getattr(stream, "_sock", stream)
        self._both = select.poll()
        self._both.register(self._socket.fileno(), select.POLLIN | select.POLLOUT)
        self._raw = bytearray(self._early())

    @property
    def intact(self) -> bool:
        """Whether the other end still waits, as far as can be seen without asking it."""
        return self.receive(0) is None

    def send(self, data: bytes, deadline: float) -> None:
        """See :class:`~aci_tools.sandbox.channel.Transport`."""
        view = memoryview(data)
        self._socket.settimeout(0.0)
        while view:
            try:
                view = view[self._socket.send(view[:_CHUNK]) :]
            except (BlockingIOError, SSLWantReadError, SSLWantWriteError):
                ready = self._both.poll(max(0.0, deadline - time.monotonic()) * 1000)
                if not ready:
                    raise TimeoutError("the shell does not read") from None
                if not ready[0][1] & select.POLLOUT:
                    return
            except OSError:
                return

    def receive(self, timeout: float) -> bytes | None:
        """See :class:`~aci_tools.sandbox.channel.Transport`."""
        deadline = time.monotonic() + timeout
        while not (data := self._whole_frames()):
            self._socket.settimeout(max(0.0, deadline - time.monotonic()))
            try:
                chunk = self._socket.recv(_CHUNK)
            except (TimeoutError, BlockingIOError, SSLWantReadError):
                return None
            except OSError:
                return b""
            if not chunk:
                return b""
            self._raw += chunk
        return data

    def close(self) -> None:
        """See :class:`~aci_tools.sandbox.channel.Transport`."""
        response = getattr(self._stream, "_response", None)
        for part in (response, self._stream, self._socket):
            if part is not None:
                with contextlib.suppress(OSError):
                    part.close()

    def _early(self) -> bytes:
        """What came in one piece with the head of the engine's answer: it is in the buffer of who read that."""
        response = getattr(self._stream, "_response", None)
        reader = getattr(getattr(getattr(response, "raw", None), "_fp", None), "fp", None)
        if reader is None or reader.closed:
            return b""
        self._socket.settimeout(0.0)
        try:
            return bytes(reader.peek())
        except (BlockingIOError, SSLWantReadError):
            return b""

    def _whole_frames(self) -> bytes:
        """Take the data of all frames that have arrived in full."""
        raw, at, parts = self._raw, 0, []
        while len(raw) - at >= _HEADER:
            end = at + _HEADER + int.from_bytes(raw[at + 4 : at + _HEADER], "big")
            if end > len(raw):
                break
            parts.append(raw[at + _HEADER : end])
            at = end
        del raw[:at]
        return b"".join(parts)
