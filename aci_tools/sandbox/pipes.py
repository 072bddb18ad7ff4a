"""A transport over the pipes of a child process, and a way to start one that does not outlive this program."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

_CHUNK = 1 << 18
_PIPE_SIZE = 1 << 20


@cache
def _spawner() -> ThreadPoolExecutor:
    # A parent-death signal fires when the *thread* that forked ends. This thread ends with the program.
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")


os.register_at_fork(after_in_child=_spawner.cache_clear)


class PipeTransport:
    """Starts a process and speaks to it over its standard input and output.

    Args:
        argv: What to start. It should ask for a parent-death signal itself.
        env: Its whole environment.
        log: File that receives its standard error.
        handles: Open files that it inherits.
    """

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], log: Path, handles: Sequence[int] = ()) -> None:
        self.process = _spawner().submit(self._start, argv, env, log, handles).result()
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._stdin, self._stdout = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._stdin, False)
        with contextlib.suppress(OSError):  # more than an ordinary user's share of pipe memory
            fcntl.fcntl(self._stdout, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
        self._reading = select.poll()
        self._reading.register(self._stdout, select.POLLIN)
        self._both = select.poll()
        self._both.register(self._stdout, select.POLLIN)
        self._both.register(self._stdin, select.POLLOUT)

    @staticmethod
    def _start(
        argv: Sequence[str], env: Mapping[str, str], log: Path, handles: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        # A session of its own, so that a Ctrl-C at the terminal reaches the driver only.
        with log.open("wb") as errors:
            return subprocess.Popen(
                argv,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=dict(env),
                cwd="/",
                bufsize=0,
                start_new_session=True,
                pass_fds=handles,
            )

    def send(self, data: bytes, deadline: float) -> None:
        """See :class:`~aci_tools.sandbox.channel.Transport`."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._stdin, view[:_CHUNK]) :]
            except BrokenPipeError:
                return
            except BlockingIOError:
                ready = self._both.poll(max(0.0, deadline - time.monotonic()) * 1000)
                if not ready:
                    raise TimeoutError("the shell does not read") from None
                if self._stdin not in dict(ready):
                    return

    def receive(self, timeout: float) -> bytes | None:
        """See :class:`~aci_tools.sandbox.channel.Transport`."""
        if not self._reading.poll(max(0.0, timeout) * 1000):
            return None
        return os.read(self._stdout, _CHUNK)

    def close(self) -> None:
        """Close the pipes; the process itself is the business of whoever started it."""
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None and not stream.closed:
                stream.close()
