"""The viewer: what is shown, what is above and below, and what is refused."""

from __future__ import annotations

import pytest

from aci_tools.tools.search import SearchFile
from aci_tools.tools.view import Goto, Open, ScrollDown, ScrollUp

LONG = "".join(f"line {n}\n" for n in range(1, 121))


@pytest.fixture
def session(session_on):
    files = {"long.py": LONG, "other.py": LONG, "a b/c d.py": "x = 1\n", "empty.txt": "", "data.bin": b"\0\1\2" * 5}
    return session_on({**files, "wide.txt": "y" * 5000 + "\n", "ff.py": b"a\x0cb\nc\n"}, window=20)


def test_the_window_is_numbered_and_counted(session):
    shown = session.execute(Open(path="long.py", line=60)).text.split("\n")
    assert shown[:3] == ["[File: long.py (120 lines)]", "(49 more lines above)", "50:line 50"]
    assert shown[-2:] == ["69:line 69", "(51 more lines below)"]


def test_another_file_opens_at_its_beginning_and_the_open_one_keeps_its_place(session):
    session.execute(Open(path="long.py", line=60))
    again = session.execute(Open(path="long.py"))
    assert "\n50:line 50\n" in again.text
    other = session.execute(Open(path="other.py"))
    assert other.text.startswith("[File: other.py (120 lines)]\n1:line 1\n")


def test_scrolling_overlaps_and_says_when_it_is_at_an_end(session):
    session.execute(Open(path="long.py"))
    assert "This is the beginning" in session.execute(ScrollUp()).text
    assert "\n19:line 19\n" in session.execute(ScrollDown()).text
    session.execute(Goto(line=120))
    end = session.execute(ScrollDown())
    assert "This is the end" in end.text
    assert end.text.endswith("120:line 120")


def test_a_line_that_does_not_exist(session):
    session.execute(Open(path="long.py"))
    refused = session.execute(Goto(line=121))
    assert (refused.ok, refused.code) == (False, "bad-argument")
    assert "120 lines" in refused.text


def test_nothing_is_open_at_first(session):
    assert "No file is open" in session.execute(Goto(line=1)).text


def test_paths_with_blanks_and_absolute_ones(session):
    assert "1:x = 1" in session.execute(Open(path="a b/c d.py")).text
    assert "1:x = 1" in session.execute(Open(path=f"{session.root}/a b/../a b/c d.py")).text


def test_what_cannot_be_shown_is_refused_in_words(session):
    binary = session.execute(Open(path="data.bin"))
    assert not binary.ok
    assert "15 bytes" in binary.text
    assert "is a directory" in session.execute(Open(path="a b")).text
    assert "outside the repository" in session.execute(Open(path="../etc/passwd")).text
    assert "belongs to git" in session.execute(Open(path=".git/config")).text
    missing = session.execute(Open(path="src/long.py"))
    assert missing.code == "not-found"
    assert "Did you mean long.py?" in missing.text
    session.sandbox.run("ln -s gone.py link.py")
    nowhere = session.execute(Open(path="link.py"))
    assert (nowhere.code, nowhere.text.partition(". ")[0]) == ("not-found", "link.py is a link that leads nowhere")
    assert session.open_path is None


def test_a_file_that_would_fill_our_memory_is_refused(session):
    session.sandbox.run("truncate -s 1T huge.log || truncate -s 3G huge.log")
    for tool in (Open(path="huge.log"), SearchFile(path="huge.log", term="x")):
        seen = session.execute(tool)
        assert (seen.ok, seen.text.partition(". ")[0]) == (False, "huge.log has more than 16,000,000 bytes")


def test_empty_files_and_long_lines(session):
    assert "(the file is empty)" in session.execute(Open(path="empty.txt")).text
    wide = session.execute(Open(path="wide.txt")).text
    assert len(wide) < 600
    assert "more characters" in wide


def test_lines_are_those_of_python(session):
    assert "(2 lines)" in session.execute(Open(path="ff.py")).text
