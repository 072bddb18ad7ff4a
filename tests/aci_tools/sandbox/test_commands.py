"""What a command is given and what it gives back, the same on every kind."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aci_tools.errors import SandboxError
from aci_tools.sandbox import CommandResult, Limits, Sandbox
from tests.aci_tools.sandbox.conftest import Opener


def test_a_result_tells_output_and_exit_code(sandbox: Sandbox) -> None:
    result = sandbox.run("echo out; echo err >&2; exit 3")
    assert (result.output, result.exit_code, result.end, result.note, result.dropped) == (
        b"out\nerr\n",
        3,
        "exited",
        "",
        0,
    )
    assert not result.ok
    assert sandbox.run("true").ok


def test_commands_start_in_the_repository(sandbox: Sandbox) -> None:
    assert sandbox.run("pwd -P").text.strip() == sandbox.workdir
    result = sandbox.run("git status --short && git log --format=%s && cat link && ./run.sh")
    assert result.output == b"First\nhello\nran\n"


def test_directory_and_environment_hold_for_one_command(sandbox: Sandbox) -> None:
    given = {"NAME": 'it\'s "quoted"\n$(and) more', "OTHER": ""}
    result = sandbox.run('pwd; printf "[%s][%s]" "$NAME" "$OTHER"', cwd="/usr", env=given)
    assert result.text == f"/usr\n[{given['NAME']}][]"
    assert sandbox.run('echo "${NAME-none}"').output == b"none\n"


def test_a_directory_that_is_not_there_is_said(sandbox: Sandbox) -> None:
    result = sandbox.run("echo no", cwd="/no/such place")
    assert result.exit_code == 1
    assert result.output == b"bash: line 1: cd: /no/such place: No such file or directory\n"


def test_line_numbers_in_messages_are_the_commands_own(sandbox: Sandbox) -> None:
    for _ in range(2):
        result = sandbox.run("true\nno-such-command")
        assert (result.output, result.exit_code) == (b"bash: line 2: no-such-command: command not found\n", 127)


def test_nothing_of_a_command_reaches_the_next(sandbox: Sandbox) -> None:
    sandbox.run("cd /; x=1; export y=2; set -u; shopt -s nullglob; f() { echo f; }; umask 077; exec 5>&1")
    assert sandbox.run('echo "${x-}${y-}$#"; pwd -P; umask; type f').text.splitlines()[:3] == [
        "0",
        sandbox.workdir,
        "0022",
    ]


def test_the_drivers_environment_is_not_seen(any_kind: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "a-secret-value")
    sandbox = any_kind(env={"GIVEN": "yes"})
    seen = sandbox.run("env; cat /proc/self/environ").text
    assert "GIVEN=yes" in seen
    assert "a-secret-value" not in seen


def test_startup_lines_hold_for_all_commands_and_after_a_reset(any_kind: Opener) -> None:
    sandbox = any_kind(startup='greet() { echo "hi $1"; }\nexport LEVEL=3 # comment')
    assert sandbox.run("greet you; echo $LEVEL").output == b"hi you\n3\n"
    assert sandbox.run("sleep 1000", timeout=0.2).end == "timeout"
    assert sandbox.run("greet you; echo $LEVEL").output == b"hi you\n3\n"


@pytest.mark.parametrize(
    ("startup", "said"),
    [
        ("echo no such thing; false", r"exit code 1\): no such thing"),
        ("exit 0", "ended the shell"),
        ("if", "exit code"),
    ],
)
def test_startup_lines_that_fail_are_an_error(any_kind: Opener, startup: str, said: str) -> None:
    with pytest.raises(SandboxError, match=said):
        any_kind(startup=startup)


def test_without_bash_sh_will_do(opener: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("sh", "git", "cat", "head", "mkdir", "sleep", "setsid", "seq", "wc", "printenv", "cp", "rm"):
        program = shutil.which(name)
        assert program
        (tmp_path / name).symlink_to(program)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", str(tmp_path))
        sandbox: Sandbox = opener("local")()  # type: ignore[operator]
    assert sandbox.run("echo ${BASH_VERSION-none}; exit 3").output == b"none\n"
    assert sandbox.run("true\ncat <<'END'\nit's\nEND").output == b"it's\n"
    assert sandbox.run("echo 'open").exit_code == 2
    assert sandbox.run("exec sleep 1000", timeout=0.3).end == "timeout"
    assert sandbox.run("setsid sleep 1000 & sleep 1000 & seq 3").note.startswith("Background processes")
    for data in (b"", bytes(range(256)) * 1000, b"exit 1\n" * 100_000):
        sandbox.write("some dir/file", data)
        assert sandbox.read("some dir/file") == data
    with pytest.raises(NotADirectoryError):
        sandbox.write("greeting.txt/x", b"exit 1\n" * 100_000)
    assert sandbox.run("cat greeting.txt; printenv NAME", env={"NAME": "a\nb"}).output == b"hello\na\nb\n"


def test_a_command_with_a_nul_byte_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ValueError, match="NUL"):
        sandbox.run("echo a\0b")
    with pytest.raises(ValueError, match="environment variable"):
        sandbox.run("true", env={"not a name": "x"})


def test_a_lifetime_ends(any_kind: Opener) -> None:
    sandbox = any_kind(limits=Limits(lifetime=0))
    with pytest.raises(SandboxError, match="lifetime"):
        sandbox.run("true")


def test_after_close_there_is_nothing_to_run_on(any_kind: Opener) -> None:
    sandbox = any_kind()
    sandbox.close()
    sandbox.close()
    with pytest.raises(SandboxError, match="closed"):
        sandbox.run("true")


def test_the_users_own_tree_is_never_written(any_kind: Opener, repository: Path) -> None:
    sandbox = any_kind()
    sandbox.run("rm -rf -- * .git; echo new >new")
    assert sandbox.run("ls -A").output == b"new\n"
    assert sorted(path.name for path in repository.iterdir()) == [".git", "greeting.txt", "link", "run.sh"]


def test_many_sandboxes_in_many_threads(opener: object, repository: Path) -> None:
    open_local: Opener = opener("local")  # type: ignore[operator]

    def work(number: int) -> CommandResult:
        sandbox = open_local()
        sandbox.write("number", str(number).encode())
        result = sandbox.run("cat number; exit $(cat number)")
        sandbox.close()
        return result

    with ThreadPoolExecutor(64) as pool:
        results = list(pool.map(work, range(64)))
    assert [(result.text, result.exit_code) for result in results] == [(str(n), n) for n in range(64)]
