"""Editing by line numbers: what the agent sees, and what the file is afterwards, to the byte."""

from __future__ import annotations

import pytest

from aci_tools.tools.edit_lines import Edit, Insert
from aci_tools.tools.view import Open

FILE = "".join(f"x{n} = {n}\n" for n in range(1, 41))


@pytest.fixture
def session(session_on):
    return session_on(
        {"a.py": FILE, "b c.txt": "one\r\ntwo\r\n", "Makefile": "all:\n\techo\n\n\tls\n", "empty.txt": ""}
    )


def read(session, path):
    return session.sandbox.read(f"{session.root}/{path}")


def test_the_changed_lines_are_shown_with_some_around(session):
    session.execute(Open(path="a.py"))
    seen = session.execute(Edit(start=20, end=21, text="y = 1\nz = 2\nw = 3\n"))
    assert seen.ok
    lines = seen.text.split("\n")
    assert lines[0] == "Edited a.py: lines 20-21 replaced by 3 lines."
    assert lines[1] == "[File: a.py (41 lines)]"
    assert lines[2].endswith("more lines above)")
    assert {"19:x19 = 19", "20:y = 1", "22:w = 3", "23:x22 = 22"} <= set(lines)
    assert lines[-1].endswith("more lines below)")
    assert (seen.data["path"], seen.data["lines"]) == ("a.py", [20, 22])
    assert read(session, "a.py") == FILE.replace("x20 = 20\nx21 = 21\n", "y = 1\nz = 2\nw = 3\n").encode()


def test_an_empty_text_deletes(session):
    seen = session.execute(Edit(start=1, end=39, path="a.py", text=""))
    assert "lines 1-39 deleted" in seen.text
    assert read(session, "a.py") == b"x40 = 40\n"


def test_tabs_and_line_ends_stay(session):
    assert session.execute(Edit(start=2, end=2, path="Makefile", text="\techo hello")).ok
    assert read(session, "Makefile") == b"all:\n\techo hello\n\n\tls\n"
    assert session.execute(Insert(line=1, path="b c.txt", text="between\n")).ok
    assert read(session, "b c.txt") == b"one\r\nbetween\r\ntwo\r\n"


def test_inserting_at_both_ends(session):
    session.execute(Insert(line=0, path="b c.txt", text="first"))
    session.execute(Insert(line=3, path="b c.txt", text="last"))
    assert read(session, "b c.txt") == b"first\r\none\r\ntwo\r\nlast\r\n"
    session.execute(Insert(line=0, path="empty.txt", text="now"))
    assert read(session, "empty.txt") == b"now\n"


@pytest.mark.parametrize(
    ("call", "essential"),
    [
        (Edit(start=5, end=4, path="a.py", text="x"), "start must not be greater than end"),
        (Edit(start=40, end=41, path="a.py", text="x"), "Its last line is 40"),
        (Edit(start=1, end=1, path="empty.txt", text="x"), "use insert with line 0"),
        (Insert(line=41, path="a.py", text="x"), "Its last line is 40"),
        (Edit(start=1, end=1, path="A.py", text="x"), "Did you mean a.py?"),
        (Edit(start=1, end=1, text="x"), "No file is open"),
        (Edit(start=1, end=2, path="a.py", text="1:x = 1\n2:y = 2\n"), "without them"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(session, call, essential):
    refused = session.execute(call)
    assert not refused.ok
    assert essential in refused.text
    assert session.edits == []
    assert read(session, "a.py") == FILE.encode()


def test_an_edit_that_changes_nothing_is_refused(session):
    refused = session.execute(Edit(start=3, end=4, path="a.py", text="x3 = 3\nx4 = 4"))
    assert refused.code == "no-change"
    assert "exactly as it is" in refused.text
    assert session.edits == []


def test_the_guard_shows_error_both_windows_and_that_nothing_changed(session):
    refused = session.execute(Edit(start=20, end=20, path="a.py", text="if x1:\npass"))
    assert refused.code == "guard-refused"
    would, current = refused.text.split("As it would have been:")[1].split("As it is:")
    assert "line 21" in refused.text.split("As it would")[0]
    assert "20:if x1:\n>21:pass\n" in would
    assert "20:x20 = 20" in current
    assert "Nothing was changed" in current
    assert [error["line"] for error in refused.data["errors"]] == [21]
    assert read(session, "a.py") == FILE.encode()


def test_an_error_far_from_the_edit_is_shown_where_it_is(session_on):
    session = session_on({"a.py": "import os\n" + "\n" * 200 + "print(os)\n"})
    refused = session.execute(Edit(start=1, end=1, path="a.py", text=""))
    assert ">201:print(os)" in refused.text
    assert "1:import os" in refused.text


def test_an_old_error_does_not_block_an_edit_elsewhere(session_on):
    session = session_on({"a.py": "import os\n\n\nprint(undefined)\n"})
    assert session.execute(Edit(start=1, end=2, path="a.py", text="import os\nimport sys\nx = sys, os\n")).ok


def test_a_character_that_the_file_cannot_hold(session_on):
    data = b"# coding: latin-1\nx = '\xe9'\n"
    session = session_on({"a.py": data})
    refused = session.execute(Edit(start=2, end=2, path="a.py", text="x = '→'"))
    assert "lacks the character '→'" in refused.text
    assert session.execute(Edit(start=2, end=2, path="a.py", text="x = 'éè'")).ok
    assert read(session, "a.py") == b"# coding: latin-1\nx = '\xe9\xe8'\n"


def test_a_file_of_a_hundred_thousand_lines(session_on):
    data = b"".join(b"line %d\r\n" % n for n in range(100_000))
    session = session_on({"big.txt": data})
    assert session.execute(Edit(start=50_001, end=50_001, path="big.txt", text="changed")).ok
    assert read(session, "big.txt") == data.replace(b"line 50000\r\n", b"changed\r\n")
    assert "(100001 lines)" in session.execute(Insert(line=0, path="big.txt", text="top")).text


NESTED = """\
def count(n):
    found = 0
    while n:
        n ^= n - 1
        found += 1

    return found
"""


@pytest.mark.parametrize(
    ("call", "old", "new"),
    [
        (Edit(start=4, end=4, path="n.py", text="    n &= n - 1\n"), "n ^= n - 1", "n &= n - 1"),
        (Edit(start=4, end=4, path="n.py", text="n &= n - 1\n"), "n ^= n - 1", "n &= n - 1"),
        (Edit(start=2, end=2, path="n.py", text="        found = 1\n"), "found = 0", "found = 1"),
        (
            Edit(start=2, end=4, path="n.py", text="found = 1\n\n    while n > 0:\n        n &= n - 1\n"),
            "found = 0\n    while n:\n        n ^= n - 1",
            "found = 1\n\n    while n > 0:\n        n &= n - 1",
        ),
        (
            Edit(start=3, end=4, path="n.py", text="while n > 0:\n    n &= n - 1\n"),
            "while n:\n        n ^= n - 1",
            "while n > 0:\n        n &= n - 1",
        ),
        (Edit(start=6, end=7, path="n.py", text="  return 1\n"), "\n    return found", "    return 1"),
        (Insert(line=3, path="n.py", text="    print(n)\n"), "n ^= n", "print(n)\n        n ^= n"),
        (Insert(line=5, path="n.py", text="          n -= 0\n"), "+= 1\n", "+= 1\n        n -= 0\n"),
    ],
)
def test_what_the_guard_refuses_is_indented_as_the_lines_that_it_replaces_or_follows(session_on, call, old, new):
    session = session_on({"n.py": NESTED})
    seen = session.execute(call)
    assert seen.ok, seen.text
    assert seen.text.split("\n")[0].endswith("The new lines were indented to fit the file.")
    assert read(session, "n.py").decode() == NESTED.replace(old, new)


def test_lines_that_differ_from_the_file_by_their_indentation_only_change_nothing(session_on):
    session = session_on({"n.py": NESTED})
    refused = session.execute(Edit(start=4, end=4, path="n.py", text="    n ^= n - 1\n"))
    assert refused.code == "no-change"
    assert read(session, "n.py").decode() == NESTED


def test_what_the_guard_lets_through_is_not_indented(session_on):
    session = session_on({"n.py": NESTED})
    seen = session.execute(Edit(start=5, end=5, path="n.py", text="    found += 1\n"))
    assert "indented" not in seen.text
    assert read(session, "n.py").decode() == NESTED.replace("        found += 1", "    found += 1")


@pytest.mark.parametrize("text", ["    n &= (n - 1\n", "    while n:\n"])
def test_what_no_indentation_mends_is_refused_as_it_was_written(session_on, text):
    session = session_on({"n.py": NESTED})
    refused = session.execute(Edit(start=4, end=4, path="n.py", text=text))
    assert refused.code == "guard-refused"
    assert f"4:{text}" in refused.text
    assert "indented to fit" not in refused.text
    assert read(session, "n.py").decode() == NESTED


def test_tabs_are_fitted_as_the_file_has_them(session_on):
    session = session_on({"t.py": "def f(a):\n\tif a:\n\t\treturn 1\n\treturn 2\n"})
    assert session.execute(Edit(start=3, end=3, path="t.py", text="    return 3\n")).ok
    assert read(session, "t.py").decode() == "def f(a):\n\tif a:\n\t\treturn 3\n\treturn 2\n"
