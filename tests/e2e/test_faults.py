"""What can be wrong with the input or around it: one clear line each, and the exit code of the contract."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import FIX, SUBMIT, User, one_line


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--set", "limits.step=3"], "did you mean limits.steps?"),
        (["--set", "limits.steps"], "write it as key=value"),
        (["--set", "limits.steps=many"], "limits.steps: Input should be a valid integer"),
        (["--set", "agent.tools=[opn]"], "no tool is called opn; did you mean open?"),
        (["--set", "agent.system_prompt=nowhere.md"], "nowhere.md is neither a shipped prompt nor a readable file"),
        (["--config", "nowhere.yaml"], "no such file, and no such profile"),
        (["--strategy", "magic"], "no strategy 'magic'; there are: single, best-of-n"),
        (["--sandbox", "vm"], "sandbox.kind: Input should be"),
        (["--model", "scripted:nowhere.jsonl"], "scripted:nowhere.jsonl: cannot be read"),
        (["--model", "local/nothing"], "no embedded model nothing; there are: local/qwen2.5-coder-1.5b"),
        (["--issue", "nowhere/bug.md"], "nowhere/bug.md"),
        (["--issue", "   "], "empty"),
        (["--repo", "nowhere"], "nowhere"),
        (["--base", "nowhere"], "nowhere"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(user: User, more: list[str], says: str) -> None:
    done = user.agent(*user.solving(user.script(FIX, SUBMIT), *more))
    assert says in one_line(done)
    assert done.returncode == 2
    assert user.left_behind() == []
    assert list(user.state.glob("runs/*")) == []


def test_malformed_yaml_names_the_place(user: User) -> None:
    (user.home / "mine.yaml").write_text("limits: {steps: 1\n")
    done = user.solve(FIX, SUBMIT, more=("--config", "mine.yaml"))
    assert one_line(done).startswith("agent: mine.yaml: line ")
    assert done.returncode == 2


def test_a_malformed_script_names_the_line(user: User) -> None:
    (user.home / "bad.jsonl").write_text('{"content": "x"}\n{"tool_calls": 3}\n')
    done = user.agent(*user.solving("scripted:bad.jsonl"))
    assert "bad.jsonl:2: expected" in one_line(done)
    assert done.returncode == 2


def test_a_directory_that_is_no_repository(user: User, tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.mkdir()
    done = user.agent(*user.solving(user.script(SUBMIT), "--repo", str(plain)))
    assert str(plain) in one_line(done)
    assert done.returncode == 2


def test_a_repository_without_a_commit(user: User, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    user.repository = empty
    user.git("init", "-q")
    done = user.solve(SUBMIT)
    assert "commit" in one_line(done)
    assert done.returncode == 2


def test_an_output_that_cannot_be_written(user: User) -> None:
    (user.home / "file").write_text("")
    done = user.solve(FIX, SUBMIT, more=("--output", "file/out"))
    assert "--output file/out: cannot write there" in one_line(done)
    assert done.returncode == 2


def test_an_output_that_may_not_be_written(user: User) -> None:
    # Not even root may make a directory there.
    done = user.solve(FIX, SUBMIT, more=("--output", "/proc/self/fdinfo/out"))
    assert "--output /proc/self/fdinfo/out: cannot write there" in one_line(done)
    assert done.returncode == 2


def test_an_output_without_a_name(user: User) -> None:
    commands = {
        "batch": ["-t", "x"],
        "demo": [],
        "evaluate": ["-t", "x", "-p", "gold"],
        "export": ["x", "-f", "preds"],
        "fork": ["x"],
        "import": ["x"],
        "mcp": [],
        "replay": ["x"],
        "solve": [],
    }
    for name, arguments in commands.items():
        done = user.agent(name, *arguments, "--output", "")
        assert one_line(done) == "agent: --output is empty: name a place, or . for the current directory", name
        assert done.returncode == 2


def test_no_engine(user: User) -> None:
    user.env["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    done = user.solve(FIX, SUBMIT, sandbox="docker")
    assert "no Docker engine answers at unix:///nonexistent/docker.sock" in one_line(done)
    assert done.returncode == 3
    assert user.left_behind() == []


@pytest.mark.docker
def test_a_missing_image(user: User, docker_image: str) -> None:
    done = user.solve(FIX, SUBMIT, more=("--image", "localhost:1/no-such-image:1"), sandbox="docker")
    assert "localhost:1/no-such-image:1" in one_line(done)
    assert done.returncode == 3


def test_a_provider_without_a_key(user: User) -> None:
    done = user.agent(*user.solving("openai/gpt-4o"))
    assert "set OPENAI_API_KEY to your key" in one_line(done)
    assert done.returncode == 3


def test_a_key_that_is_still_the_dots_of_an_example(user: User) -> None:
    user.env["OPENAI_API_KEY"] = "…"
    done = user.agent(*user.solving("openai/gpt-4o"))
    assert "OPENAI_API_KEY holds a sign that no key has; set it to your key" in one_line(done)
    assert done.returncode == 3


@pytest.mark.parametrize(("name", "told"), [("nobody/nothing", "nobody/nothing"), ("", "of no name")])
def test_a_provider_that_nobody_knows(user: User, name: str, told: str) -> None:
    done = user.agent(*user.solving(name))
    assert f"model {told}: unknown provider" in one_line(done)
    assert done.returncode == 2


def test_an_address_where_nothing_listens(user: User) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        done = user.agent(*user.solving("mine", "--set", f"model.api_base={address}"))
    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert f"model_error: mine: nothing answers at {address}" in done.stderr


def test_an_issue_of_a_host_that_is_not_there(user: User) -> None:
    done = user.agent(*user.solving(user.script(SUBMIT), "--issue", "https://gitlab.example/a/b/-/issues/1"))
    assert done.returncode == 3
    assert "gitlab.example" in one_line(done)


def test_a_result_that_cannot_be_written(user: User) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            user.command("config", "show"), env=user.env, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    (line,) = done.stderr.splitlines()
    assert line.startswith("agent: cannot write ")
    assert "No space left on device; free some" in line
    assert done.returncode == 3


def test_words_that_cannot_be_written(user: User) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            user.command(*user.solving(user.script(FIX, SUBMIT))), env=user.env, cwd=user.home, stderr=full, check=False
        )
    assert done.returncode == 3


def test_a_path_on_the_command_line_that_cannot_be_used(user: User) -> None:
    tasks = user.home / "tasks.jsonl"
    commit = user.git("rev-parse", "HEAD").strip()
    task = {"instance_id": "t", "repo": str(user.repository), "base_commit": commit, "problem_statement": "p"}
    task |= {"FAIL_TO_PASS": ["t.py::t"], "environment": {"test_command": "true", "parser": "pytest"}}
    tasks.write_text(json.dumps(task))
    predictions = user.home / "preds.jsonl"
    predictions.write_text(json.dumps({"instance_id": "t", "model_name_or_path": "m", "model_patch": user.patch}))
    (user.home / "file").write_text("")
    known = ["evaluate", "--tasks", str(tasks), "--predictions", str(predictions), "--sandbox", "namespace"]
    for more, says in (
        (["--output", "file"], "--output file: cannot write there (File exists)"),
        (["--output", "out", "--cache=/proc/self/fdinfo/cache"], "--cache /proc/self/fdinfo/cache: cannot write"),
    ):
        done = user.agent(*known, *more)
        assert says in one_line(done)
        assert done.returncode == 2


@pytest.mark.parametrize("command", ["batch", "evaluate", "replay", "fork", "images build"])
def test_a_collection_of_repositories_that_is_not_there(user: User, command: str) -> None:
    wanted = {"batch": ["--output", "out"], "evaluate": ["--tasks", "t", "--predictions", "gold", "--output", "out"]}
    more = {**wanted, "images build": ["--tasks", "t"]}.get(command, ["out"])
    done = user.agent(*command.split(), *more, "--repositories", "nowhere")
    assert one_line(done) == "agent: --repositories nowhere: no such directory"
    assert done.returncode == 2


def test_a_home_that_cannot_be_written(user: User) -> None:
    user.env |= {"HOME": "/proc/self/fdinfo/home", "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""}
    done = user.solve(FIX, SUBMIT, more=("--output", "out"))
    assert "cannot use /proc/self/fdinfo/home" in one_line(done)
    assert done.returncode == 3


def test_a_program_that_is_not_there(user: User) -> None:
    user.env["PATH"] = str(user.home)
    done = user.solve(FIX, SUBMIT)
    assert "there is no program sh on PATH: install it" in one_line(done)
    assert done.returncode == 3


def test_streams_that_are_closed(user: User) -> None:
    model = user.script(FIX, SUBMIT)
    closed = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *user.command(*user.solving(model, "--issue", "-"))],
        env=user.env,
        cwd=user.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert one_line(closed) == "agent: standard input is empty: say what is wrong"
    assert closed.returncode == 2
    silent = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *user.command(*user.solving(model, "--output", "out"))]
    assert subprocess.run(silent, env=user.env, cwd=user.home, check=False).returncode == 0
    assert (user.home / "out" / "patch.diff").read_text() == user.patch
