"""A llama.cpp grammar for answers of a known form."""

from __future__ import annotations

import json
from collections.abc import Iterable


def lines_of(beginnings: Iterable[str], rest: str) -> str:
    """The grammar of an answer with one line for each of some beginnings.

    Args:
        beginnings: What the lines begin with, in order.
        rest: What they go on with, as a part of a grammar.
    """
    lines = (f"{json.dumps(' '.join(text.split()) + ' ', ensure_ascii=False)} {rest}" for text in beginnings)
    return "root ::= " + ' "\\n" '.join(lines)
