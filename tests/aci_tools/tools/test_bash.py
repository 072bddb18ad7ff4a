"""Commands as an agent gives them."""

from __future__ import annotations

import subprocess

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.tools.bash import Bash


@pytest.fixture
def session(tmp_path):
    root = tmp_path / "repository"
    (root / "a folder").mkdir(parents=True)
    (root / "a folder" / "file.txt").write_text("content\n")
    commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all"
    subprocess.run(commit, shell=True, cwd=root, check=True)
    sandbox = open_sandbox("local", SandboxSpec(repository=root))
    yield Session(sandbox, SessionSettings(max_output=1000))
    sandbox.close()


#: For commands that hang; all others have time enough on a busy machine.
SOON = SessionSettings(command_timeout=3, max_output=1000)


def bash(session, command):
    return Bash(command=command).run(session)


def test_output_of_both_streams_is_shown_as_it_is(session):
    seen = bash(session, "echo out; echo err >&2; cat 'a folder/file.txt'")
    assert (seen.text, seen.ok) == ("out\nerr\ncontent", True)


def test_a_command_without_output_says_so(session):
    assert bash(session, "true").text == "Your command ran successfully and did not produce any output."


def test_an_exit_code_is_said(session):
    seen = bash(session, "echo no; exit 2")
    assert (seen.text, seen.ok, seen.code) == ("no\n[exit code 2]", False, "command-failed")
    assert seen.data == {"exit_code": 2, "end": "exited", "cwd": session.root}
    assert bash(session, "sh -c 'kill -9 $$'").text.endswith("[exit code 137: SIGKILL]")


@pytest.mark.parametrize(
    "command",
    [
        "cd 'a folder'",
        "cd 'a folder'; false",
        "cd 'a folder' && exit 3",
        "set -e; cd 'a folder'; false; cd ..",
        "set -u; cd 'a folder'; echo $UNDEFINED_NAME",
        "cd 'a folder'; printf 'no newline'",
        "cd 'a folder'; cat <<'END'\n$HOME 'quote\nEND",
        "cd 'a folder'\nexec > /dev/null\necho hidden",
    ],
)
def test_cd_lasts(session, command):
    bash(session, command)
    assert bash(session, "pwd").text == f"{session.root}/a folder"


@pytest.mark.parametrize("command", ["(cd 'a folder')", "cd 'a folder'; echo 'unclosed", "cd 'a folder'; exec true"])
def test_cd_in_a_subshell_or_in_what_did_not_end_does_not_last(session, command):
    bash(session, command)
    assert bash(session, "pwd").text == session.root


def test_variables_do_not_last(session):
    bash(session, "export NAME=value; alias x=y")
    assert bash(session, 'echo "[$NAME]"').text == "[]"


def test_a_removed_directory_leads_back_to_the_repository(session):
    bash(session, "cd 'a folder'")
    seen = bash(session, "rm -r ../'a folder'")
    assert seen.text.endswith(f"The working directory was removed; the next command runs in {session.root}.")
    bash(session, "mkdir gone; cd gone")
    session.sandbox.run("rmdir gone")
    seen = bash(session, "pwd")
    assert seen.text.splitlines()[0] == session.root
    assert "does not exist any more, so this ran in" in seen.text


def test_nothing_of_ours_shows_in_traces_messages_or_files(session):
    assert bash(session, "set -x; echo hi").text.lstrip("+") == " echo hi\nhi"
    bash(session, "exec > log.txt; echo inside")
    assert session.read("log.txt") == b"inside\n"


def test_a_syntax_error_shows_the_command_alone_and_the_same_each_time(session):
    seen = [bash(session, "cd 'a folder'; echo ) done") for _ in range(2)]
    assert seen[0].text.splitlines()[1:] == ["bash: eval: line 1: `cd 'a folder'; echo ) done'", "[exit code 2]"]
    assert seen[0] == seen[1]


def test_a_command_that_ends_the_shell_itself_is_told_so_and_the_next_one_works(session):
    seen = bash(session, "cd 'a folder'; kill -9 $$")
    assert (seen.ok, seen.code) == (False, "sandbox-lost")
    assert "Do not run it again as it is." in seen.text
    assert bash(session, "echo here").text == "here"


def test_a_flood_keeps_its_head_and_its_tail(session):
    text = bash(session, "echo first; seq 100000; echo last").text
    assert text.startswith("first\n1\n2\n")
    assert text.endswith("\n100000\nlast")
    assert "characters left out" in text
    assert len(text) < 1100
    assert "600 characters left out" in bash(session, "printf '%01600d' 0").text


def test_colours_progress_and_bytes_that_are_not_text(session):
    command = r"printf '\033[31mred\033[0m \033]0;title\007plain\n 10%%\r 50%%\r100%%\r\n\000\377\tx\r\nb\bbo\bold'"
    assert bash(session, command).text == "red plain\n100%\n\\x00\\xff\tx\nbold"


def test_a_deadline_is_said_with_advice(session):
    session.settings = SOON
    seen = bash(session, "echo begun; sleep 60")
    assert seen.text.startswith("begun\nThe command was stopped after 3 seconds.")
    assert (seen.ok, seen.code) == (False, "timeout")
    assert bash(session, "pwd").text == session.root


def test_a_program_for_a_terminal_is_named_when_it_hangs(session):
    session.settings = SOON
    seen = bash(session, "LANG=C timeout 50 tail -f 'a folder/file.txt' | cat -n")
    assert "`tail -f` waits for someone at a terminal, and there is none." in seen.text


def test_reading_input_ends_at_once(session):
    assert bash(session, "cat; python3; read line; echo done").text == "done"
