"""From an issue's URL alone to a patch: each kind of forge, private, with a token that nobody else gets to see."""

from __future__ import annotations

import os
import pty
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.conftest import FIX, SUBMIT, TOOLS, User, call
from tests.tasks.forge_kinds import KINDS, settings
from tests.tasks.forge_server import Forge, serving

TOKEN = "canary-of-mona-4f1c"


@pytest.fixture(params=KINDS)
def forge(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Forge]:
    made = KINDS[request.param](tmp_path / "forge")
    made.users = {TOKEN: "mona"}
    with serving(made):
        yield made


def test_private_issue_becomes_a_patch(user: User, forge: Forge, tmp_path: Path) -> None:
    project = forge.add("acme/calc", user.repository, writers={"mona"}, private=True)
    project.issue(
        7, "add subtracts", "It gives `-1` for `add(1, 2)`.", state="closed", comments=[("mona", "In `calc`.")]
    )
    url = f"{forge.web}/acme/calc/{'-/' if forge.kind == 'gitlab' else ''}issues/7"
    looking = call("bash", command="env; cat .git/config; git log --format=%s; git remote -v")
    output = tmp_path / "out"
    known = ["--model", user.script(looking, FIX, SUBMIT), "--sandbox", "local", "--output", str(output)]
    wanted = ["solve", "--issue", url, *known, "--set", TOOLS, "--set", "aci.review_submit=false"]
    done = user.agent(*wanted, env=user.env | settings(forge, TOKEN))
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    assert "the issue is closed: it may be solved already" in done.stderr
    assert "acme__calc-7" in done.stderr
    trajectory = (output / "trajectory.jsonl").read_text()
    assert "## Comment 1, by a maintainer" in trajectory
    assert "Begin" in trajectory
    written = [file.read_bytes() for place in (output, user.home) for file in place.rglob("*") if file.is_file()]
    assert not any(TOKEN.encode() in content for content in (*written, done.stdout.encode(), done.stderr.encode()))


@pytest.mark.parametrize(("answer", "taken"), [("y", True), ("n", False)])
def test_uncommitted_changes_are_asked_about_on_a_terminal(user: User, answer: str, taken: bool) -> None:
    (user.repository / "notes.txt").write_text("mine\n")
    ours, theirs = pty.openpty()
    command = user.command(*user.solving(user.script(call("bash", command="cat notes.txt"), FIX, SUBMIT)))
    # Standard error is a terminal too; what is typed waits there until it is asked for.
    os.write(ours, f"{answer}\n".encode())
    with subprocess.Popen(
        command, cwd=user.home, env=user.env | {"TERM": "dumb"}, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs
    ) as process:
        os.close(theirs)
        said = _all(ours)
        assert process.stdout is not None
        patch = process.stdout.read().decode()
    os.close(ours)
    assert "has uncommitted changes: work on it with them? [y/N]" in said
    assert ("→ mine" in said) is taken
    assert ("takes them along" in said) is not taken
    assert patch == user.patch


def _all(terminal: int) -> str:
    """What is written on a terminal until nobody has it any more."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts).decode()
