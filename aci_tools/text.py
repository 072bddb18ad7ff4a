"""A file's bytes as numbered lines, without ever changing a byte that nobody asked to change.

Lines end at ``\\n`` or ``\\r\\n`` only, as Python's tokenizer, git and every editor count them: a form feed or U+2028
does not end a line, which is why ``str.splitlines`` is not used here.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Sequence

_BOM = codecs.BOM_UTF8
_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_BINARY_PROBE = 8000


def is_binary(data: bytes) -> bool:
    """Whether the bytes are no text: a NUL among the first 8000, as git judges it."""
    return b"\0" in data[:_BINARY_PROBE]


def split_lines(text: str) -> list[str]:
    """The lines of a text as an agent writes it; one final line end does not start another line."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[-1] == "":
        lines.pop()
    return lines


def printable(name: str) -> str:
    """A file name as it can be shown and written to a log: bytes that are not UTF-8 become U+FFFD."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Document:
    """An immutable text file.

    Args:
        lines: The lines as bytes, each with its line end; the last one may have none.
        encoding: Codec in which the lines are shown and new ones are written.
        bom: The byte order mark in front of the first line, or ``b""``.
    """

    __slots__ = ("bom", "encoding", "lines")

    def __init__(self, lines: Sequence[bytes], encoding: str = "utf-8", bom: bytes = b"") -> None:
        self.lines = lines
        self.encoding = encoding
        self.bom = bom

    @classmethod
    def parse(cls, data: bytes) -> Document:
        """Read a file's bytes. The encoding is the declared one (BOM, coding cookie) if it fits, UTF-8, or latin-1."""
        bom = _BOM if data.startswith(_BOM) else b""
        body = data[len(bom) :]
        parts = body.split(b"\n")
        lines = [part + b"\n" for part in parts[:-1]]
        if parts[-1]:
            lines.append(parts[-1])
        return cls(lines, _encoding(body, lines), bom)

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def data(self) -> bytes:
        """The whole file."""
        return self.bom + b"".join(self.lines)

    @property
    def newline(self) -> bytes:
        """The line end that most lines have; ``\\n`` where neither leads."""
        crlf = sum(line.endswith(b"\r\n") for line in self.lines)
        return b"\r\n" if crlf * 2 > len(self.lines) - (not self.ends_with_newline) else b"\n"

    @property
    def ends_with_newline(self) -> bool:
        """Whether the last line is ended; true for an empty file."""
        return not self.lines or self.lines[-1].endswith(b"\n")

    def text(self, number: int) -> str:
        """One line without its line end, counted from 1."""
        return _without_end(self.lines[number - 1]).decode(self.encoding)

    def texts(self, first: int = 1, last: int | None = None) -> list[str]:
        """Lines ``first`` to ``last`` without their line ends."""
        return [_without_end(line).decode(self.encoding) for line in self.lines[first - 1 : last]]

    def encode(self, text: str) -> bytes:
        """A piece of text in the file's encoding.

        Raises:
            UnicodeEncodeError: The encoding lacks one of the characters.
        """
        return text.encode(self.encoding)

    def splice(self, first: int, last: int, texts: Sequence[str]) -> Document:
        """Put lines in the place of lines ``first`` to ``last``; ``last = first - 1`` inserts in front of ``first``.

        New lines get the file's dominant line end. Lines at either edge that stay as they are keep their own bytes, and
        a file without a final newline stays without.

        Raises:
            UnicodeEncodeError: The file's encoding lacks a character of the new lines.
        """
        old = list(self.lines[first - 1 : last])
        old_texts = self.texts(first, last) if old else []
        newline = self.newline
        new = [self.encode(text) + newline for text in texts]
        for i in range(min(len(old), len(new))):
            if old_texts[i] != texts[i]:
                break
            new[i] = old[i]
        for i in range(1, min(len(old), len(new)) + 1):
            if old_texts[-i] != texts[-i]:
                break
            new[-i] = old[-i]
        kept = list(self.lines[: first - 1])
        if not self.ends_with_newline and last >= len(self.lines):
            if new:
                new[-1] = _without_end(new[-1])
                if not new[-1]:
                    new.pop()
            if new and kept and not kept[-1].endswith(b"\n"):
                kept[-1] += newline
        lines = [*kept, *new, *self.lines[last:]]
        return Document(lines, self.encoding, self.bom)

    def source(self) -> str:
        """The text with ``\\n`` line ends, for parsers; a lone carriage return becomes a blank."""
        text = b"".join(self.lines).decode(self.encoding)
        if "\r" not in text:
            return text
        return text.replace("\r\n", "\n").replace("\r", " ")


def _without_end(line: bytes) -> bytes:
    if line.endswith(b"\r\n"):
        return line[:-2]
    return line[:-1] if line.endswith(b"\n") else line


def _encoding(body: bytes, lines: Sequence[bytes]) -> str:
    for line in lines[:2]:
        declared = _COOKIE.match(line)
        if declared and _fits(declared[1].decode("ascii", "replace"), body, lines):
            return codecs.lookup(declared[1].decode("ascii")).name
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def _fits(encoding: str, body: bytes, lines: Sequence[bytes]) -> bool:
    """Whether every line can be decoded by itself and encoded back to the same bytes."""
    try:
        texts = [line.decode(encoding) for line in lines]
        return "".join(texts).encode(encoding) == body and all(
            t.count("\n") == b.count(b"\n") for t, b in zip(texts, lines, strict=True)
        )
    except (LookupError, ValueError, TypeError):
        return False
