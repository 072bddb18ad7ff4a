"""What every sandbox is: a computer on which commands run, with a clock, a fence and an undo."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

MIB = 1024 * 1024

End = Literal["exited", "timeout", "lost"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a sandbox may use. ``None`` means no limit of that kind.

    Attributes:
        memory: Bytes of memory for all processes together (per process where only rlimits are to be had).
        cpus: Cores.
        pids: Processes and threads.
        disk: Bytes that the sandbox may write beyond what it started with; also the largest size of one file.
        output: Bytes of one command's output that are kept: the head and the tail, the middle is counted.
        lifetime: Seconds after which the sandbox ends by itself, even when its driver is gone.
    """

    memory: int | None = 4096 * MIB
    cpus: float | None = None
    pids: int | None = 512
    disk: int | None = 4096 * MIB
    output: int = 1 * MIB
    lifetime: float = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class SandboxSpec:
    """How a sandbox is to be made.

    Attributes:
        workdir: Absolute path inside the sandbox at which the repository stands.
        repository: Directory on the host whose content (``.git`` included) becomes ``workdir``; ``None`` when the image
            already holds it. It is read, never written.
        image: Container image (docker only).
        env: Environment variables of every command.
        startup: Shell lines run once in each command channel before the first command (``source activate …``).
        read_only: Host directories shown read-only at the same path (namespace only): interpreters, environments.
        network: Whether commands may reach a network, whatever is there.
        allow_hosts: The hosts that commands may reach by a proxy of ours where ``network`` is off; entries of
            :class:`aci_tools.gate.allow.AllowList`.
        gate_image: Image with python3 that prepares the proxy (docker only); ``None``: ``image``.
        limits: What it may use.
        run_id: Name of the run, for labels.
    """

    workdir: str = "/testbed"
    repository: Path | None = None
    image: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    startup: str = ""
    read_only: tuple[Path, ...] = ()
    network: bool = False
    allow_hosts: tuple[str, ...] = ()
    gate_image: str | None = None
    limits: Limits = field(default_factory=Limits)
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command did.

    Attributes:
        output: Standard output and standard error in the order written, at most ``Limits.output`` bytes.
        exit_code: As a shell reports it (128 + n for signal n); ``None`` unless ``end`` is ``"exited"``.
        end: ``"exited"``; ``"timeout"``: killed at its deadline; ``"lost"``: the sandbox was lost under it and rebuilt.
        duration: Seconds.
        dropped: Bytes of output that were left out in the middle; they are marked by one line in ``output``.
        note: What else the user of the command should be told, a sentence ("Background processes were ended …"), or "".
    """

    output: bytes
    exit_code: int | None
    end: End = "exited"
    duration: float = 0.0
    dropped: int = 0
    note: str = ""

    @property
    def ok(self) -> bool:
        """Whether the command ended by itself with exit code 0."""
        return self.end == "exited" and self.exit_code == 0

    @property
    def text(self) -> str:
        """The output as text; bytes that are not UTF-8 become U+FFFD."""
        return self.output.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a kind of sandbox can be used on this machine.

    Attributes:
        kind: Its name.
        usable: Whether it can.
        reason: What it would use; or why it cannot be used.
        mend: What to do about that, or "".
    """

    kind: str
    usable: bool
    reason: str = ""
    mend: str = ""


@runtime_checkable
class Sandbox(Protocol):
    """A computer for one attempt. Needs only ``sh`` and ``git`` inside; nothing is installed into it.

    Whatever a command does, the next one works: each has an empty standard input and a deadline, and every process it
    leaves behind is ended with it.
    """

    kind: str
    id: str
    workdir: str
    spec: SandboxSpec
    #: The engine's own id of an image that holds every file that it started with; "" where none does.
    origin: str

    def run(
        self,
        command: str,
        *,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 60.0,
        output_limit: int | None = None,
    ) -> CommandResult:
        """Run a shell command (bash where the sandbox has it, else sh).

        Args:
            command: Shell text, any number of lines, no NUL byte.
            cwd: Absolute directory; default ``workdir``.
            env: Variables added for this command.
            timeout: Seconds until everything that the command started is killed.
            output_limit: Bytes of output to keep; default ``spec.limits.output``.

        Raises:
            SandboxError: The sandbox is gone and could not be rebuilt.
        """

    def read(self, path: str, limit: int | None = None) -> bytes:
        """The bytes of a file (absolute, or relative to ``workdir``).

        Args:
            path: The file.
            limit: Bytes that it may have at most.

        Raises:
            FileNotFoundError, IsADirectoryError, PermissionError: As on a host; the message is the path.
            OSError: It is larger (``errno.EFBIG``), or is no file.
        """

    def write(self, path: str, data: bytes) -> None:
        """Write a file's bytes; parents are made, mode and owner of an existing file are kept.

        Raises:
            IsADirectoryError, PermissionError, OSError: As on a host.
        """

    def snapshot(self) -> str:
        """Remember the file system as it is now; returns a name for :meth:`restore`."""

    def restore(self, snapshot: str) -> None:
        """Bring the file system back to a snapshot. Processes are ended. A snapshot can be restored more than once."""

    def close(self) -> None:
        """End every process and remove everything, snapshots too. Safe to call twice."""
