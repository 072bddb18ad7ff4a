"""What is kept of a long output: its head and its tail, with the middle counted."""

from __future__ import annotations

from collections import deque

_ROOM_FOR_MARK = 64
_LEAST = 128
_CONTINUATION = range(0x80, 0xC0)


class Excerpt:
    """Collects bytes as they stream in and never holds more than about twice the limit.

    Args:
        limit: Bytes of :meth:`render` at most, not less than 128; ``None`` keeps everything.
    """

    def __init__(self, limit: int | None) -> None:
        self._limit = None if limit is None else max(limit, _LEAST)
        kept = 0 if self._limit is None else self._limit - _ROOM_FOR_MARK
        self._tail_size = kept // 2
        self._head_size = kept - self._tail_size
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_held = 0
        self._total = 0

    def add(self, data: bytes) -> None:
        """Take the next bytes of the stream."""
        if not data:
            return
        self._total += len(data)
        if self._limit is None:
            self._tail.append(data)
            return
        room = self._limit - len(self._head)
        if room > 0:
            self._head += data[:room]
        # The tail sees every byte: whether the head alone is the whole output is known only at the end.
        self._tail.append(data[-self._limit :])
        self._tail_held += len(self._tail[-1])
        while self._tail_held - len(self._tail[0]) >= self._tail_size:
            self._tail_held -= len(self._tail.popleft())

    def render(self) -> tuple[bytes, int]:
        """The bytes kept, with one line that marks an omission, and the number of bytes omitted."""
        if self._limit is None:
            return b"".join(self._tail), 0
        if self._total <= self._limit:
            return bytes(self._head), 0
        head = _without_torn_end(bytes(self._head[: self._head_size]))
        tail = b"".join(self._tail)[-self._tail_size :] if self._tail_size else b""
        tail = _without_torn_start(tail)
        dropped = self._total - len(head) - len(tail)
        newline = b"" if not head or head.endswith(b"\n") else b"\n"
        return head + newline + b"[... %d bytes omitted ...]\n" % dropped + tail, dropped


def _without_torn_start(data: bytes) -> bytes:
    """Leave out the rest of a UTF-8 character whose first byte was cut off."""
    for length in range(min(4, len(data))):
        if data[length] not in _CONTINUATION:
            return data[length:]
    return data


def _without_torn_end(data: bytes) -> bytes:
    """Leave out the start of a UTF-8 character whose last byte was cut off."""
    for length in range(1, min(4, len(data)) + 1):
        byte = data[-length]
        if byte in _CONTINUATION:
            continue
        needed = 1 if byte < 0x80 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
        return data[:-length] if needed > length else data
    return data
