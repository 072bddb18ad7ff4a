"""``agent replay`` and ``agent fork`` as a user drives them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import CALC, FIX, LOOK, SUBMIT, User, call, one_line
from trajectories.events import AttemptStarted, Message, Observed
from trajectories.log import read_events

#: What differs whenever it is run: times, process numbers, chance, temporary files, commits.
RESTLESS = (
    call("bash", command="date; ls -l calc.py; echo $$; head -c 6 /dev/urandom | od -An -tx1"),
    call("bash", command="t=$(mktemp); echo $t; time ls; python3 -c 'print(object())'"),
    call("bash", command="pwd; echo now > $PWD/notes.txt; date >> notes.txt"),
    call(
        "bash",
        command="git -c user.name=A -c user.email=a@b commit -qam 'Change'; git log --oneline -1; git rev-parse HEAD~",
    ),
    FIX,
    SUBMIT,
)


@pytest.fixture
def recorded(user: User, tmp_path: Path) -> Path:
    """An attempt in a local sandbox: it looks around, fixes, submits."""
    output = tmp_path / "recorded"
    done = user.solve(LOOK, call("open", path="calc.py"), FIX, SUBMIT, more=("--output", str(output)))
    assert done.returncode == 0, done.stderr
    return output


def change(user: User) -> str:
    """A commit after which the file is another; returns its base."""
    before = user.git("rev-parse", "HEAD").strip()
    (user.repository / "calc.py").write_text("# Sums.\n" + CALC)
    user.git("commit", "-qam", "Say what it is")
    return before


def test_nothing_diverges_by_itself(user: User, tmp_path: Path, kind: str) -> None:
    output = tmp_path / "out"
    assert user.solve(*RESTLESS, more=("--output", str(output)), sandbox=kind).returncode == 0
    before = (output / "trajectory.jsonl").read_bytes()
    done = user.agent("replay", str(output), "--sandbox", kind)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("6 actions: ")
    assert " 0 different; patch: equal" in done.stdout
    assert (output / "trajectory.jsonl").read_bytes() == before
    assert user.left_behind() == []


def test_an_attempt_that_removed_git_is_replayed_to_its_end(user: User, tmp_path: Path) -> None:
    output = tmp_path / "out"
    removed = call("bash", command="rm -rf .git; echo '# lost' >> calc.py")
    assert user.solve(FIX, removed, SUBMIT, more=("--output", str(output))).returncode == 0
    done = user.agent("replay", str(output), "--sandbox", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 different; patch: equal" in done.stdout


def test_another_file_is_found_at_the_step_that_shows_it(user: User, recorded: Path, tmp_path: Path) -> None:
    change(user)
    done = user.agent("replay", str(recorded), "--base", "HEAD", "--output", str(tmp_path / "now"))
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("first divergence at step 2: open calc.py\n")
    assert "\n+1:# Sums.\n" in done.stdout
    assert done.stdout.endswith("4 actions: 2 equal, 2 different; patch: different\n")
    texts = [event.text for event in read_events(tmp_path / "now" / "trajectory.jsonl") if isinstance(event, Observed)]
    assert "# Sums." in texts[1]
    assert user.agent("replay", str(recorded)).returncode == 0, "the recorded commit is still there"
    facts = json.loads(user.agent("replay", str(recorded), "--base", "HEAD", "--json", "--until", "2").stdout)
    assert (facts["actions"], facts["equal"], facts["divergence"]["step"]) == (2, 1, 2)


def test_it_is_walked_through_without_a_sandbox(user: User, recorded: Path) -> None:
    user.repository.rename(user.home / "gone")
    done = user.agent("replay", str(recorded), "--offline", "--until", "3")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if "open calc.py" in line] == ["   2 open calc.py"]
    assert "submit" not in done.stdout


def test_one_step_at_a_time(user: User, recorded: Path) -> None:
    done = user.agent("replay", str(recorded), "--step", input="\nb echo 1 > new.txt; ls\nwhat\nc\n")
    assert done.returncode == 1, "the file that was made by hand belongs to the patch now"
    assert "new.txt" in done.stderr
    assert "calc.py" in done.stderr
    assert "patch: different" in done.stdout
    stopped = user.agent("replay", str(recorded), "--step", input="\n\nq\n")
    assert stopped.returncode == 0
    assert stopped.stdout == "2 actions: 2 equal, 0 different; patch: not reached\n"


def test_one_step_at_a_time_on_a_terminal(user: User, recorded: Path) -> None:
    ours, theirs = pty.openpty()
    command = user.command("replay", str(recorded), "--step")
    process = subprocess.Popen(
        command, env=user.env, cwd=user.home, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    os.write(ours, b"\n\n\n\n")
    said, _ = process.communicate(timeout=90)
    os.close(ours)
    assert said.decode() == "4 actions: 4 equal, 0 different; patch: equal\n"
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--until", "9"], "--until 9: the attempt has the steps 1 to 4"),
        (["--repo", "nowhere"], "nowhere"),
        (["--sandbox", "nonsense"], "no sandbox is called 'nonsense'"),
    ],
)
def test_what_cannot_be_replayed_is_one_line(user: User, recorded: Path, arguments: list[str], says: str) -> None:
    done = user.agent("replay", str(recorded), *arguments)
    assert says in one_line(done)
    assert done.returncode == 2


def test_a_repository_that_is_gone_is_asked_for(user: User, recorded: Path) -> None:
    moved = user.repository.rename(user.home / "moved")
    done = user.agent("replay", str(recorded))
    assert "name it with --repo, or the data set of" in one_line(done)
    assert done.returncode == 2
    assert user.agent("replay", str(recorded), "--repo", str(moved)).returncode == 0


def test_a_fork_goes_on_from_a_step_with_a_remark(user: User, recorded: Path, tmp_path: Path) -> None:
    other = call("rewrite_function", path="calc.py", name="add", code="def add(a, b):\n    return sum((a, b))\n")
    model = user.script(LOOK, LOOK, other, SUBMIT)
    arguments = ["--at", "2", "--output", str(tmp_path / "fork"), "--model", model, "--say", "Use sum."]
    done = user.agent("fork", str(recorded), *arguments)
    assert done.returncode == 0, done.stderr
    assert "submitted" in done.stdout
    events, before = (read_events(path / "trajectory.jsonl") for path in (tmp_path / "fork", recorded))
    first = before[0]
    started = events[0]
    assert isinstance(started, AttemptStarted)
    assert isinstance(first, AttemptStarted)
    assert started.attempt_id != first.attempt_id
    assert started.parent is not None
    assert (started.parent["attempt_id"], started.parent["step"], started.parent["changed"]) == (
        first.attempt_id,
        2,
        ["remark"],
    )
    shared = started.parent["seq"]
    assert [e.model_dump() for e in events[1 : shared + 1]] == [e.model_dump() for e in before[1 : shared + 1]]
    remark = events[shared + 1]
    assert isinstance(remark, Message)
    assert (remark.purpose, remark.content) == ("remark", "Use sum.")
    assert "sum((a, b))" in (tmp_path / "fork" / "patch.diff").read_text()
    assert user.agent("replay", str(tmp_path / "fork")).returncode == 0, "a fork is replayed as any attempt"
    tree = user.agent("fork", "--tree", str(tmp_path / "fork"))
    lines = tree.stdout.splitlines()
    assert lines[0].startswith(f"{first.attempt_id}  submitted  4 steps")
    assert lines[1].startswith(f"└─ at 2:  {started.attempt_id}  submitted  4 steps")
    assert lines[1].endswith("[remark]")


def test_an_action_is_changed_in_an_editor(user: User, recorded: Path, tmp_path: Path) -> None:
    user.env["EDITOR"] = f"{sys.executable} {tmp_path / 'editor.py'}"
    program = (
        "import sys, pathlib\np = pathlib.Path(sys.argv[1])\np.write_text(p.read_text().replace('a + b', 'b + a'))\n"
    )
    (tmp_path / "editor.py").write_text(program)
    arguments = ["--at", "3", "--output", str(tmp_path / "fork"), "--edit"]
    done = user.agent("fork", str(recorded), *arguments)
    assert done.returncode == 0, done.stderr
    assert "+    return b + a" in (tmp_path / "fork" / "patch.diff").read_text()


def test_why_a_fork_failed_is_said(user: User, recorded: Path, tmp_path: Path) -> None:
    done = user.agent("fork", str(recorded), "--at", "2", "--model", user.script(LOOK), "--output", str(tmp_path / "f"))
    assert done.returncode == 3
    assert f"{tmp_path / 'f'}: " in done.stderr
    assert "asks for another" in done.stderr


def test_a_fork_without_a_directory_gets_one_among_the_runs(user: User, recorded: Path) -> None:
    done = user.agent("fork", str(recorded), "--at", "3", "--model", user.script(LOOK, LOOK, FIX, SUBMIT), "--json")
    assert done.returncode == 0, done.stderr
    (made,) = json.loads(done.stdout)["forks"]
    place = Path(made["output"])
    assert place.parent == user.state / "runs"
    assert isinstance(read_events(place / "trajectory.jsonl")[0], AttemptStarted)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--at", "7"], "--at 7: the attempt has the steps 1 to 4"),
        ([], "name the step with --at"),
        (["--at", "0", "--replace-observation", "x"], "there is no observation to replace"),
        (["--at", "2", "--replace-action", "ls"], "--replace-action: write it as"),
        (["--at", "2", "--replace-action", '{"name": "opn"}'], "There is no command opn. Did you mean open?"),
        (["--at", "2", "--evaluate"], "--evaluate: name the data set"),
    ],
)
def test_what_cannot_be_forked_is_one_line(user: User, recorded: Path, arguments: list[str], says: str) -> None:
    done = user.agent("fork", str(recorded), "--output", "fork", *arguments)
    assert says in one_line(done)
    assert done.returncode == 2
    assert not (user.home / "fork").exists()
