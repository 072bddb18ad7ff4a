"""``agent solve`` with a scripted model, as a user runs it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import CALC, FIX, FIXED, LOOK, SUBMIT, User, call
from trajectories.events import AttemptEnded, AttemptStarted
from trajectories.log import read_events


def test_every_sandbox_gives_the_same_patch_and_nothing_else_on_stdout(user: User, kind: str) -> None:
    done = user.solve(LOOK, FIX, SUBMIT, sandbox=kind)
    assert done.returncode == 0, done.stderr
    assert done.stdout == user.patch
    assert f"sandbox: {kind}" in done.stderr.splitlines()[0]
    assert (user.repository / "calc.py").read_text() == CALC
    assert user.left_behind() == []


@pytest.mark.parametrize("way", ["text", "file", "stdin"])
def test_the_issue_is_text_a_file_or_standard_input(user: User, tmp_path: Path, way: str) -> None:
    text = "# add subtracts\n\nadd(1, 2) gives -1.\n"
    (user.home / "bug.md").write_text(text)
    spec = {"text": text, "file": "bug.md", "stdin": "-"}[way]
    arguments = user.solving(user.script(FIX, SUBMIT), "--output", str(tmp_path / "out"))
    arguments[arguments.index("--issue") + 1] = spec
    done = user.agent(*arguments, input=text) if way == "stdin" else user.agent(*arguments)
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    started = read_events(tmp_path / "out" / "trajectory.jsonl")[0]
    assert isinstance(started, AttemptStarted)
    assert "add(1, 2) gives -1." in started.task["problem_statement"]


def test_the_repository_is_the_current_directory_unless_named(user: User) -> None:
    arguments = user.solving(user.script(FIX, SUBMIT))
    place = arguments.index("--repo")
    done = user.agent(*arguments[:place], *arguments[place + 2 :], cwd=user.repository)
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr


def test_output_holds_patch_and_trajectory(user: User, tmp_path: Path) -> None:
    output = tmp_path / "deep" / "out"
    done = user.solve(FIX, SUBMIT, more=("--output", str(output)))
    assert sorted(path.name for path in output.iterdir()) == ["patch.diff", "trajectory.jsonl"]
    assert (output / "patch.diff").read_text() == done.stdout == user.patch
    ended = read_events(output / "trajectory.jsonl")[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.patch) == ("submitted", user.patch)
    again = user.solve(FIX, SUBMIT, more=("--output", str(output)))
    assert again.returncode == 2
    assert "there is a trajectory already" in again.stderr


def test_without_output_the_run_is_kept_among_the_runs(user: User) -> None:
    done = user.solve(FIX, SUBMIT)
    (run,) = (user.state / "runs").iterdir()
    assert (run / "patch.diff").read_text() == done.stdout
    assert str(run / "trajectory.jsonl") in done.stderr


def test_json_says_everything_of_the_outcome(user: User) -> None:
    reply = {**SUBMIT, "usage": {"prompt_tokens": 70, "completion_tokens": 7, "cached_tokens": 50, "cost": 0.25}}
    done = user.solve(FIX, reply, more=("--json",))
    outcome = json.loads(done.stdout)
    assert (outcome["status"], outcome["patch"], outcome["steps"]) == ("submitted", user.patch, 2)
    assert outcome["usage"] == {"prompt_tokens": 70, "completion_tokens": 7, "cached_tokens": 50, "cost": 0.25}
    assert Path(outcome["output"], "patch.diff").is_file()
    assert outcome["applied"] is None


def test_apply_puts_the_patch_into_the_working_tree(user: User) -> None:
    done = user.solve(FIX, SUBMIT, more=("--apply",))
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    assert (user.repository / "calc.py").read_text() == FIXED
    assert user.git("diff") == user.patch


def test_apply_that_does_not_fit_says_why_and_leaves_the_tree_alone(user: User) -> None:
    mine = "def add(a, b):\n    return b - a\n"
    (user.repository / "calc.py").write_text(mine)
    done = user.solve(FIX, SUBMIT, more=("--apply",))
    assert (done.returncode, done.stdout) == (1, user.patch)
    assert "is unchanged" in done.stderr
    assert "calc.py" in done.stderr.partition("is unchanged:")[2]
    assert (user.repository / "calc.py").read_text() == mine
    assert user.git("status", "--short") == " M calc.py\n"


def test_uncommitted_changes_are_left_out_unless_asked_for(user: User) -> None:
    (user.repository / "notes.txt").write_text("mine\n")
    done = user.solve(LOOK, FIX, SUBMIT)
    assert "--include-uncommitted takes them along" in done.stderr
    assert done.stdout == user.patch
    seen = user.solve(call("bash", command="cat notes.txt"), FIX, SUBMIT, more=("--include-uncommitted",))
    assert "→ mine" in seen.stderr
    assert seen.stdout == user.patch


def test_bytes_that_are_not_text_reach_stdout_and_the_working_tree(user: User) -> None:
    done = user.solve(call("bash", command=r"printf 'caf\351\n' > menu.txt"), SUBMIT, more=("--apply",))
    assert done.returncode == 0, done.stderr
    assert b"+caf\xe9\n" in done.stdout.encode("utf-8", "surrogateescape")
    assert (user.repository / "menu.txt").read_bytes() == b"caf\xe9\n"


def test_no_change_is_exit_code_1_and_no_output(user: User) -> None:
    done = user.solve(SUBMIT)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no patch" in done.stderr


def test_the_default_profile_reviews_the_patch_before_it_is_submitted(user: User) -> None:
    edit = call("edit", path="calc.py", start=2, end=2, text="    return a + b\n")
    script = user.script(call("search_dir", term="def add"), edit, SUBMIT, SUBMIT)
    done = user.agent(
        *["solve", "--issue", "add subtracts", "--repo", str(user.repository), "--model", script, "--sandbox", "local"]
    )
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    assert "This is what you are about to submit" in done.stderr
    assert "submitted; 4 steps" in done.stderr


def test_a_script_that_ends_too_early_is_infrastructure_with_the_patch_kept(user: User) -> None:
    done = user.solve(FIX)
    assert (done.returncode, done.stdout) == (3, user.patch)
    assert "model_error: the script has only 1 replies" in done.stderr


def test_progress_is_calm_where_it_is_no_terminal(user: User) -> None:
    thought = {**FIX, "content": "It should add."}
    done = user.solve(thought, {"content": "Hm."}, SUBMIT)
    assert "\x1b" not in done.stderr
    assert "\r" not in done.stderr
    lines = done.stderr.splitlines()
    assert any("It should add." in line for line in lines)
    assert any("rewrite_function calc.py add" in line and "tokens" in line for line in lines)
    assert any("malformed action: Your reply called no tool" in line for line in lines)


def normalised(path: Path) -> list[dict[str, Any]]:
    events = []
    for event in read_events(path):
        data = event.model_dump(mode="json")
        for name in ("time", "duration", "attempt_id"):
            data.pop(name, None)
        events.append(data)
    return events


def test_an_image_where_there_is_no_container_is_said_to_be_of_no_use(user: User) -> None:
    done = user.solve(FIX, SUBMIT, more=("--image", "python:3.12"), sandbox="namespace")
    assert (done.returncode, done.stdout) == (0, user.patch)
    assert "the image python:3.12 is not used: a namespace sandbox has none" in done.stderr


def test_the_same_script_twice_differs_only_in_times_and_ids(user: User, tmp_path: Path) -> None:
    steps = [LOOK, {"content": "Hm."}, call("open", path="calc.py"), FIX, call("bash", command="cat calc.py; false")]
    first, second = tmp_path / "first", tmp_path / "second"
    for output in (first, second):
        done = user.solve(*steps, LOOK, LOOK, SUBMIT, more=("--output", str(output)), sandbox="namespace")
        assert done.returncode == 0, done.stderr
    a, b = (normalised(output / "trajectory.jsonl") for output in (first, second))
    assert a == b
    assert len(a) > 20


def test_secrets_of_the_environment_reach_neither_prompt_nor_trajectory(user: User, tmp_path: Path) -> None:
    user.env["SOME_API_KEY"] = "correct-horse-battery"
    leak = call("bash", command="echo correct-horse-battery; env")
    user.solve(leak, FIX, SUBMIT, more=("--output", str(tmp_path / "out")))
    text = (tmp_path / "out" / "trajectory.jsonl").read_text()
    assert "correct-horse-battery" not in text
    assert "[secret removed]" in text


def test_a_secret_in_the_code_is_masked_in_the_trajectory_and_whole_in_the_patch(user: User, tmp_path: Path) -> None:
    token = "ghp_" + "A1b2C3d4E5" * 4
    (user.repository / "calc.py").write_text(f'TOKEN = "{token}"\n{CALC}')
    user.git("commit", "-aqm", "Add a token")
    done = user.solve(FIX, SUBMIT, more=("--apply", "--output", str(tmp_path / "out")))
    assert done.returncode == 0, done.stderr
    assert (user.repository / "calc.py").read_text() == f'TOKEN = "{token}"\n{FIXED}'
    assert done.stdout == (tmp_path / "out" / "patch.diff").read_text()
    assert token in done.stdout
    assert token not in (tmp_path / "out" / "trajectory.jsonl").read_text()


def test_an_edit_that_holds_what_looks_like_a_secret_lands_as_it_is(user: User, tmp_path: Path) -> None:
    token = "ghp_" + "A1b2C3d4E5" * 4
    code = f'def add(a, b, token="{token}"):\n    return a + b\n'
    edit = call("rewrite_function", path="calc.py", name="add", code=code)
    done = user.solve(edit, SUBMIT, more=("--apply", "--output", str(tmp_path / "out")))
    assert done.returncode == 0, done.stderr
    assert (user.repository / "calc.py").read_text() == code
    assert token not in (tmp_path / "out" / "trajectory.jsonl").read_text()
    assert token not in done.stderr
