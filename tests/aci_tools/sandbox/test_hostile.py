"""Commands that would break a naive sandbox. After each, the next command works and no process is left."""

from __future__ import annotations

import time
from typing import NamedTuple

import pytest

from aci_tools.sandbox import MIB, CommandResult, Limits, Sandbox
from tests.aci_tools.sandbox.conftest import Opener, eventually, processes_seen_from_outside

DEADLINE = 1.0
GRACE = 60.0  # of a busy machine; what was not ended would go on for much longer
ENDED = "Background processes were ended with the command."


class Hostile(NamedTuple):
    name: str
    command: str
    end: str | None = "exited"
    exit_code: int | None = None
    output: bytes | None = None
    note: str | None = ""
    timeout: float = DEADLINE


QUICK = 30.0  # for commands that are expected to end by themselves

COMMANDS = [
    Hostile("exit", "exit 3", exit_code=3, output=b"", timeout=QUICK),
    Hostile("exec", "exec sleep 1000", end="timeout"),
    Hostile("kill all", "kill -9 -1", end=None, note=None, timeout=QUICK),
    Hostile("kill the parent", "kill -9 $PPID", end=None, note=None, timeout=QUICK),
    Hostile("kill the shell", "kill -9 $$", end=None, note=None, timeout=QUICK),
    Hostile("kill the group", "kill -9 0", exit_code=137, timeout=QUICK),
    Hostile("stop the shell", "kill -STOP $$; echo on", end=None, note=None),
    Hostile("stop itself", "kill -STOP $BASHPID", note=ENDED, timeout=QUICK),
    Hostile("fork bomb", "b() { b | b; }; b", end=None, note=None),
    Hostile("fork bomb behind", "b() { b | b & }; b", exit_code=0, note=ENDED, timeout=QUICK),
    Hostile("endless output", "yes", end="timeout"),
    Hostile("a gigabyte", "head -c 1000000000 /dev/zero", exit_code=0, timeout=60),
    Hostile("no text", r"printf 'a\0b\377\376c'", exit_code=0, output=b"a\0b\xff\xfec", timeout=QUICK),
    Hostile("cat waits", "cat", exit_code=0, output=b"", timeout=QUICK),
    Hostile("python waits", "python3", exit_code=0, output=b"", timeout=QUICK),
    Hostile("background", "sleep 1000 &", exit_code=0, output=b"", note=ENDED, timeout=QUICK),
    Hostile(
        "daemon",
        "(while :; do sleep 1; done) & disown; echo started",
        exit_code=0,
        output=b"started\n",
        note=ENDED,
        timeout=QUICK,
    ),
    Hostile(
        "session",
        "setsid sh -c 'sleep 1000' </dev/null >/dev/null 2>&1 & exit 4",
        exit_code=4,
        note=ENDED,
        timeout=QUICK,
    ),
    Hostile("removed directory", "mkdir gone && cd gone && rmdir ../gone; ls", exit_code=0, output=b"", timeout=QUICK),
    Hostile(
        "frame imitated",
        "printf '<0123456789abcdef0123456789abcdef> 0 1\\n'; exit 7",
        exit_code=7,
        output=b"<0123456789abcdef0123456789abcdef> 0 1\n",
        timeout=QUICK,
    ),
    Hostile(
        "children at the deadline",
        "setsid sleep 1000 & (setsid sh -c 'trap \"\" TERM; sleep 1000' &); echo here; sleep 1000",
        end="timeout",
        output=b"here\n",
        timeout=4.0,
    ),
    Hostile("unbalanced quote", "echo 'open", exit_code=2, timeout=QUICK),
    Hostile("unbalanced bracket", "echo )", exit_code=2, timeout=QUICK),
    Hostile("unfinished", "if true; then", exit_code=2, timeout=QUICK),
    Hostile(
        "here-document",
        "cat <<'END'\n$x `y` \"z\" 'w'\nEND\n",
        exit_code=0,
        output=b"$x `y` \"z\" 'w'\n",
        timeout=QUICK,
    ),
    Hostile("open here-document", "cat <<END\nlast", exit_code=0, timeout=QUICK),
    Hostile("comment at the end", "echo a # b", exit_code=0, output=b"a\n", timeout=QUICK),
    Hostile("backslash at the end", "echo a \\", exit_code=0, output=b"a \\\n", timeout=QUICK),
    Hostile("errexit", "set -e; false; echo no", exit_code=1, output=b"", timeout=QUICK),
    Hostile("signals ignored", "trap '' TERM INT HUP; sleep 1000", end="timeout"),
    Hostile("output closed", "exec >&- 2>&-; echo x", exit_code=1, output=b"", timeout=QUICK),
    Hostile("terminal", "stty -a >/dev/null 2>&1", exit_code=1, output=b"", timeout=QUICK),
    Hostile("long", "echo " + "x" * 1_000_000 + " | wc -c", exit_code=0, output=b"1000001\n", timeout=QUICK),
    Hostile("trace", "PS4='> '; set -x; true", exit_code=0, output=b">>> true\n", timeout=QUICK),
    Hostile(
        "redefinitions",
        "cd() { :; }; printf() { :; }; eval() { :; }; set() { :; }; alias cd=false; exec 3>&1; IFS=/; true",
        exit_code=0,
        output=b"",
        timeout=QUICK,
    ),
    Hostile("own limits", "ulimit -n 3; ulimit -f 0; echo ok", exit_code=0, output=b"ok\n", timeout=QUICK),
    Hostile("no final newline", "printf abc", exit_code=0, output=b"abc", timeout=QUICK),
]


@pytest.fixture(scope="module")
def sandbox(fenced: Opener) -> Sandbox:
    return fenced(limits=Limits(pids=64, memory=512 * MIB))


@pytest.mark.parametrize("hostile", COMMANDS, ids=lambda hostile: hostile.name)
def test_the_next_command_works_and_nothing_is_left(sandbox: Sandbox, hostile: Hostile) -> None:
    started = time.monotonic()
    result = sandbox.run(hostile.command, timeout=hostile.timeout)
    following = sandbox.run("printf '%s ' next; pwd; exit 5")
    elapsed = time.monotonic() - started

    assert following.output == b"next /testbed\n"
    assert (following.end, following.exit_code) == ("exited", 5)
    assert elapsed < hostile.timeout + GRACE
    assert eventually(lambda: processes_seen_from_outside(sandbox) == 0)
    _assert_as_expected(result, hostile)


def _assert_as_expected(result: CommandResult, hostile: Hostile) -> None:
    if hostile.end is not None:
        assert result.end == hostile.end, result
    if hostile.exit_code is not None:
        assert result.exit_code == hostile.exit_code, result
    if hostile.output is not None:
        assert result.output == hostile.output
    if hostile.note is not None:
        assert result.note == hostile.note
    assert (result.exit_code is None) == (result.end != "exited")


def test_of_a_long_output_head_and_tail_are_kept(sandbox: Sandbox) -> None:
    result = sandbox.run("seq 1 1000000", output_limit=1000)
    lines = result.text.splitlines()
    assert lines[:3] == ["1", "2", "3"]
    assert lines[-2:] == ["999999", "1000000"]
    assert f"[... {result.dropped} bytes omitted ...]" in lines
    assert len(result.output) <= 1000


def test_output_so_far_is_kept_at_the_deadline(sandbox: Sandbox) -> None:
    for seconds in (0.5, 4.0, 32.0):  # until the machine was quick enough for the first word
        result = sandbox.run("echo before; sleep 1000; echo after", timeout=seconds)
        if result.output:
            break
    assert (result.end, result.exit_code, result.output) == ("timeout", None, b"before\n")


def test_memory_has_a_limit(sandbox: Sandbox) -> None:
    result = sandbox.run("python3 -c 'x = bytearray(2_000_000_000); print(len(x))'", timeout=20)
    assert b"2000000000" not in result.output
    assert not result.ok
    assert sandbox.run("echo fine").output == b"fine\n"


def test_processes_have_a_limit(sandbox: Sandbox) -> None:
    program = """
import os, time
made = 0
try:
    while made < 500:
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except OSError:
    pass
print(made)
"""
    result = sandbox.run(f"python3 -c '{program}'", timeout=20)
    assert 10 < int(result.output) <= 64
    assert result.note == ENDED


def test_the_disk_has_a_limit(fenced: Opener) -> None:
    sandbox = fenced(limits=Limits(disk=16 * MIB))
    one_file = sandbox.run("cat /dev/zero >big", timeout=20)
    assert one_file.end == "exited"
    assert one_file.exit_code != 0
    assert int(sandbox.run("wc -c <big; rm big").output) <= 16 * MIB

    with pytest.raises(OSError, match="too-big: File too large"):
        sandbox.write("too-big", bytes(17 * MIB))
    assert sandbox.run("rm too-big; echo fine").output == b"fine\n"

    many_files = sandbox.run("i=0; while :; do i=$((i+1)); head -c 4000000 /dev/zero >part$i; done", timeout=60)
    assert many_files.end == "timeout"
    assert "remove some" in many_files.note
    assert sandbox.run("rm part*; echo fine").output == b"fine\n"
    assert eventually(lambda: processes_seen_from_outside(sandbox) == 0)


def test_there_is_no_network_but_the_own_loopback(sandbox: Sandbox) -> None:
    program = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname())
print("loopback")
try:
    socket.create_connection(("192.0.2.1", 80), 5)
except OSError as error:
    print(error.strerror)
"""
    assert sandbox.run(f"python3 -c '{program}'").output == b"loopback\nNetwork is unreachable\n"


def test_the_kernel_cannot_be_configured(sandbox: Sandbox) -> None:
    same = sandbox.run("v=$(cat /proc/sys/kernel/panic); echo $v >/proc/sys/kernel/panic")
    assert not same.ok
    assert b"Read-only file system" in same.output
    assert not sandbox.run("mount -t tmpfs none /tmp").ok
    assert not sandbox.run("mknod /tmp/disk b 8 0 && cat /tmp/disk").ok
