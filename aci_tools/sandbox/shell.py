"""What all sandboxes share: commands, reading and writing over a channel that is rebuilt whenever it is lost."""

from __future__ import annotations

import errno
import os
import posixpath
import shlex
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from aci_tools.errors import SandboxError
from aci_tools.gate.door import proxy_variables
from aci_tools.sandbox import files
from aci_tools.sandbox.base import CommandResult, End, SandboxSpec
from aci_tools.sandbox.channel import COUNT_NAMESPACE, Channel, Payload, Reply, Transport, new_token
from aci_tools.variables import check_variables

if TYPE_CHECKING:
    from aci_tools.gate.gate import Gate

_STARTUP_TIMEOUT = 120.0
_FILE_TIMEOUT = 60.0
_SLOWEST_COPY = 4 * 1024 * 1024  # bytes a second
_RECOUNTS = (0.002, 0.01, 0.03, 0.06)

_LEFTOVERS = "Background processes were ended with the command."
_REFUSED = "The network refused a connection: {reason}."
_LOST = "The command ended the sandbox's own shell; it was started anew, files are as the command left them."
_DISK = "The command was ended because the sandbox holds more than {limit} bytes of new files: remove some."


class ShellSandbox(ABC):
    """A sandbox that is reached through a :class:`Channel`.

    A kind says how a shell is started in it, how everything in it is ended, and how its file system is kept.

    Args:
        spec: How it is to be made.
    """

    kind: str
    #: How the channel counts processes, and how many there are when no command runs.
    count: ClassVar[str] = COUNT_NAMESPACE
    idle_processes: ClassVar[int] = 1

    def __init__(self, spec: SandboxSpec) -> None:
        check_variables(spec.env)
        self.spec = spec
        self.id = uuid.uuid4().hex[:12]
        self.workdir = spec.workdir
        self.origin = ""
        self.ends_at = time.time() + spec.limits.lifetime
        self._channel: Channel | None = None
        self._closed = False
        self._gate = _gate(spec)

    @abstractmethod
    def _connect(self) -> Transport:
        """Start a shell (``BOOT_ARGV``) in the sandbox, and whatever it needs."""

    @abstractmethod
    def _end_processes(self) -> None:
        """End every process of the sandbox, the channel's shell included; the file system stays."""

    @abstractmethod
    def _written(self) -> int:
        """Bytes written beyond what the sandbox started with, or an estimate."""

    @abstractmethod
    def _remove(self) -> None:
        """Remove everything that the sandbox has outside itself."""

    @abstractmethod
    def snapshot(self) -> str:
        """See :class:`~aci_tools.sandbox.base.Sandbox`."""

    @abstractmethod
    def restore(self, snapshot: str) -> None:
        """See :class:`~aci_tools.sandbox.base.Sandbox`."""

    def run(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        output_limit: int | None = None,
    ) -> CommandResult:
        """See :class:`~aci_tools.sandbox.base.Sandbox`."""
        if "\0" in command:
            raise ValueError("a command cannot contain a NUL byte")
        limit = self.spec.limits.output if output_limit is None else output_limit
        channel = self._ready_channel()
        exports = _exports(env or {}, channel)
        body = f"cd {channel.quote(cwd or self.workdir)}{exports} && eval {channel.quote(command)}"
        started = time.monotonic()
        with self._dropped_when_interrupted():
            reply = channel.call(body, deadline=started + timeout, limit=limit, too_much=self._disk_is_full)
        end: End = "exited"
        note = ""
        if reply.end == "done":
            if reply.processes > self.idle_processes and not self._settles(channel):
                note = _LEFTOVERS
        elif reply.end == "lost":
            end, note = "lost", _LOST
        else:
            end = "timeout"
            note = _DISK.format(limit=self.spec.limits.disk) if reply.end == "disk" else ""
        duration = time.monotonic() - started
        if end != "exited" or note:
            self._reset()
        note = " ".join([*filter(None, [note]), *self._refusals()])
        return CommandResult(
            output=reply.output,
            exit_code=reply.code if end == "exited" else None,
            end=end,
            duration=duration,
            dropped=reply.dropped,
            note=note,
        )

    def read(self, path: str, limit: int | None = None) -> bytes:
        """See :class:`~aci_tools.sandbox.base.Sandbox`."""
        path = self._locate(path)
        reply = self._file_call(files.reading(path, limit), path, timeout=_FILE_TIMEOUT * 5)
        if reply.code:
            files.raise_for(reply, path)
        if limit is not None and len(reply.output) > limit:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), path)
        return reply.output

    def write(self, path: str, data: bytes) -> None:
        """See :class:`~aci_tools.sandbox.base.Sandbox`."""
        path = self._locate(path)
        payload = Payload(new_token(), data)
        reply = self._file_call(
            files.writing(path, payload), path, timeout=_FILE_TIMEOUT + len(data) / _SLOWEST_COPY, payload=payload
        )
        if reply.code:
            if reply.code not in files.UNTOUCHED:
                self._reset()
            files.raise_for(reply, path)

    def close(self) -> None:
        """See :class:`~aci_tools.sandbox.base.Sandbox`."""
        if self._closed:
            return
        self._closed = True
        self._drop_channel()
        if self._gate is not None:
            self._gate.close()
        self._remove()

    def _start(self) -> None:
        """Open the first channel and see that what every tool needs is there."""
        wanted = shlex.quote(self.workdir)
        try:
            self._channel = self._open_channel()
            reply = self._channel.call(
                f"command -v git >/dev/null 2>&1 || exit 61; [ -d {wanted} ] || exit 62",
                deadline=time.monotonic() + _FILE_TIMEOUT,
            )
        except (ConnectionError, TimeoutError) as error:
            self.close()
            raise SandboxError(f"{self._called()} could not be started: {error}") from error
        except BaseException:
            self.close()
            raise
        if reply.end == "done" and reply.code == 0:
            return
        self.close()
        missing = {61: "has no git: install it there", 62: f"has no directory {self.workdir}: set its workdir"}
        raise SandboxError(f"{self._called()} {missing.get(reply.code, 'does not run a first command')}")

    def _called(self) -> str:
        return f"the {self.kind} sandbox"

    def _open_channel(self) -> Channel:
        channel = Channel(self._connect(), self.count)
        lines = f'cd /; export LANG="${{LANG:-C.UTF-8}}"{_exports(self._variables(), channel)}'
        if self.spec.startup:
            lines += f'; eval {channel.quote(self.spec.startup)}\nset -- "$?"; set +euvx; (exit "$1")'
        reply = channel.call(lines, deadline=time.monotonic() + _STARTUP_TIMEOUT, limit=4096, here=True)
        if reply.end == "done" and reply.code == 0:
            return channel
        channel.close()
        said = reply.output.decode("utf-8", "replace").strip().rpartition("\n")[2]
        how = {"done": f"exit code {reply.code}", "deadline": f"no end in {_STARTUP_TIMEOUT:.0f} s"}
        raise SandboxError(f"the sandbox's startup lines failed ({how.get(reply.end, 'they ended the shell')}): {said}")

    def _ready_channel(self) -> Channel:
        if self._closed:
            raise SandboxError("the sandbox is closed")
        if time.time() >= self.ends_at:
            raise SandboxError(f"the sandbox's lifetime of {self.spec.limits.lifetime:.0f} s is over")
        if self._channel is None or not self._channel.intact:
            self._reset()
        assert self._channel is not None
        return self._channel

    def _reset(self) -> None:
        """End every process and open a new channel on the same file system."""
        if self._closed:  # by another thread, while a command ran
            raise SandboxError("the sandbox is closed")
        self._drop_channel()
        try:
            self._end_processes()
            self._channel = self._open_channel()
        except (ConnectionError, TimeoutError) as error:
            raise SandboxError(f"{self._called()} was lost and could not be rebuilt: {error}") from error

    def _drop_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    @contextmanager
    def _dropped_when_interrupted(self) -> Iterator[None]:
        """A call left in the middle, by Ctrl-C for one, leaves a shell that is busy: the next call needs another."""
        try:
            yield
        except BaseException:
            self._drop_channel()
            raise

    def _settles(self, channel: Channel) -> bool:
        """Whether what was still there after a command ends by itself at once: the rest of a pipeline, a zombie."""
        for pause in _RECOUNTS:
            time.sleep(pause)
            reply = channel.call(":", deadline=time.monotonic() + 5, here=True)
            if reply.end != "done":
                return False
            if reply.processes <= self.idle_processes:
                return True
        return False

    def _variables(self) -> dict[str, str]:
        """The environment of every command."""
        return {**(proxy_variables() if self._gate is not None else {}), **self.spec.env}

    def _refusals(self) -> list[str]:
        """What the gate did not let through since this was last asked, a sentence each."""
        return [] if self._gate is None else [_REFUSED.format(reason=reason) for reason in self._gate.refused()]

    def _disk_is_full(self) -> bool:
        limit = self.spec.limits.disk
        return limit is not None and self._written() > limit

    def _locate(self, path: str) -> str:
        if not path or "\0" in path:
            raise ValueError("a path cannot be empty or contain a NUL byte")
        return posixpath.join(self.workdir, path)

    def _file_call(self, body: str, path: str, timeout: float, payload: Payload | None = None) -> Reply:
        channel = self._ready_channel()
        with self._dropped_when_interrupted():
            reply = channel.call(body, deadline=time.monotonic() + timeout, payload=payload)
        if reply.end == "done":
            return reply
        self._reset()
        raise OSError(f"{path}: the sandbox was lost under it, or took longer than {timeout:.0f} s")


def _gate(spec: SandboxSpec) -> Gate | None:
    if not spec.allow_hosts:
        return None
    from aci_tools.gate.gate import Gate

    return Gate(spec.allow_hosts)


@contextmanager
def closing_on_error(sandbox: ShellSandbox) -> Iterator[None]:
    """Close a half-made sandbox when making the rest of it fails."""
    try:
        yield
    except BaseException:
        sandbox.close()
        raise


def _exports(env: Mapping[str, str], channel: Channel) -> str:
    check_variables(env)
    return "".join(f" && export {name}={channel.quote(value)}" for name, value in env.items())
