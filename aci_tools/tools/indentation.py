"""Lines that are indented otherwise than the file in which they are to stand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def shifted(there: Sequence[str], old: Sequence[str], new: Sequence[str]) -> list[str] | None:
    """The new lines with the indentation that the file has, if it differs by one constant prefix.

    Args:
        there: Lines of the file.
        old: The same lines as somebody wrote them.
        new: Lines that are indented as ``old`` is.
    """
    shifts = {(indentation(a), indentation(b)) for a, b in zip(there, old, strict=True) if b.strip()}
    deeper = {a.removesuffix(b) for a, b in shifts if a.endswith(b)}
    if len(deeper) == 1 and all(a.endswith(b) for a, b in shifts):
        prefix = deeper.pop()
        return [prefix + line if line.strip() else line for line in new]
    less = {b.removesuffix(a) for a, b in shifts if b.endswith(a)}
    if len(less) == 1 and all(b.endswith(a) for a, b in shifts):
        prefix = less.pop()
        if all(line.startswith(prefix) for line in new if line.strip()):
            return [line.removeprefix(prefix) for line in new]
    return None


def indented_as(beside: Iterable[str], new: Sequence[str]) -> Iterator[list[str]]:
    """The new lines as they may be meant, in order, each way once.

    First all of them shifted so that the first one is indented as a line beside them; then the first one alone, as
    models write who begin with the code and indent the rest.

    Args:
        beside: Lines that are replaced or stand next to the new ones, the likeliest first; empty ones do not count.
        new: The new lines.
    """
    first = next((number for number, line in enumerate(new) if line.strip()), None)
    if first is None:
        return
    known = [list(new)]
    for line in filter(str.strip, beside):
        alone = [*new[:first], indentation(line) + new[first].lstrip(), *new[first + 1 :]]
        for way in (shifted([line], [new[first]], new), alone):
            if way is not None and way not in known:
                known.append(way)
                yield way


def indentation(line: str) -> str:
    """The white space that a line begins with."""
    return line[: len(line) - len(line.lstrip())]
