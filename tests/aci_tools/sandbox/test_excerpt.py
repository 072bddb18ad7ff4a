"""Of a stream that comes in pieces of any size, the same head and tail are kept."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from aci_tools.sandbox.excerpt import Excerpt

MARK = re.compile(rb"\[\.\.\. (\d+) bytes omitted \.\.\.\]\n")


@given(st.lists(st.binary(max_size=400), max_size=30), st.integers(128, 1000))
def test_head_and_tail_are_those_of_the_stream(pieces: list[bytes], limit: int) -> None:
    excerpt = Excerpt(limit)
    for piece in pieces:
        excerpt.add(piece)
    whole = b"".join(pieces)
    kept, dropped = excerpt.render()
    assert len(kept) <= limit
    if len(whole) <= limit:
        assert (kept, dropped) == (whole, 0)
        return
    mark = list(MARK.finditer(kept))[-1] if whole.count(b"omitted") else MARK.search(kept)
    assert mark is not None
    assert int(mark[1]) == dropped
    head, tail = kept[: mark.start()], kept[mark.end() :]
    assert whole.endswith(tail)
    assert whole.startswith((head, head.removesuffix(b"\n")))
    assert len(head) + len(tail) >= limit - 72


def test_characters_are_not_torn() -> None:
    excerpt = Excerpt(200)
    for _ in range(1000):
        excerpt.add("é€😀".encode())
    kept, _ = excerpt.render()
    assert "\ufffd" not in kept.decode("utf-8", "replace")


def test_without_a_limit_all_is_kept() -> None:
    excerpt = Excerpt(None)
    for _ in range(100):
        excerpt.add(b"x" * 1000)
    assert excerpt.render() == (b"x" * 100_000, 0)
