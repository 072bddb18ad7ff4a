"""Files as numbered lines: every byte survives, and lines are what Python's tokenizer calls lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aci_tools.text import Document, is_binary, split_lines

PIECES = st.sampled_from(
    [b"a", b" \t", b"\n", b"\r\n", b"\r", b"\xe9", "é".encode(), b"\x0c", "\u2028".encode(), b"\xef\xbb\xbf"]
)
DATA = st.lists(PIECES, max_size=30).map(b"".join) | st.binary(max_size=60)


@given(DATA)
def test_reading_and_writing_changes_no_byte(data):
    assert Document.parse(data).data == data


@given(DATA, st.data(), st.lists(st.text("ab \t\f", max_size=4), max_size=4))
def test_a_splice_changes_only_its_lines(data, draw, new):
    before = Document.parse(data)
    first = draw.draw(st.integers(1, len(before) + 1))
    last = draw.draw(st.integers(first - 1, len(before)))
    after = before.splice(first, last, new)
    head = before.bom + b"".join(before.lines[: first - 1])
    tail = b"".join(before.lines[last:])
    assert after.data.startswith(head)
    assert after.data.endswith(tail)
    if tail:
        assert after.texts(first, first + len(new) - 1) == new


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        ("a\x0cb\n\u2028c\nd\x85".encode(), ["a\x0cb", "\u2028c", "d\x85"]),
        (b"a\r\nb\rc\n", ["a", "b\rc"]),
        (b"\xef\xbb\xbfa\n", ["a"]),
        (b"", []),
        (b"\n", [""]),
    ],
)
def test_only_line_feeds_end_lines(data, texts):
    document = Document.parse(data)
    assert document.texts() == texts


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (b"# -*- coding: cp1252 -*-\nx = '\x80'\n", "cp1252"),
        (b"#!/bin/sh\n# vim: set fileencoding=latin-1 :\n\xe9\n", "iso8859-1"),
        ("é\n".encode(), "utf-8"),
        (b"\xe9\n", "latin-1"),
        (b"# coding: no-such-codec\na\n", "utf-8"),
        (b"# coding: rot13\na\n", "utf-8"),
        (b"# coding: utf-8\n\xe9\n", "latin-1"),
    ],
)
def test_the_encoding_is_the_declared_one_if_it_fits(data, encoding):
    assert Document.parse(data).encoding == encoding


def test_new_lines_get_the_line_end_that_most_lines_have():
    assert Document.parse(b"a\r\nb\r\nc\n").splice(3, 3, ["x", "y"]).data == b"a\r\nb\r\nx\r\ny\r\n"
    assert Document.parse(b"a\nb\r\nc\n").splice(2, 1, ["x"]).data == b"a\nx\nb\r\nc\n"


def test_a_file_without_a_final_newline_stays_without():
    assert Document.parse(b"a\nb").splice(2, 2, ["x", "y"]).data == b"a\nx\ny"
    assert Document.parse(b"a\nb").splice(3, 2, ["c"]).data == b"a\nb\nc"
    assert Document.parse(b"a\nb").splice(2, 2, []).data == b"a\n"


def test_lines_written_again_as_they_are_keep_their_own_line_end():
    assert Document.parse(b"a\nb\r\nc\n").splice(1, 3, ["a", "b", "x"]).data == b"a\nb\r\nx\n"


def test_binary_is_what_git_calls_binary():
    assert is_binary(b"a\0b")
    assert not is_binary(b"a" * 8000 + b"\0")


def test_a_final_line_end_starts_no_line():
    assert split_lines("a\r\nb\n") == ["a", "b"]
    assert split_lines("a\n\n") == ["a", ""]
    assert split_lines("") == []
