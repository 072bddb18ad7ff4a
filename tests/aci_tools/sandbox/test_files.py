"""Files come and go byte for byte, and faults are those of a host."""

from __future__ import annotations

import pytest

from aci_tools.sandbox import MIB, Limits, Sandbox
from tests.aci_tools.sandbox.conftest import Opener

EVERY_BYTE = bytes(range(256))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no final newline",
        b"\r\n\ttabs\r\n",
        b"\n\n",
        EVERY_BYTE * 5,
        b"exit 1\nkill -9 $$\n\0",
        b"x" * 10_000_000,
    ],
    ids=["empty", "no newline", "crlf", "newlines", "every byte", "script", "10 MB"],
)
def test_what_was_written_is_read(sandbox: Sandbox, data: bytes) -> None:
    sandbox.write("file", data)
    assert sandbox.read("file") == data
    assert sandbox.run("wc -c <file").text.strip() == str(len(data))


@pytest.mark.parametrize(
    "name",
    ["with space", "new\nline", "-dash", "quo'te\"s", "$(touch oops)", "é中", "\udcff\udcfe", "a/b c/d", "tail ", "*"],
)
def test_any_name_will_do(sandbox: Sandbox, name: str) -> None:
    sandbox.write(name, name.encode("utf-8", "surrogateescape"))
    assert sandbox.read(f"{sandbox.workdir}/{name}") == name.encode("utf-8", "surrogateescape")
    assert not sandbox.run("test -e oops").ok


def test_mode_owner_and_links_are_kept(sandbox: Sandbox) -> None:
    sandbox.run("echo old >kept; chmod 751 kept; ln -sf kept soft; ln -f kept hard")
    sandbox.write("soft", b"new")
    assert sandbox.run("stat -c %a kept; cat hard; test -L soft && echo link").output == b"751\nnewlink\n"


def test_parents_are_made(sandbox: Sandbox) -> None:
    sandbox.write("some/new dir/file", b"x")
    assert sandbox.run("cat 'some/new dir/file'").output == b"x"


def test_a_change_by_a_command_is_read(sandbox: Sandbox) -> None:
    sandbox.write("counted", b"1")
    sandbox.run("echo 2 >>counted")
    assert sandbox.read("counted") == b"12\n"


@pytest.mark.parametrize(
    ("path", "error"),
    [("missing", FileNotFoundError), (".", IsADirectoryError), ("missing/file", FileNotFoundError)],
)
def test_what_cannot_be_read(sandbox: Sandbox, path: str, error: type[OSError]) -> None:
    with pytest.raises(error) as caught:
        sandbox.read(path)
    assert str(caught.value) == f"{sandbox.workdir}/{path}"


def test_of_a_file_that_is_too_large_nothing_is_read(sandbox: Sandbox) -> None:
    sandbox.write("five-bytes", b"12345")
    assert sandbox.read("five-bytes", 5) == b"12345"
    with pytest.raises(OSError, match="File too large"):
        sandbox.read("five-bytes", 4)


def test_what_is_no_file_is_not_read(sandbox: Sandbox) -> None:
    with pytest.raises(OSError, match="not a regular file"):
        sandbox.read("/dev/zero")


@pytest.mark.parametrize(
    ("path", "error"), [(".", IsADirectoryError), ("greeting.txt/file", NotADirectoryError), ("x" * 300, OSError)]
)
def test_what_cannot_be_written(sandbox: Sandbox, path: str, error: type[OSError]) -> None:
    with pytest.raises(error):
        sandbox.write(path, b"kill -9 $$\n" * 100)
    assert sandbox.run("echo fine").output == b"fine\n"


def test_what_is_read_only_is_refused(opener: object) -> None:
    sandbox: Sandbox = opener("unshare")()  # type: ignore[operator]
    with pytest.raises(PermissionError, match=r"^/usr/here$"):
        sandbox.write("/usr/here", b"x")


def test_a_file_too_large_for_the_disk_is_an_error_and_no_script(fenced: Opener) -> None:
    sandbox = fenced(limits=Limits(disk=MIB))
    with pytest.raises(OSError, match="large: File too large"):
        sandbox.write("large", b"touch /tmp/executed\n\0" * 1_000_000)
    assert not sandbox.run("test -e /tmp/executed").ok
