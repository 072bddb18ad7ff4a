"""Python tracebacks as text: pytest's short style and Python's own."""

from __future__ import annotations

import re
import textwrap

from aci_tools.testing.parsers.base import RunOutput, ends
from aci_tools.testing.report import Place

_SHORT_FRAME = re.compile(r"^(?:E +)?(\S.*?\.\w+):(\d+): in .+$")
_FILE_FRAME = re.compile(r'^(?:E)? *File "(.+?)", line (\d+)(?:, in (.+))?$')
_CARETS = re.compile(r"^[ ~^]*\^[ ~^]*$")


def read_short_traceback(text: str, output: RunOutput) -> tuple[str, tuple[Place, ...]]:
    """Read a traceback in pytest's short style (``path:line: in name`` and lines with ``E``).

    Returns:
        The error's message, and the places in the repository.
    """
    lines = text.splitlines()
    places: list[Place | None] = []
    message: list[str] = []
    in_source = False
    for number, line in enumerate(lines):
        following = lines[number + 1].strip() if number + 1 < len(lines) else ""
        if frame := _SHORT_FRAME.match(line) or _FILE_FRAME.match(line):
            places.append(output.place(frame[1], int(frame[2]), following.removeprefix("E ")))
            in_source = line.startswith("E ")
        elif in_source and line.startswith("E      "):  # the line and the caret of a syntax error, shown as its place
            continue
        elif line.startswith("E "):
            message.append(line[1:])
            in_source = False
        elif message and not line.strip():
            break
    return textwrap.dedent("\n".join(message)).strip() or text.strip(), ends(places)


def read_traceback(text: str, output: RunOutput) -> tuple[str, tuple[Place, ...]]:
    """Read a traceback as Python prints it: the last one of a chain.

    Returns:
        The exception with its message, and the places in the repository.
    """
    start = text.rfind("Traceback (most recent call last):\n")
    lines = text[max(start, 0) :].rstrip().splitlines()
    places: list[Place | None] = []
    message: list[str] = []
    for number, line in enumerate(lines):
        following = lines[number + 1] if number + 1 < len(lines) else ""
        if frame := _FILE_FRAME.match(line):
            places.append(output.place(frame[1], int(frame[2]), following if following.startswith("    ") else ""))
            message = []
        elif not line.startswith("    ") or (message and not _CARETS.match(line)):
            message.append(line)
    if message[:1] == ["Traceback (most recent call last):"]:
        del message[0]
    return "\n".join(message).strip(), ends(places)
