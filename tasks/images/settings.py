"""What can be chosen about the computers of tasks, and what a task's computer is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from aci_tools.sandbox import SandboxSpec
from tasks.task import Task


@dataclass(frozen=True)
class ComputerSettings:
    """How tasks get their computers.

    Attributes:
        kind: ``docker``, ``namespace`` or ``local``; ``auto`` for the better one of the first two that works here.
        base_image: Image that environments are put on; ``None`` for the default one.
        repositories: The user's directory of repositories: ``owner/name``, ``owner__name``, ``owner+name`` or ``name``
            in it, with or without ``.git``, or with the repository in ``repo`` below.
        cache: Where clones, logs and directories are kept; ``None`` for the user's cache directory.
        disk_budget: Bytes that images of ours and cached directories may take up; ``None`` for no limit.
        build_timeout: Seconds that the commands of one layer may take.
        prefix: What the names of all images begin with. What one of another prefix needs is not seen, nor ever removed.
        registry: Container registry, or part of one, that images are had from rather than built here.
        store: URL that layers of images are had from rather than built here.
        push: Whether images that are built here are sent to them.
    """

    kind: str = "auto"
    base_image: str | None = None
    repositories: Path | None = None
    cache: Path | None = None
    disk_budget: int | None = None
    build_timeout: float = 3600.0
    prefix: str = "patchwright"
    registry: str | None = None
    store: str | None = None
    push: bool = False

    @property
    def cache_directory(self) -> Path:
        """Where things are kept, absolute."""
        if self.cache is not None:
            return self.cache.expanduser().absolute()
        from platformdirs import user_cache_path

        return user_cache_path("patchwright") / "tasks"


@dataclass(frozen=True)
class Ready:
    """A task whose computer can be opened.

    Attributes:
        task: The task as it is there: on a source distribution some of its fields are others.
        kind: Kind of sandbox.
        spec: What ``aci_tools.sandbox.open_sandbox`` needs; limits, network, variables and the run's name are the
            caller's to set.
        base_commit: Id of the commit at HEAD of ``spec.workdir``.
        origin: Where the repository came from: ``git``, ``sdist``, ``files`` or ``image``.
        image_id: The engine's own id of an image that holds all of the computer's files; ``""`` where none does.
    """

    task: Task
    kind: str
    spec: SandboxSpec
    base_commit: str
    origin: str
    image_id: str = ""
