"""Sandboxes that are containers of a Docker engine, or of anything that speaks its API at ``DOCKER_HOST``."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError, SandboxError, UsageError
from aci_tools.sandbox.base import MIB, Availability, SandboxSpec
from aci_tools.sandbox.channel import BOOT_ARGV, Channel, Transport
from aci_tools.sandbox.engine import connect, engine_errors, ensure_image
from aci_tools.sandbox.helper import listener_in
from aci_tools.sandbox.owner import abandoned, this_process
from aci_tools.sandbox.shell import ShellSandbox, closing_on_error
from aci_tools.sandbox.stream import ExecTransport

LABEL_RUN = "patchwright.run"
LABEL_OWNER = "patchwright.owner"
LABEL_DEADLINE = "patchwright.deadline"
_SNAPSHOTS = "patchwright/snapshot"

# The first process lives until the deadline. It survives the end of its `sleep`, which a command may kill, and reaps
# whatever is handed down to it while it waits. Time is the machine's uptime, which needs no program to be read.
_FIRST_PROCESS = """read -r now rest </proc/uptime; end=$((${now%%.*} + %d))
while read -r now rest </proc/uptime; left=$((end - ${now%%.*})); [ "$left" -gt 0 ]; do sleep "$left" & wait $!; done"""

# As root without these a command could not write to files that the image gives to others (DAC_OVERRIDE, FOWNER),
# install packages (CHOWN, SETUID, SETGID) or end what it started under another user (KILL, the control channel too).
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL"]

_TRUST = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"}
_SWEEP = b"kill -9 -1; printf K\n"
_PATIENCE = 300  # seconds that the engine may take for one request, such as a commit
_SWEEP_PATIENCE = 2.0


class DockerSandbox(ShellSandbox):
    """A container.

    Commands run as root, on a channel of one long-lived exec. A second exec, the control channel, waits to end
    everything in the container: ``kill -1`` is one act of the kernel and needs no fork, so no fork bomb escapes it.
    """

    kind = "docker"
    idle_processes = 4  # the first process, its sleep, the control channel, the commands' channel

    def __init__(self, spec: SandboxSpec, client: Any) -> None:
        super().__init__(spec)
        self._client = client
        self._container: Any = None
        self._control: ExecTransport | None = None
        self._images: list[str] = []
        self._copied = 0
        self._labels = {
            LABEL_RUN: spec.run_id,
            LABEL_OWNER: str(this_process()),
            LABEL_DEADLINE: str(int(self.ends_at)),
        }

    def open(self) -> None:
        """Start the container and its channels.

        Raises:
            UsageError: There is no such image.
            SandboxError: It cannot be used: no sh, no git, no working directory.
        """
        assert self.spec.image is not None
        with closing_on_error(self), engine_errors():
            self._start_container(self.spec.image)
            if self.spec.repository is not None:
                self._copy_in(self.spec.repository)
            else:
                self.origin = self._container.attrs["Image"]
            self._start()

    def snapshot(self) -> str:
        """Commit the container to an image."""
        tag = f"{self.id}-{len(self._images)}"
        with engine_errors():
            image = self._container.commit(repository=_SNAPSHOTS, tag=tag, conf={"Labels": self._labels})
        self._images.append(image.id)
        return f"{_SNAPSHOTS}:{tag}"

    def restore(self, snapshot: str) -> None:
        """Replace the container by a new one from the snapshot's image."""
        if not snapshot.startswith(f"{_SNAPSHOTS}:{self.id}-"):
            raise UsageError(f"{snapshot} is not a snapshot of this sandbox")
        self._drop_channel()
        with engine_errors():
            self._remove_container()
            self._start_container(snapshot)
            self._copied = 0
            self._channel = self._open_channel()

    def _called(self) -> str:
        return f"the image {self.spec.image}"

    def _start_container(self, image: str) -> None:
        from docker.errors import APIError

        try:
            container = self._create_container(image)
        except APIError as error:
            if image != self.spec.image or not error.is_client_error():
                raise
            ensure_image(self._client, image)  # or says that there is none of that name
            container = self._create_container(image)
        self._container = container
        try:
            container.start()
        except APIError as error:
            if "executable file not found" in str(error) or "no such file" in str(error):
                raise SandboxError(f"{self._called()} has no sh: choose one that has") from error
            raise
        self._open_gate()
        self._control = self._exec(["sh"])

    def _create_container(self, image: str) -> Any:
        from docker.types import Ulimit

        limits = self.spec.limits
        size = limits.disk
        # Long enough for a busy engine to open the channel, by which a command is told that the lifetime has passed.
        left = max(30, int(self.ends_at - time.time()))
        return self._client.containers.create(
            image,
            entrypoint=["sh", "-c", _FIRST_PROCESS % left],
            command=[],
            name=f"patchwright-{self.id}",
            hostname="sandbox",
            labels=self._labels,
            user="0:0",
            working_dir=self.workdir,
            auto_remove=True,
            network_mode=None if self.spec.network else "none",
            cap_drop=["ALL"],
            cap_add=_CAPABILITIES,
            security_opt=["no-new-privileges"],
            mem_limit=limits.memory,
            memswap_limit=limits.memory,
            nano_cpus=None if limits.cpus is None else int(limits.cpus * 1e9),
            # The sandbox's own four come on top of what a command may start.
            pids_limit=None if limits.pids is None else limits.pids + self.idle_processes,
            ulimits=None if size is None else [Ulimit(name="fsize", soft=size, hard=size)],
        )

    def _open_gate(self) -> None:
        """Have the gate answer in the container's network, which must have been started anew."""
        if self._gate is not None:
            image = self.spec.gate_image or self.spec.image
            assert image is not None
            self._gate.listen(listener_in(self._client, self._container.id, image, self._labels))

    def _exec(self, argv: list[str], environment: Mapping[str, str] | None = None) -> ExecTransport:
        api = self._client.api
        made = api.exec_create(
            self._container.id, argv, stdin=True, user="0:0", workdir="/", environment=environment or {}
        )
        return ExecTransport(api.exec_start(made["Id"], socket=True))

    def _ready_channel(self) -> Channel:
        if self._control is None or not self._control.intact:
            self._drop_channel()  # a command killed the control channel: without it no process can be accounted for
        return super()._ready_channel()

    def _connect(self) -> Transport:
        with engine_errors():
            # A repository that came with the image may be another user's; git must trust it all the same.
            return self._exec(BOOT_ARGV, _TRUST if self.spec.repository is None else None)

    def _end_processes(self) -> None:
        if self._control is not None and self._control.intact and self._sweep(self._control):
            return
        # The control channel is gone: a command found and killed it. A new one does, where a process can be started.
        self._drop_control()
        with engine_errors():
            if self._swept_anew():
                return
            # An engine that is busy may remove a container that it starts anew, so this comes last.
            self._drop_control()
            self._container.restart(timeout=0)
            self._open_gate()
            self._control = self._exec(["sh"])

    def _swept_anew(self) -> bool:
        from docker.errors import APIError

        try:
            self._control = self._exec(["sh"])
        except APIError:
            return False
        return self._sweep(self._control)

    @staticmethod
    def _sweep(control: ExecTransport) -> bool:
        deadline = time.monotonic() + _SWEEP_PATIENCE
        try:
            control.send(_SWEEP, deadline)
        except TimeoutError:
            return False
        return (control.receive(_SWEEP_PATIENCE) or b"").endswith(b"K")

    def _written(self) -> int:
        with engine_errors():
            found = self._client.api.containers(all=True, size=True, filters={"id": self._container.id})
        return sum(int(entry.get("SizeRw", 0)) for entry in found) - self._copied

    def _copy_in(self, repository: Path) -> None:
        tar = shutil.which("tar")
        if tar is None:
            raise SandboxError("copying a repository into a container needs tar: install it")
        argv = [tar, "-C", str(repository), "--owner=0", "--group=0", "--numeric-owner", "-cf", "-", "."]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
            assert process.stdout is not None

            def chunks() -> Iterator[bytes]:
                assert process.stdout is not None
                while chunk := process.stdout.read(MIB):
                    self._copied += len(chunk)
                    yield chunk

            self._container.put_archive(self.workdir, chunks())
        if process.returncode:
            raise SandboxError(f"{repository} could not be read whole: see that all its files are readable")

    def _drop_control(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None

    def _remove_container(self) -> None:
        from docker.errors import APIError, NotFound

        self._drop_control()
        if self._container is None:
            return
        with contextlib.suppress(NotFound):
            try:
                self._container.remove(force=True, v=True)
            except APIError as error:
                if error.status_code != 409:  # its removal is under way already
                    raise
        self._container = None

    def _remove(self) -> None:
        from docker.errors import APIError, DockerException
        from requests import RequestException

        try:
            self._remove_container()
            for image in self._images:
                with contextlib.suppress(APIError):
                    self._client.images.remove(image, force=True)
        except (DockerException, RequestException):
            pass  # The engine is gone; the deadline and the reaper see to what it still holds.
        finally:
            self._client.close()


def open_sandbox(spec: SandboxSpec) -> DockerSandbox:
    """Open a container as a sandbox.

    Raises:
        UsageError: No image is named, or there is none of that name.
        InfrastructureError: No engine answers, or it failed.
    """
    if spec.image is None:
        raise UsageError("a docker sandbox needs an image: name one with --image")
    sandbox = DockerSandbox(spec, connect(_PATIENCE))
    sandbox.open()
    return sandbox


def availability() -> Availability:
    """Whether an engine answers here. Takes two seconds at most."""
    try:
        with contextlib.closing(connect(2)) as client, engine_errors():
            version = client.version()["Version"]
    except InfrastructureError as error:
        reason, _, mend = str(error).partition("; ")
        return Availability("docker", False, reason, mend)
    return Availability("docker", True, f"engine {version}")


def reap() -> list[str]:
    """Remove the containers and snapshots of dead owners and of passed deadlines; nothing when no engine answers."""
    from docker.errors import APIError

    try:
        client = connect(5)
    except InfrastructureError:
        return []
    removed = []
    with contextlib.closing(client), engine_errors():
        ours = {"label": LABEL_OWNER}
        for entry in client.api.containers(all=True, filters=ours):
            if _abandoned(entry):
                with contextlib.suppress(APIError):
                    client.api.remove_container(entry["Id"], force=True, v=True)
                    removed.append(f"container {entry['Names'][0].lstrip('/')}")
        for entry in client.api.images(filters=ours):
            if _abandoned(entry):
                with contextlib.suppress(APIError):
                    client.api.remove_image(entry["Id"], force=True)
                    removed.append(f"image {(entry['RepoTags'] or [entry['Id']])[0]}")
    return removed


def _abandoned(entry: dict[str, Any]) -> bool:
    labels = entry.get("Labels") or {}
    return abandoned(labels.get(LABEL_OWNER, ""), labels.get(LABEL_DEADLINE, ""))
