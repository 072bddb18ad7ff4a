"""The sandbox that a configuration asks for: which kind, from which image, with which Python."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox import MIB, Limits, Sandbox, SandboxSpec, available_kinds, open_sandbox
from agent.config import Config, SandboxConfig
from agent.detected import Detected, detect, say_what_is_missing, show
from agent.environment import host_python, import_path
from agent.progress import Voice

if TYPE_CHECKING:
    from tasks.images import ComputerSettings


def open_computer(
    config: Config,
    repository: Path,
    progress: Voice,
    *,
    image: str | None = None,
    origin: Path | None = None,
    announce: bool = True,
) -> Sandbox:
    """The sandbox that a configuration asks for, with a repository in it.

    Args:
        config: The effective configuration.
        repository: The prepared copy of the repository.
        progress: Told what is waited for, and which sandbox it became.
        image: The task's own container image, used where the configuration names none.
        origin: The user's own directory that the copy was made from, if any; its virtual environment is used.
        announce: Whether to say which sandbox it became.

    Raises:
        UsageError, InfrastructureError: It cannot be had; nothing is left behind.
    """
    wanted = config.sandbox
    kind, reason = _kind(wanted.kind)
    given = wanted.image or image
    chosen = given
    found: Detected | None = None
    if kind == "docker" and chosen is None:
        try:
            found = detect(config, repository, progress) if wanted.detect else None
            chosen = found.made.image if found else _default_image(progress)
        except InfrastructureError as error:
            if wanted.kind == "docker" or not _usable("namespace"):
                raise
            kind, reason = "namespace", str(error)
    if kind != "docker" and wanted.image and announce:
        progress.say(f"the image {wanted.image} is not used: a {kind} sandbox has none", "yellow")
    spec = _spec(config, repository, chosen)
    if kind == "docker":
        what = f"image {chosen}"
    else:
        python = host_python(origin)
        what = python.note
        spec = replace(spec, env={"PATH": python.path, **spec.env}, read_only=(*python.read_only, *spec.read_only))
        if wanted.detect and announce and not python.own:
            say_what_is_missing(repository, kind, progress)
    if kind != "docker" or given is None:
        spec = _importable(spec, repository, found.made.python_path if found else "")
    if found is not None:
        progress.doing("trying out the tests")
        checked = found.try_out(spec, config.aci.test_timeout)
        if announce:
            show(found, checked, progress)
    if announce:
        progress.doing(f"starting the sandbox ({kind})")
    sandbox = open_sandbox(kind, spec)
    if announce:
        progress.say(f"sandbox: {kind}, {what}" + (f" ({reason})" if reason else ""), "bold")
        if kind == "local":
            progress.say("the local sandbox isolates nothing: commands of the model run as you, here", "yellow")
    return sandbox


def computer_spec(config: Config, repository: Path, image: str, python_path: str = "") -> SandboxSpec:
    """How a container is opened with a repository in it whose packages the image may not have.

    Args:
        config: The effective configuration.
        repository: The prepared copy of the repository.
        image: Container image.
        python_path: What the image has as PYTHONPATH, which stays behind the repository's own.
    """
    return _importable(_spec(config, repository, image), repository, python_path)


def _importable(spec: SandboxSpec, repository: Path, python_path: str = "") -> SandboxSpec:
    """Nobody installed the repository's own packages."""
    path = ":".join(filter(None, (import_path(repository, spec.workdir), python_path)))
    return replace(spec, env={"PYTHONPATH": path, **spec.env})


def _spec(config: Config, repository: Path, image: str | None) -> SandboxSpec:
    wanted = config.sandbox
    return SandboxSpec(
        workdir=wanted.workdir,
        repository=repository,
        image=image,
        env=dict(wanted.env),
        startup=wanted.startup,
        read_only=tuple(Path(p).expanduser() for p in wanted.read_only),
        network=wanted.network,
        allow_hosts=tuple(wanted.allow_hosts),
        gate_image=wanted.gate_image,
        limits=limits_of(wanted),
    )


def limits_of(wanted: SandboxConfig) -> Limits:
    """What a sandbox may use, by the `sandbox` section."""
    return Limits(
        memory=None if wanted.memory is None else wanted.memory * MIB,
        cpus=wanted.cpus,
        pids=wanted.pids,
        disk=None if wanted.disk is None else wanted.disk * MIB,
        lifetime=wanted.lifetime,
    )


def _kind(wanted: str) -> tuple[str, str]:
    """The kind of sandbox to use, and why it is not a better one."""
    if wanted != "auto":
        return wanted, ""
    reason = ""
    for kind in available_kinds():
        if kind.kind == "local":
            continue  # only when asked for by name
        if kind.usable:
            return kind.kind, reason
        reason = reason or kind.reason
    raise InfrastructureError(
        f"no sandbox works here ({reason}); `agent doctor` says what is missing; "
        "--sandbox local works without isolation"
    )


def _usable(kind: str) -> bool:
    return any(found.usable for found in available_kinds() if found.kind == kind)


def _default_image(progress: Voice) -> str:
    from tasks.images.base_image import default_image

    return default_image(progress.doing)


def computer_settings(config: Config) -> ComputerSettings:
    """How the tasks of a data set get their computers."""
    from tasks.images import ComputerSettings

    given = config.tasks
    return ComputerSettings(
        kind=config.sandbox.kind,
        base_image=given.base_image or config.sandbox.image,
        repositories=Path(given.repositories) if given.repositories else None,
        cache=Path(given.cache) if given.cache else None,
        disk_budget=None if given.disk_budget is None else int(given.disk_budget * 2**30),
        build_timeout=given.build_timeout,
        registry=config.images.registry,
        store=config.images.store,
        push=config.images.push,
    )
