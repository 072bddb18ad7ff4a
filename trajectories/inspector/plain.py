"""Makes foreign text safe for a terminal: colours stay, whatever else a terminal would obey goes."""

from __future__ import annotations

import re

RESET = "\x1b[0m"
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
#: Escape sequences: of strings (OSC, DCS, SOS, PM, APC) up to their end, of control (CSI), and the short ones.
_SEQUENCE = re.compile(
    r"""
      (?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f]) [^\x07\x1b\x9c]* (?:\x07|\x1b\\|\x9c|(?=\x1b)|\Z)
    | (?:\x1b\[|\x9b) [0-?]* [ -/]* [@-~]?
    | \x1b [ -/]* [0-~]?
    """,
    re.VERBOSE,
)
#: Other control characters, lone surrogates, and the marks that change the direction of text.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def safe(text: str, *, colour: bool) -> str:
    """A text without control sequences other than, on demand, those that set colours.

    Carriage returns act as on a terminal: what they overwrite is left out.

    Args:
        text: Text from a trajectory.
        colour: Whether colours stay; if any do, the text ends with a reset.
    """
    text = re.sub(r"[^\n]*\r(?=[^\n\r])", "", text.replace("\r\n", "\n"))
    kept = _SEQUENCE.sub(lambda match: match[0] if colour and _COLOUR.fullmatch(match[0]) else "", text)
    kept = _CONTROL.sub(lambda match: "" if match[0] == "\r" else "\N{REPLACEMENT CHARACTER}", kept)
    if not colour:
        return kept.replace("\x1b", "")
    return kept + RESET if "\x1b" in kept else kept


def one_line(text: str, width: int) -> str:
    """A text on one line without colours, cut to a width in characters."""
    line = " ".join(safe(text, colour=False).split())
    return line if len(line) <= width else line[: max(width - 1, 0)] + "…"
