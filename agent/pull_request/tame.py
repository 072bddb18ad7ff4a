"""Makes text that others wrote harmless on a forge: nobody is called, nothing is linked, closed or loaded."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["code", "tame"]

#: A span of code as every forge reads it.
_CODE = re.compile(r"(?<!`)`(?!`)([^`]{1,300})(?<!`)`(?!`)")
#: What a forge makes something of: addresses, references to issues, mentions of people.
_ACTIVE = re.compile(
    r"(?:[a-z][a-z0-9+.-]{1,9}://|www\.)[^\s`<>]*[\w/=]|[\w./-]*[#!]\d+\b|\bGH-\d+\b|@\w(?:[\w/.-]*\w)?", re.IGNORECASE
)
_UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")
_BLOCK = re.compile(r"^(?:[#>|=~+*-]+|\d+[.)])\s+")


def tame(text: str, most: int, *, html: bool = True) -> str:
    """A text as one harmless paragraph.

    Args:
        text: What somebody, or a model, wrote.
        most: Characters that it may have, before anything is made harmless.
        html: Whether it is shown as Markdown, so that a tag would be one.
    """
    parts = _CODE.split(_BLOCK.sub("", _flat(text, most)))
    return "".join(f"`{part}`" if place % 2 else _outside_code(part, html) for place, part in enumerate(parts)).strip()


def code(text: str, most: int = 200) -> str:
    """A text as a span of code, whatever is in it."""
    shown = _flat(text.replace("`", "'"), most)
    return f"`{shown or ' '}`"


def _flat(text: str, most: int) -> str:
    """A text on one line, without what is not to be seen, such as marks that turn the direction of writing."""
    text = "".join(" " if unicodedata.category(char) in _UNSEEN else char for char in text)
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def _outside_code(text: str, html: bool) -> str:
    text = text.replace("`", "'").replace("](", "] (").replace("![", "[")
    if html:
        text = text.replace("\\", "\\\\").replace("<", "&lt;")
    return _ACTIVE.sub(lambda match: f"`{match[0]}`", text)
