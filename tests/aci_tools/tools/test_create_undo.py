"""Making files and taking edits back."""

from __future__ import annotations

import pytest

from aci_tools.session import Session
from aci_tools.tools.base import BROKEN, Observation, Tool
from aci_tools.tools.create_undo import Create, Undo
from aci_tools.tools.edit_lines import Edit


@pytest.fixture
def session(session_on):
    return session_on({"a.py": b"x = 1\r\ny = 2", "d/b.py": "z = 3\n"})


def read(session, path):
    return session.sandbox.read(f"{session.root}/{path}")


def test_a_new_file_ends_with_a_newline_and_is_open(session):
    seen = session.execute(Create(path="new dir/n.py", text="a = 1"))
    assert seen.text.split("\n") == [
        "Edited new dir/n.py: created with 1 line.",
        "[File: new dir/n.py (1 line)]",
        "1:a = 1",
    ]
    assert read(session, "new dir/n.py") == b"a = 1\n"
    assert session.open_path == "new dir/n.py"


def test_an_empty_file_can_be_created(session):
    assert "(the file is empty)" in session.execute(Create(path="e.py", text="")).text
    assert read(session, "e.py") == b""


@pytest.mark.parametrize(
    ("path", "text", "essential"),
    [
        ("a.py", "x", "exists already"),
        ("d", "x", "exists already"),
        ("d/", "x", "names a directory"),
        ("../x", "x", "outside the repository"),
        ("a.py/x.py", "n = 1", "cannot be written"),
        ("n.py", "def f(:\n", "would introduce"),
    ],
)
def test_what_cannot_be_created(session, path, text, essential):
    refused = session.execute(Create(path=path, text=text))
    assert not refused.ok
    assert essential in refused.text
    assert session.edits == []


def test_edits_are_taken_back_one_by_one(session):
    session.execute(Edit(start=2, end=2, path="a.py", text="y = 3\nw = 4"))
    session.execute(Create(path="n.py", text="n = 1\n"))
    gone = session.execute(Undo())
    assert "n.py is gone again" in gone.text
    assert not session.exists("n.py")
    back = session.execute(Undo())
    assert "a.py is as it was" in back.text
    assert "2:y = 2" in back.text
    assert read(session, "a.py") == b"x = 1\r\ny = 2"
    assert session.execute(Undo()).code == "not-found"


def test_the_last_edit_of_one_file(session):
    session.execute(Edit(start=1, end=1, path="a.py", text="x = 5"))
    session.execute(Edit(start=1, end=1, path="d/b.py", text="z = 5"))
    assert "1 earlier edit can be taken back" in session.execute(Undo(path="a.py")).text
    assert read(session, "a.py") == b"x = 1\r\ny = 2"
    assert read(session, "d/b.py") == b"z = 5\n"
    assert "no edit of a.py" in session.execute(Undo(path="a.py")).text


def test_what_a_command_did_since_is_not_lost(session):
    session.execute(Edit(start=1, end=1, path="d/b.py", text="z = 5"))
    session.sandbox.run("echo 'more = 1' >> d/b.py")
    refused = session.execute(Undo())
    assert not refused.ok
    assert "changed by a command since" in refused.text
    assert read(session, "d/b.py") == b"z = 5\nmore = 1\n"


@pytest.mark.parametrize("command", ["rm n.py; mkdir n.py", "rm n.py; ln -s nowhere n.py"])
def test_an_edit_of_what_is_no_file_any_more_is_not_taken_back(session_on, command: str) -> None:
    session = session_on({"a.py": "x = 1\n"})
    assert session.execute(Create(path="n.py", text="y = 1\n")).ok
    assert session.sandbox.run(command, cwd=session.root).ok
    assert "was changed by a command" in session.execute(Undo()).text


class Breaks(Tool):
    """Breaks."""

    def run(self, session: Session) -> Observation:
        return Observation("abc"[int("7") :][0])


def test_a_tool_that_breaks_is_an_observation(session_on) -> None:
    done = session_on({"a.py": "x = 1\n"}).execute(Breaks())
    assert (done.ok, done.code) == (False, BROKEN)
    assert done.data["error"].startswith("IndexError")
    assert done.data["at"].startswith("test_create_undo.py:")
