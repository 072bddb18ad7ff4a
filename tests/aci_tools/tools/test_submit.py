"""The end of the work."""

from __future__ import annotations

import json
import subprocess

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.tools.submit import Submit


@pytest.fixture
def sandbox(tmp_path):
    root = tmp_path / "repository"
    root.mkdir()
    (root / "a b.py").write_bytes(b"one\r\ntwo\r\n")
    commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all"
    subprocess.run(commit, shell=True, cwd=root, check=True)
    sandbox = open_sandbox("local", SandboxSpec(repository=root))
    yield sandbox
    sandbox.close()


@pytest.fixture
def session(sandbox):
    return Session(sandbox, SessionSettings(review_submit=True))


def test_without_review_the_first_call_ends(sandbox):
    session = Session(sandbox)
    session.write("a b.py", b"one\r\n2\r\n")
    seen = Submit().run(session)
    assert (seen.text, seen.ok, seen.done) == ("Submitted changes to a b.py.", True, True)
    assert json.loads(json.dumps(seen.data)) == {"files": ["a b.py"], "added": 1, "removed": 1}


def test_the_diff_is_shown_once_for_review(session):
    session.write("a b.py", b"one\r\n2\r\n")
    session.write("scratch.py", b"print(1)\n")
    first, second = Submit().run(session), Submit().run(session)
    assert not first.done
    assert "-two\n+2\n" in first.text
    assert "New: scratch.py. Remove what is not part of the solution" in first.text
    assert second.done
    assert session.reviewed == session.patch()


def test_files_are_named_as_they_are_called(session):
    names = ["a b.py", 'q"\\.py', "é.py", "tab\t.py"]
    for name in names:
        session.write(name, b"1\n")
    session.sandbox.write(f"{session.root}/\udcff.py", b"1\n")
    first, second = Submit().run(session), Submit().run(session)
    assert sorted(first.data["files"]) == sorted([*names, "\ufffd.py"])
    assert 'q"\\.py' in first.text.partition("- New: ")[2]
    assert "é.py" in first.text.partition("- New: ")[2]
    assert "é.py" in second.text


def test_an_edit_after_the_review_does_not_ask_again(session):
    session.write("a b.py", b"one\r\n2\r\n")
    Submit().run(session)
    session.write("a b.py", b"1\r\n2\r\n")
    assert Submit().run(session).done


def test_an_empty_patch_is_asked_about_once(session):
    first, second = Submit().run(session), Submit().run(session)
    assert not first.done
    assert first.text.startswith("Nothing has been changed yet")
    assert (second.text, second.done) == ("Submitted without any change.", True)


def test_a_long_or_binary_diff_is_cut_for_display_only(session):
    session.write("long.txt", b"".join(b"line %d\n" % number for number in range(20_000)))
    session.write("picture.bin", bytes(range(256)) * 100)
    seen = Submit().run(session)
    assert len(seen.text) < 13_000
    assert "characters left out" in seen.text
    assert "(binary data)" in seen.text
    assert len(session.reviewed) > 150_000
