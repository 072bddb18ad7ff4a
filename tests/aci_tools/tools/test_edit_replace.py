"""Search and replace: exactly once, or a refusal that helps."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aci_tools.tools.edit_replace import Replace

CODE = """\
class A:
    def f(self):
        x = 1
        return x

    def g(self):
        x = 1
        return x + 1
"""


@pytest.fixture
def session(session_on):
    files = {"a.py": CODE, "crlf.txt": b"one\r\ntwo\r\nthree\r\n", "trail.py": b"a = 1  \nb = 2\t\nc = 3\n"}
    return session_on({**files, "tab.go": "package a\n\nfunc f() {\n\tx := 1\n\ty := 2\n}\n", "end.txt": b"a\nb"})


def read(session, path):
    return session.sandbox.read(f"{session.root}/{path}")


def replaced(session, path, old, new):
    seen = session.execute(Replace(path=path, old=old, new=new))
    assert seen.ok, seen.text
    return seen, read(session, path)


def test_a_part_of_a_line(session):
    seen, data = replaced(session, "a.py", "x + 1", "x + 2")
    assert data == CODE.replace("x + 1", "x + 2").encode()
    assert "8:        return x + 2" in seen.text


def test_whole_lines_with_and_without_their_line_end(session):
    _, data = replaced(session, "a.py", "        return x + 1\n", "        y = x\n        return y\n")
    assert data.endswith(b"        y = x\n        return y\n")
    _, data = replaced(session, "a.py", "        y = x\n        return y", "        return x")
    assert data == CODE.replace("x + 1", "x").encode()


def test_whole_lines_are_not_the_beginnings_of_longer_ones(session_on):
    session = session_on(
        {"one.py": "x = 10\n", "two.py": "x = 1\nx = 10\n", "a.md": "a\nc\n", "é.txt": "caf é\ncafé\n"}
    )
    assert session.execute(Replace(path="one.py", old="x = 1\n", new="x = 2\n")).code == "not-found"
    assert session.execute(Replace(path="a.md", old="a\n\n", new="b\n")).code == "not-found"
    _, data = replaced(session, "two.py", "x = 1\n", "x = 2\n")
    assert data == b"x = 2\nx = 10\n"
    _, data = replaced(session, "é.txt", "caf\n", "tea\n")
    assert data == "tea é\ncafé\n".encode()


def test_a_closed_text_may_be_a_part_of_a_line_where_no_line_ends_in_it(session):
    _, data = replaced(session, "a.py", "def g(\n", "def h(\n")
    assert data == CODE.replace("def g(", "def h(").encode()


def test_deleting_whole_lines_leaves_no_empty_one(session):
    _, data = replaced(session, "trail.py", "c = 3", "")
    assert data == b"a = 1  \nb = 2\t\n"
    _, data = replaced(session, "end.txt", "b\n", "")
    assert data == b"a\n"


def test_line_ends_of_the_file_are_kept(session):
    _, data = replaced(session, "crlf.txt", "one\ntwo", "1\n2\n3")
    assert data == b"1\r\n2\r\n3\r\nthree\r\n"


def test_an_ambiguous_text_is_refused_with_its_places(session):
    refused = session.execute(Replace(path="a.py", old="        x = 1\n", new="        x = 2\n"))
    assert refused.code == "ambiguous"
    assert "2 times" in refused.text
    assert "3:        x = 1\n7:        x = 1" in refused.text
    assert read(session, "a.py") == CODE.encode()


def test_the_nearest_place_is_shown_when_there_is_none(session):
    refused = session.execute(
        Replace(path="a.py", old="    def g(self):\n        x = 2\n        return x + 1\n", new="y")
    )
    assert refused.code == "not-found"
    assert "lines 6-8" in refused.text
    assert "7:        x = 1" in refused.text
    assert "-         x = 2" in refused.text
    assert "+         x = 1" in refused.text
    assert "Nothing was changed" in refused.text


def test_the_nearest_place_of_a_long_text_is_found_soon(session_on):
    lines = [f"    value_{i} = compute_{i * 7 % 10}(arg_{i * 13 % 51}, {i * 31 % 100})\n" for i in range(4000)]
    session = session_on({"long.py": "def f():\n" + "".join(lines)})
    old = "".join(lines[1000:1250]).replace("compute", "computed")
    began = time.process_time()
    refused = session.execute(Replace(path="long.py", old=old, new="x\n"))
    assert time.process_time() - began < 20
    assert "The nearest is lines 1002-1251:" in refused.text
    assert "-     value_1000 = computed_0(arg_46, 0)\n" in refused.text
    assert "+     value_1000 = compute_0(arg_46, 0)\n" in refused.text


def test_a_text_like_nothing_in_the_file(session):
    refused = session.execute(Replace(path="a.py", old="zzzzzz qqqqqq wwwww", new="y"))
    assert "Nothing in it looks like it" in refused.text


def test_blanks_at_the_ends_of_lines_may_differ_where_one_place_fits(session):
    seen, data = replaced(session, "trail.py", "a = 1\nb = 2\n", "a = 1\nb = 3\n")
    assert data == b"a = 1\nb = 3\nc = 3\n"
    assert "white space at the ends of lines" in seen.text


def test_one_shift_of_all_indentation_is_taken_over_by_the_new_text(session):
    seen, data = replaced(session, "a.py", "def g(self):\n    x = 1\n", "def g(self):\n    x = 5\n\n    y = 2\n")
    assert data == CODE.replace("g(self):\n        x = 1\n", "g(self):\n        x = 5\n\n        y = 2\n").encode()
    assert "differed from the old text in indentation" in seen.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return x + 1", "if x:\n    return x + 1\n\nreturn 0"),
        ("return x + 1\n", "if x:\n    return x + 1\n\nreturn 0\n"),
        ("    return x + 1\n", "    if x:\n        return x + 1\n\n    return 0\n"),
    ],
)
def test_further_lines_are_indented_as_the_one_line_where_the_guard_would_refuse_them(session, old, new):
    seen, data = replaced(session, "a.py", old, new)
    code = "        if x:\n            return x + 1\n\n        return 0\n"
    assert data == CODE.replace("        return x + 1\n", code).encode()
    assert "1 place replaced. The new lines were indented to fit the file." in seen.text


def test_an_uneven_shift_is_not_guessed(session):
    refused = session.execute(Replace(path="a.py", old="def g(self):\n  x = 1\n", new="def g(self):\n  x = 5\n"))
    assert refused.code == "not-found"


def test_a_shift_that_fits_two_places_is_ambiguous(session_on):
    session = session_on({"two.py": "if 1:\n    a = 1\n    b = 2\nelse:\n    a = 1\n    b = 2\n"})
    refused = session.execute(Replace(path="two.py", old="a = 1\nb = 2\n", new="a = 3\n"))
    assert refused.code == "ambiguous"
    assert "2:    a = 1\n5:    a = 1" in refused.text
    assert session.edits == []


def test_tabs_are_not_expanded(session):
    _, data = replaced(session, "tab.go", "\ty := 2\n", "\ty := 3\n")
    assert data == b"package a\n\nfunc f() {\n\tx := 1\n\ty := 3\n}\n"


def test_old_and_new_the_same_or_empty(session):
    assert session.execute(Replace(path="a.py", old="x = 1", new="x = 1")).code == "no-change"
    assert "empty" in session.execute(Replace(path="a.py", old=" \n", new="x")).text


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    head=st.lists(st.sampled_from([b"a", b"\t", b"\r\n", b"\n", b"\xe9", b"\x0c", b"\r"]), max_size=8).map(b"".join),
    tail=st.lists(st.sampled_from([b"a", b"\t", b"\r\n", b"\n", b"\xff", "é".encode()]), max_size=8).map(b"".join),
)
def test_every_byte_around_the_place_stays(session, head, tail):
    session.sandbox.write(f"{session.root}/p.txt", head + b"OLD" + tail)
    _, data = replaced(session, "p.txt", "OLD", "NEW")
    assert data == head + b"NEW" + tail
