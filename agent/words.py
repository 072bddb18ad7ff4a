"""The words of a text that mixes prose and code, as full-text search compares them."""

from __future__ import annotations

import re


def words(text: str) -> str:
    """Words of a text in lower case, separated by blanks; identifiers also split at underscores and capitals."""
    parts = []
    for word in re.findall(r"[^\W\d]\w*|\d+", text):
        parts.append(word.lower())
        pieces = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", word)
        if len(pieces) > 1:
            parts.extend(piece.lower() for piece in pieces)
    return " ".join(parts)
