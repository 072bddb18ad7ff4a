"""A user's terminal: a program on it, what it shows, and the keys that are pressed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import subprocess
import termios
import time
from collections.abc import Iterator
from pathlib import Path

CTRL_C = "\x03"
#: Seconds after which a program that shows nothing of what is waited for is taken to hang.
_PATIENCE = 90.0


class Terminal:
    """A program that runs on a terminal of its own, its standard output elsewhere.

    Attributes:
        shown: All that it has shown so far.
        process: The program.
    """

    def __init__(self, ours: int, process: subprocess.Popen[bytes]) -> None:
        self.process, self.shown = process, ""
        self._ours, self._seen = ours, 0

    def wait_for(self, text: str) -> str:
        """Read until a text is shown; returns all that was shown since the last one that was waited for."""
        until = time.monotonic() + _PATIENCE
        while (at := self.shown.find(text, self._seen)) < 0:
            left = until - time.monotonic()
            assert left > 0, f"{text!r} was not shown: {self.shown[self._seen :]!r}"
            if select.select([self._ours], [], [], left)[0]:
                part = self._read()
                assert part, f"it ended before it showed {text!r}: {self.shown!r}"
        since, self._seen = self.shown[self._seen : at], at + len(text)
        return since

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._ours, keys.encode())

    def end(self) -> tuple[int, str]:
        """Wait for the end; the exit code, and what went to standard output."""
        while self._read():
            pass
        assert self.process.stdout is not None
        out = self.process.stdout.read().decode()
        return self.process.wait(), out

    def _read(self) -> str:
        try:
            part = os.read(self._ours, 65536).decode("utf-8", "replace")
        except OSError:  # nobody has it open any more
            return ""
        self.shown += part
        return part


@contextlib.contextmanager
def on_terminal(command: list[str], *, cwd: Path, env: dict[str, str]) -> Iterator[Terminal]:
    """Run a program on a terminal, where Ctrl-C interrupts it."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command, cwd=cwd, env=env | {"TERM": "dumb"}, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs,
        start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )  # fmt: skip
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
        os.close(ours)
