"""``agent inspect`` as a user runs it."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.conftest import user as user
from tests.trajectories.inspector import samples
from tests.trajectories.inspector.conftest import Browser


@pytest.fixture
def solved(user: User, tmp_path: Path) -> Path:
    """The output of a real attempt, with a failed command and a reply without an action."""
    out = tmp_path / "out"
    script = (call("bash", command="cat nothing.txt"), {"content": "Hm."}, LOOK, {**FIX, "content": "It adds."}, SUBMIT)
    done = user.solve(*script, more=("--output", str(out)))
    assert done.returncode == 0, done.stderr
    return out


def test_a_real_attempt_on_a_page(browser: Browser, user: User, solved: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    done = user.agent("inspect", str(solved), "--html", str(page))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert re.fullmatch(r"\S+out\.html: 1 attempt, \d+ kB\n", done.stderr)
    browser.open(page)
    browser.until("return document.querySelectorAll('.card.filled').length === 6")
    assert "submitted" in browser.one(".about").text
    shown = browser.one(".steps").text
    for part in ("cat nothing.txt", "command failed", "exit code 1", "Hm.", "It adds.", "rewrite_function", "calc.py"):
        assert part in shown, part
    browser.press("G")
    assert browser.texts(".panel .line.add") == ["+    return a + b"]
    assert browser.texts(".panel .line.del") == ["-    return a - b"]


def test_the_page_on_standard_output(user: User, solved: Path, tmp_path: Path) -> None:
    page = tmp_path / "out.html"
    user.agent("inspect", str(solved), "--html", str(page))
    done = user.agent("inspect", str(solved), "--html", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == page.read_text("utf-8")


def test_one_attempt_as_text(user: User, solved: Path) -> None:
    done = user.agent("inspect", str(solved / "trajectory.jsonl"))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    lines = done.stdout.splitlines()
    assert lines[0].startswith("add-subtracts-its-arguments")
    assert "$ bash command=cat nothing.txt" in lines
    assert "✗ command-failed" in lines
    assert "▌ correction" in lines
    assert "  │     return a + b" in lines
    assert "+    return a + b" in lines
    assert any(line.startswith("5 steps; ") for line in lines)


def test_many_attempts_as_a_table_with_forks_below_their_parents(user: User, run: Path) -> None:
    done = user.agent("inspect", str(run))
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["outcome", "steps", "tokens", "cost", "time", "patch", "attempt"]
    assert lines[-1] == "50 attempts, 25 resolved; name a file to see it step by step"
    assert len(lines) == 52
    forks = [line for line in lines if "└" in line]
    assert len(forks) == 6
    at = next(place for place, line in enumerate(lines) if "fork-3" in line)
    assert "fork-1" in lines[at - 1]
    assert lines[at].index("└") == lines[at - 1].index("└") + 2
    assert "from step 12" in lines[at]


@pytest.mark.parametrize("no_colour", ["", "1"])
def test_on_a_terminal_it_goes_through_a_pager(user: User, solved: Path, no_colour: str) -> None:
    ours, theirs = pty.openpty()
    env = {**user.env, "PAGER": "sed s/^/paged:/", "TERM": "xterm", "NO_COLOR": no_colour}
    command = user.command("inspect", str(solved))
    with subprocess.Popen(command, cwd=user.home, env=env, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        read = b""
        try:
            while chunk := os.read(ours, 65536):
                read += chunk
        except OSError:  # what a terminal says when its last writer is gone
            pass
    os.close(ours)
    assert process.returncode == 0
    assert b"paged:" in read
    assert (b"\x1b[1m" in read) == (not no_colour)


def test_serve_says_where_and_ends_by_an_interrupt(user: User, solved: Path) -> None:
    import signal
    import urllib.request

    command = user.command("inspect", str(solved), "--serve", "--port", "0")
    with subprocess.Popen(command, cwd=user.home, env=user.env, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        url = process.stderr.readline().split()[0]
        with urllib.request.urlopen(f"{url}attempts", timeout=10) as answer:
            assert b'"status": "submitted"' in answer.read()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert process.returncode == 130
    assert "Traceback" not in rest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "there is no missing"),
        (["notes.txt"], "notes.txt is not a trajectory; `agent import` reads those of other programs"),
        (["empty"], "no trajectories below empty"),
        (["good.jsonl", "--html", "no/such/out.html"], "cannot write no/such/out.html: No such file or directory"),
        (["good.jsonl", "--html", "a.html", "--serve"], "--html writes the page and --serve serves it; choose one"),
        (
            ["good.jsonl", "--serve", "--port", "99999"],
            "cannot listen on port 99999: not a port; choose another --port",
        ),
    ],
)
def test_what_cannot_be_shown_is_said_in_one_line(user: User, arguments: list[str], said: str) -> None:
    (user.home / "notes.txt").write_text("nothing\n")
    (user.home / "empty").mkdir()
    samples.write(user.home / "good.jsonl", samples.story(0, 2))
    done = user.agent("inspect", *arguments)
    assert done.returncode == 2
    assert one_line(done) == f"agent: {said}"


def test_the_text_can_be_cut_off_by_who_reads_it(user: User, run: Path) -> None:
    command = " ".join([*user.command("inspect", str(run)), "| head -2; echo ${PIPESTATUS[0]}"])
    done = subprocess.run(["bash", "-c", command], env=user.env, cwd=user.home, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert len(done.stdout.splitlines()) == 3
