"""What a program printed, as a model reads it."""

from __future__ import annotations

import pytest

from aci_tools.output import clean


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        ("N\bNA\bAM\bM", "NAM"),
        ("10%\b\b\b99%", "99%"),
        ("é\be", "e"),
        ("line\n\bx", "line\n\\x08x"),
        ("\b\bab\b", "\\x08\\x08a"),
        ("ab\b\b\bc", "\\x08c"),
    ],
)
def test_a_backspace_takes_one_character_of_its_line(printed: str, read: str) -> None:
    assert clean(printed.encode()) == read


def test_many_backspaces_in_a_row_are_read_in_one_pass() -> None:
    """One pass for each of them would take hours."""
    count = 300_000
    assert clean(b"a" * count + b"\b" * count + b"done") == "done"
