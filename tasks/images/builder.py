"""Makes one layer of an image: a container in which the layer's commands run, committed.

Not a Dockerfile: the Docker SDK cannot drive BuildKit, and engines without it are common. The container has a named
volume for pip's cache, which all builds share as they would share a BuildKit cache mount, on every engine. What only
the build may know, such as passwords of a package index, is in the variables of its one process and in a volume that
goes with the container, so that nothing of it can be in the image.
"""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.base import MIB, Limits
from aci_tools.sandbox.docker import LABEL_DEADLINE, LABEL_OWNER, LABEL_RUN
from aci_tools.sandbox.engine import engine_errors
from aci_tools.sandbox.owner import this_process
from aci_tools.sandbox.stream import ExecTransport
from tasks.images import scripts
from tasks.images.fault import BrokenImage, build_failure
from tasks.images.reach import Reach
from tasks.images.recipe import Layer

WORKDIR = "/testbed"
PIP_CACHE = "patchwright-pip-cache"

_SCRATCH = "/run/patchwright"
_PATIENCE = 1800.0  # seconds for a program of ours
_TRIES = 5
_IDLE = "while :; do sleep 1000 & wait $!; done"
_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETUID", "SETGID", "KILL", "FSETID"]


@dataclass(frozen=True)
class Work:
    """A layer to make.

    Attributes:
        title: What it is, for messages.
        layer: Its recipe.
        tag: Name of the image.
        parent: Image that it is put on.
        repository: Directory whose content goes to the repository's place first.
        labels: Labels of the image.
        log: File for what the commands print.
        timeout: Seconds that the commands may take.
        fence: What they may use where a stranger wrote them: then no cache is shared with other builds. ``None``: they
            are trusted.
    """

    title: str
    layer: Layer
    tag: str
    parent: str
    repository: Path | None
    labels: Mapping[str, str]
    log: Path
    timeout: float
    fence: Limits | None = None


def build(client: Any, work: Work, reach: Reach) -> None:
    """Make a layer's image.

    Raises:
        BrokenImage: A command failed.
        InfrastructureError: The network or the engine failed.
    """
    with engine_errors(), _container(client, work, reach) as container:
        if work.repository is not None:
            copy_in(container, work.repository, WORKDIR)
        labels, env = dict(work.labels), dict(work.layer.env)
        if work.layer.name != "history":
            container.put_archive(_SCRATCH, archive(_files(work, reach)))
            _install(container, work, reach)
            before, after = (_file(container, f"{_SCRATCH}/{name}") for name in ("before", "after"))
            env |= scripts.changed(before, after, _build_only(work, reach))
        if work.layer.name == "repository":
            labels["patchwright.commit"] = settled = run_quiet(container, scripts.SETTLE)
            if not settled:
                raise InfrastructureError(f"{work.title}: the container engine lost what a program printed")
        elif work.layer.name == "dependencies":
            run_quiet(container, scripts.KEEP_PRODUCTS)
        commit(client, container, work.tag, labels, env)


def commit(
    client: Any, container: Any, tag: str, labels: Mapping[str, str], env: Mapping[str, str], workdir: str = WORKDIR
) -> None:
    """Make an image of a container, with the first process of the image that the container came from."""
    parent = client.images.get(container.attrs["Image"])
    own = parent.attrs["Config"]
    repository, _, version = tag.partition(":")
    # Of the container's labels those of the reaper must not come with it; the engine cannot remove any.
    nobody = {LABEL_OWNER: "", LABEL_DEADLINE: "", LABEL_RUN: ""}
    conf = {
        "Labels": {**nobody, "patchwright.below": str(parent.attrs["Size"]), **labels},
        "Env": [f"{name}={value}" for name, value in env.items()],
        "Entrypoint": own.get("Entrypoint") or [],
        "Cmd": own.get("Cmd") or ["sh"],
        "WorkingDir": workdir,
    }
    container.commit(repository=repository, tag=version, conf=conf)


def copy_in(container: Any, directory: Path, target: str) -> None:
    """Copy a directory's content into a container, given to root."""
    tar = shutil.which("tar")
    if tar is None:
        raise InfrastructureError("copying a repository into a container needs tar: install it")
    argv = [tar, "-C", str(directory), "--owner=0", "--group=0", "--numeric-owner", "-cf", "-", "."]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        container.put_archive(target, iter(lambda: process.stdout.read(MIB), b""))  # type: ignore[union-attr]
    if process.returncode:
        raise InfrastructureError(f"{directory} could not be read whole")


def run_quiet(container: Any, script: str, *arguments: str, workdir: str = WORKDIR) -> str:
    """Run a program of ours in a container; the last line that it prints.

    Raises:
        BrokenImage: It failed.
    """
    chunks: list[bytes] = []
    code = _execute(container, ["sh", "-c", script, "sh", *arguments], {}, workdir, _PATIENCE, chunks.append)
    lines = b"".join(chunks).decode("utf-8", "replace").strip().splitlines() or [""]
    if code != 0:
        raise BrokenImage(
            f"the repository of the image {container.attrs['Config']['Image']} cannot be used: {lines[-1]}"
        )
    return lines[-1]


@contextlib.contextmanager
def idle_container(client: Any, image: str, timeout: float, **options: Any) -> Iterator[Any]:
    """A container of an image that does nothing, removed at the end; by the reaper where this process dies."""
    container = client.containers.create(
        image,
        entrypoint=["sh", "-c", _IDLE],
        command=[],
        user="0:0",
        labels={LABEL_OWNER: str(this_process()), LABEL_DEADLINE: str(int(time.time() + timeout + 600))},
        cap_drop=["ALL"],
        cap_add=_CAPABILITIES,
        security_opt=["no-new-privileges"],
        **options,
    )
    try:
        container.start()
        container.reload()
        yield container
    finally:
        with contextlib.suppress(Exception):  # a container that cannot be removed now is the reaper's
            container.remove(force=True, v=True)


@contextlib.contextmanager
def _container(client: Any, work: Work, reach: Reach) -> Iterator[Any]:
    from docker.types import Mount

    mounts = [Mount(_SCRATCH, None, type="volume")]
    bounds: dict[str, Any] = {}
    if work.fence is None:
        mounts.append(Mount(f"{_SCRATCH}/pip", PIP_CACHE, type="volume"))
    else:
        memory = work.fence.memory
        bounds = {"mem_limit": memory, "memswap_limit": memory, "pids_limit": work.fence.pids}
    if str(client.api.base_url).startswith("http+docker"):  # an engine on this machine
        mounts += [Mount(str(path), str(path.resolve()), type="bind", read_only=True) for path in reach.directories]
    mode = "host" if reach.loopback else "bridge"
    with idle_container(
        client, work.parent, work.timeout, working_dir=WORKDIR, mounts=mounts, network_mode=mode, **bounds
    ) as container:
        yield container


def _build_only(work: Work, reach: Reach) -> dict[str, str]:
    """The variables that the commands see and the image does not keep."""
    env = {"PIP_CACHE_DIR": f"{_SCRATCH}/pip", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    env |= {"PIP_ROOT_USER_ACTION": "ignore"}
    return env | reach.variables(f"{_SCRATCH}/authorities.pem")


def _files(work: Work, reach: Reach) -> dict[str, bytes]:
    layer = work.layer
    found = {
        "install": scripts.install(
            layer.commands, _SCRATCH, layer.python, pins=bool(layer.pip), git=layer.name != "environment"
        ).encode(),
        "pins.txt": "".join(f"{line}\n" for line in layer.pip).encode(),
    }
    if reach.authorities is not None:
        found["authorities.pem"] = reach.authorities.read_bytes()
    return found


def archive(files: Mapping[str, bytes]) -> bytes:
    """A tar archive of files by name."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _install(container: Any, work: Work, reach: Reach) -> None:
    env = {**work.layer.env, **_build_only(work, reach)}
    shell = ["sh", "-c", f"exec $(command -v bash || command -v sh) {_SCRATCH}/install"]
    work.log.parent.mkdir(parents=True, exist_ok=True)
    with work.log.open("w", encoding="utf-8") as log:
        rest = b""

        def write(chunk: bytes) -> None:
            # Whole lines, so that no password is cut in two.
            nonlocal rest
            lines, end, rest = (rest + chunk).rpartition(b"\n")
            log.write(reach.clean((lines + end).decode("utf-8", "replace")))

        code = _execute(container, shell, env, WORKDIR, work.timeout, write)
        write(b"\n" if rest else b"")
    if code is None:
        raise BrokenImage(f"{work.title}: not done after {work.timeout:.0f} seconds (log: {work.log})", work.log)
    if code == scripts.NO_GIT:
        raise BrokenImage(f"{work.title}: the base image has no git: choose another with --base-image")
    if code == scripts.NO_PYTHON:
        raise BrokenImage(
            f"{work.title}: the base image has no python{work.layer.python}: choose another with --base-image"
        )
    if code != 0:
        raise build_failure(work.title, work.log)


def _execute(
    container: Any,
    argv: list[str],
    env: Mapping[str, str],
    workdir: str,
    timeout: float,
    output: Callable[[bytes], object],
) -> int | None:
    """Run a program in a container; its exit code, or ``None`` when it was not done in time."""
    api = container.client.api
    made = api.exec_create(container.id, argv, environment=dict(env), workdir=workdir, user="0:0")["Id"]
    deadline = time.monotonic() + timeout
    with contextlib.closing(ExecTransport(api.exec_start(made, socket=True))) as stream:
        while chunk := stream.receive(max(0.0, deadline - time.monotonic())):
            output(chunk)
    if chunk is None:
        return None
    return int(api.exec_inspect(made)["ExitCode"])


def _file(container: Any, path: str) -> bytes:
    """The bytes of a file. A busy engine may lose the end of what a program prints, so that has to be there."""
    for _ in range(_TRIES):
        chunks: list[bytes] = []
        _execute(container, ["sh", "-c", 'cat -- "$1" && echo end', "sh", path], {}, WORKDIR, _PATIENCE, chunks.append)
        whole = b"".join(chunks)
        if whole.endswith(b"end\n"):
            return whole.removesuffix(b"end\n")
    raise InfrastructureError(f"the container engine does not give {path} of a build")
