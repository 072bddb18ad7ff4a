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
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.base import MIB
from aci_tools.sandbox.docker import LABEL_DEADLINE, LABEL_OWNER, LABEL_RUN
from aci_tools.sandbox.engine import engine_errors
from aci_tools.sandbox.owner import this_process
from tasks.images import scripts
from tasks.images.fault import BrokenImage, build_failure
from tasks.images.reach import Reach
from tasks.images.recipe import Layer

WORKDIR = "/testbed"
PIP_CACHE = "patchwright-pip-cache"

_SCRATCH = "/run/patchwright"
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
    """

    title: str
    layer: Layer
    tag: str
    parent: str
    repository: Path | None
    labels: Mapping[str, str]
    log: Path
    timeout: float


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
            _install(client, container, work, reach)
            before, after = (_file(container, f"{_SCRATCH}/{name}") for name in ("before", "after"))
            env |= scripts.changed(before, after, _build_only(work, reach))
        if work.layer.name == "repository":
            labels["patchwright.commit"] = run_quiet(container, scripts.SETTLE)
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
    done = container.exec_run(["sh", "-c", script, "sh", *arguments], workdir=workdir, user="0:0")
    lines = done.output.decode("utf-8", "replace").strip().splitlines() or [""]
    if done.exit_code != 0:
        raise BrokenImage(f"the image's repository cannot be used: {lines[-1]}")
    return str(lines[-1])


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

    mounts = [Mount(_SCRATCH, None, type="volume"), Mount(f"{_SCRATCH}/pip", PIP_CACHE, type="volume")]
    if str(client.api.base_url).startswith("http+docker"):  # an engine on this machine
        mounts += [Mount(str(path), str(path.resolve()), type="bind", read_only=True) for path in reach.directories]
    mode = "host" if reach.loopback else "bridge"
    with idle_container(
        client, work.parent, work.timeout, working_dir=WORKDIR, mounts=mounts, network_mode=mode
    ) as container:
        yield container


def _build_only(work: Work, reach: Reach) -> dict[str, str]:
    """The variables that the commands see and the image does not keep."""
    env = {"PIP_CACHE_DIR": f"{_SCRATCH}/pip", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}
    env |= {"PIP_ROOT_USER_ACTION": "ignore"}
    if work.layer.pip:
        env["PIP_CONSTRAINT"] = f"{_SCRATCH}/constraints.txt"
    return env | reach.variables(f"{_SCRATCH}/authorities.pem")


def _files(work: Work, reach: Reach) -> dict[str, bytes]:
    layer = work.layer
    found = {
        "install": scripts.install(layer.commands, _SCRATCH, layer.python).encode(),
        "constraints.txt": "".join(f"{line}\n" for line in layer.pip if "==" in line).encode(),
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


def _install(client: Any, container: Any, work: Work, reach: Reach) -> None:
    env = {**work.layer.env, **_build_only(work, reach)}
    shell = ["sh", "-c", f"exec $(command -v bash || command -v sh) {_SCRATCH}/install"]
    made = client.api.exec_create(container.id, shell, environment=env, workdir=WORKDIR, user="0:0")
    late = threading.Event()

    def end() -> None:
        late.set()
        with contextlib.suppress(Exception):  # it has ended by itself
            container.kill()

    timer = threading.Timer(work.timeout, end)
    timer.start()
    work.log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with work.log.open("w", encoding="utf-8") as log:
            for line in _lines(client.api.exec_start(made["Id"], stream=True)):
                log.write(reach.clean(line))
    finally:
        timer.cancel()
    if late.is_set():
        raise BrokenImage(f"{work.title}: not done after {work.timeout:.0f} seconds (log: {work.log})", work.log)
    code = client.api.exec_inspect(made["Id"])["ExitCode"]
    if code == scripts.NO_GIT:
        raise BrokenImage(f"{work.title}: the base image has no git: choose another with --base-image")
    if code == scripts.NO_PYTHON:
        raise BrokenImage(
            f"{work.title}: the base image has no python{work.layer.python}: choose another with --base-image"
        )
    if code != 0:
        raise build_failure(work.title, work.log)


def _lines(chunks: Iterator[bytes]) -> Iterator[str]:
    """Whole lines, so that no password is cut in two."""
    rest = b""
    for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace") + "\n"
    yield rest.decode("utf-8", "replace")


def _file(container: Any, path: str) -> bytes:
    stream, _ = container.get_archive(path)
    with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
        member = tar.extractfile(tar.getmembers()[0])
        return b"" if member is None else member.read()
