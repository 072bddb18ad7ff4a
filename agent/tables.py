"""Tables on standard output: drawn on a terminal, plain aligned text elsewhere."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from typing import Any, TextIO

#: A column of text is not squeezed below so many columns of the terminal.
_NARROWEST = 16


def print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]], stream: TextIO | None = None
) -> None:
    """Print a table.

    Args:
        title: Heading; ``""`` for none.
        columns: Names of the columns. A float is shown as a percentage where the name ends in ``share`` or ``%``, as a
            time where it ends in ``_s`` (seconds), as dollars where it begins with ``cost``.
        rows: Values, see :func:`shown`.
        stream: Where to; standard output by default.
    """
    stream = stream or sys.stdout
    cells = [[shown(value, column) for value, column in zip(row, columns, strict=True)] for row in rows]
    heads = [re.sub("_share$", " %", re.sub("_s$", "", column)).replace("_", " ") for column in columns]
    numeric = [all(isinstance(row[i], (int, float, type(None))) for row in rows) for i in range(len(columns))]
    if stream.isatty():
        _draw(title, heads, cells, numeric, stream)
        return
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    if title:
        print(f"{title}", file=stream)
    for line in (heads, *cells) if "".join(heads).strip() else cells:
        fields = (
            f"{cell:>{w}}" if right else f"{cell:{w}}" for cell, w, right in zip(line, widths, numeric, strict=True)
        )
        print("  " + "  ".join(fields).rstrip(), file=stream)
    print(file=stream)


def shown(value: Any, column: str = "") -> str:
    """A value as a reader likes it: shares as percentages, large numbers in groups, ``–`` for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if column.endswith(("share", "%")):
            return f"{value:.1%}"
        if column.startswith("cost"):
            return f"${value:,.4f}" if 0 < value < 0.1 else f"${value:,.2f}"
        if column.endswith("_s"):
            return duration(value)
        return f"{value:,.0f}" if abs(value) >= 100 or value.is_integer() else f"{value:,.3g}"
    return "".join(c if c.isprintable() else "?" for c in str(value))


def duration(seconds: float | None) -> str:
    """Seconds as a reader likes them."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.0005 or not seconds else "<1 ms"
    for unit, size in (("s", 1), ("min", 60), ("h", 3600)):
        if seconds < size * 60 or unit == "h":
            break
    amount = seconds / size
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"


def _draw(title: str, heads: list[str], cells: list[list[str]], numeric: list[bool], stream: TextIO) -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream, highlight=False)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, show_header=bool("".join(heads).strip()))
    for at, (head, right) in enumerate(zip(heads, numeric, strict=True)):
        widest = max((len(row[at]) for row in cells), default=0)  # numbers are never broken, texts may be
        least = widest if right else min(widest, _NARROWEST)
        style = "dim" if table.show_header else "bold"
        table.add_column(head, justify="right" if right else "left", header_style=style, min_width=least)
    for row in cells:
        table.add_row(*(Text(cell, overflow="fold") for cell in row))
    if title:
        console.print(Text(title, style="bold"))
    least = Measurement.get(console, console.options, table).minimum
    console.print(table, width=max(least, console.width), crop=False, no_wrap=False)
    console.print()
