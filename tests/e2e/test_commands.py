"""The commands around ``solve``, and what starting each of them costs."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys

import pytest
import yaml

from agent.config import Config
from tests.e2e.conftest import FIX, SUBMIT, User


def test_help_names_every_command(user: User) -> None:
    done = user.agent("--help")
    assert done.returncode == 0
    for command in ("solve", "demo", "tools", "models", "doctor", "cleanup", "config"):
        assert command in done.stdout
    assert done.stderr == ""
    assert user.agent("--version").stdout.startswith("patchwright ")
    solve = user.agent("solve", "--help").stdout
    assert "130: interrupted" in " ".join(solve.split())


def test_a_shell_completes_commands_and_options(user: User) -> None:
    agent = user.home / "agent"
    agent.write_text(f'#!/bin/sh\nexec {shlex.join(user.command())} "$@"\n')
    agent.chmod(0o755)
    # The shell is the one that the command is run from.
    ask = 'eval "$("$1" --show-completion)"; COMP_WORDS=($2) COMP_CWORD=$3; _agent_completion "$1"; echo $COMPREPLY'
    for typed, at, found in (("agent ev", "1", "evaluate"), ("agent evaluate --pred", "2", "--predictions")):
        command = ["bash", "-c", ask, "bash", str(agent), typed, at]
        done = subprocess.run(command, env=user.env, capture_output=True, text=True)
        assert done.stdout.split() == [found], done.stderr


@pytest.mark.parametrize("group", [[], ["config"], ["images"], ["memory"]])
def test_without_a_command_there_is_the_help_and_nothing_else(user: User, group: list[str]) -> None:
    done = user.agent(*group)
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.strip() == user.agent(*group, "--help").stdout.strip()


def test_tools_documents_each_tool_in_text_and_json(user: User) -> None:
    text, listed = user.agent("tools").stdout, user.agent("tools", "--json").stdout
    schemas = json.loads(listed)
    names = [schema["name"] for schema in schemas]
    assert {"open", "bash", "submit"} <= set(names)
    for schema in schemas:
        assert schema["name"] in text
        assert schema["description"] in text
    assert user.agent("tools", "bash").stdout.startswith("bash <command>")
    wrong = user.agent("tools", "opn")
    assert wrong.returncode == 2
    assert "did you mean open?" in wrong.stderr


def test_models_say_what_can_be_used_here(user: User) -> None:
    rows = {row["name"]: row for row in json.loads(user.agent("models", "--json").stdout)}
    assert rows["openai/…"] == {"name": "openai/…", "usable": False, "note": "set OPENAI_API_KEY"}
    assert rows["scripted:FILE"]["usable"]
    user.env["OPENAI_API_KEY"] = "not-shown-anywhere"
    text = user.agent("models").stdout
    assert "yes  openai/…" in text
    assert "not-shown-anywhere" not in text


def test_doctor_says_what_works_and_how_to_mend_the_rest(user: User) -> None:
    user.env["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    checks = {check["name"]: check for check in json.loads(user.agent("doctor", "--json").stdout)}
    assert checks["python"]["ok"]
    assert checks["git"]["ok"]
    assert checks["sandbox local"]["ok"]
    docker = checks["sandbox docker"]
    assert not docker["ok"]
    assert docker["mend"]
    text = user.agent("doctor").stdout
    assert docker["mend"] in text


@pytest.mark.parametrize("arguments", [[], ["--model", "local/qwen2.5-coder-1.5b"], ["--config", "swebench"]])
def test_the_configuration_shown_is_accepted_back(user: User, arguments: list[str]) -> None:
    settings = ["--set", "limits.steps=7", "--set", "sandbox.env={A: 'x: y', B: ''}", "--set", "model.price.input=1"]
    settings[-1] = "model.price={input: 1, output: 2}"
    shown = user.agent("config", "show", *arguments, *settings)
    assert shown.returncode == 0, shown.stderr
    tree = yaml.safe_load(shown.stdout)
    config = Config.model_validate(tree)
    assert (config.limits.steps, config.sandbox.env) == (7, {"A": "x: y", "B": ""})
    (user.home / "mine.yaml").write_text(shown.stdout)
    assert user.agent("config", "show", "--config", "mine.yaml").stdout == shown.stdout


def test_config_takes_standard_input_as_a_file(user: User) -> None:
    shown = user.agent("config", "show", "--set", "limits.steps=7").stdout
    again = user.agent("config", "show", "--config", "/dev/stdin", input=shown)
    assert again.stdout == shown


def test_a_reader_that_has_seen_enough_is_no_error(user: User) -> None:
    with subprocess.Popen(
        user.command("config", "show"), env=user.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        err = process.stderr.read()
    assert "Traceback" not in err


@pytest.mark.parametrize(
    "poor", [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}]
)
def test_what_an_output_cannot_show_is_a_question_mark(user: User, poor: dict[str, str]) -> None:
    assert "openai/…" in user.agent("models").stdout
    user.env |= poor
    done = user.agent("models")
    assert (done.returncode, done.stderr) == (0, "")
    assert "openai/?" in done.stdout


def test_a_wrong_option_is_exit_code_2(user: User) -> None:
    done = user.agent("solve", "--isue", "x")
    assert done.returncode == 2
    assert "--isue" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_what_is_nested_beyond_reason_is_refused_in_one_line(user: User) -> None:
    (user.home / "deep.json").write_text("[" * 100_000)
    evaluating = ["evaluate", "--predictions", "gold", "--tasks", "t.jsonl", "--flaky", "deep.json", "--output", "out"]
    for arguments in (evaluating, user.solving("scripted:deep.json")):
        done = user.agent(*arguments)
        assert done.returncode == 2
        assert "deep.json" in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_script_that_is_not_named_is_not_looked_for_where_one_stands(user: User) -> None:
    done = user.agent(*user.solving("scripted:"))
    assert done.returncode == 2
    assert "names no script" in done.stderr
    assert len(done.stderr.splitlines()) == 1


#: Runs the command line in this process and says which of the slow packages it loaded.
PROBE = """
import sys
from agent.cli import main
sys.argv[0] = "agent"
try:
    main()
except SystemExit as ending:
    code = ending.code
loaded = [name for name in ("litellm", "xllamacpp", "swebench", "ray", "datasets") if name in sys.modules]
print("loaded", loaded, "code", code, file=sys.stderr)
"""


@pytest.mark.parametrize("arguments", [["--help"], ["tools"], ["models"], ["config", "show"], ["cleanup"], ["solve"]])
def test_no_command_loads_what_it_does_not_need(user: User, arguments: list[str]) -> None:
    if arguments == ["solve"]:
        arguments = user.solving(user.script(FIX, SUBMIT))
    user.env["DOCKER_HOST"] = "unix:///nonexistent/docker.sock"
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *arguments],
        env=user.env,
        cwd=user.home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr.splitlines()[-1] == "loaded [] code 0", done.stderr


def test_doctor_does_not_load_a_provider(user: User) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, "doctor"], env=user.env, capture_output=True, text=True, check=False
    )
    assert "loaded []" in done.stderr.splitlines()[-1]
