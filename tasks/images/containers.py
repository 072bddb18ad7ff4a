"""The images of tasks in a Docker engine: found, pulled, built and sealed."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox import SandboxSpec
from aci_tools.sandbox.engine import connect, engine_errors, ensure_image
from tasks.checkouts import Checkouts, Source
from tasks.images import history
from tasks.images.base_image import default_image
from tasks.images.builder import WORKDIR, Work, build
from tasks.images.reach import Reach
from tasks.images.recipe import Layer, layers
from tasks.images.settings import ComputerSettings, Ready
from tasks.locks import locked
from tasks.task import Environment, Task

_PATIENCE = 1200  # seconds that the engine may take for one request; a commit of gigabytes is one
_TRIES = 3  # for what the network made fail


class Containers:
    """Makes tasks ready on a Docker engine.

    Args:
        settings: What was chosen.
        checkouts: Where repositories come from.
        used: Told the tag of each image that is taken into use, the lowest layer first.
        say: Told what happens.
    """

    def __init__(
        self,
        settings: ComputerSettings,
        checkouts: Checkouts,
        used: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._cache = settings.cache_directory
        self._checkouts = checkouts
        self._used = used
        self._say = say

    def ready(self, task: Task) -> Ready:
        """The task's computer, built if it is not there."""
        environment = task.environment or Environment()
        if task.files and not environment.install:
            return self._plain(task, environment)
        base = self._base(environment)
        base_id = self._image_id(base)
        for source in self._checkouts.likely(task):
            found = self._found(source, base_id)
            if found is not None:
                return found
        source = self._checkouts.find(task)
        self._build(source, base, base_id)
        found = self._found(source, base_id)
        if found is None:
            raise InfrastructureError(f"{task.id}: the image vanished as soon as it was built; is something pruning?")
        return found

    def _plain(self, task: Task, environment: Environment) -> Ready:
        """A task of a few files with nothing to install: the base image, and its files copied into each sandbox."""
        source = next(self._checkouts.likely(task))
        base = self._base(environment)
        self._image_id(base)
        spec = SandboxSpec(WORKDIR, source.repository, base, dict(environment.env))
        return Ready(task, "docker", spec, source.commit, source.origin)

    def _found(self, source: Source, base_id: str) -> Ready | None:
        environment = source.task.environment or Environment()
        planned = layers(environment, base_id, source.commit)
        image = self._inspect(planned[-1].tag)
        if image is None:
            return None
        for layer in planned:
            self._used(layer.tag)
        spec = SandboxSpec(WORKDIR, None, planned[-1].tag, dict(environment.env))
        return Ready(source.task, "docker", spec, image.labels["patchwright.commit"], source.origin)

    def _build(self, source: Source, base: str, base_id: str) -> None:
        environment = source.task.environment or Environment()
        assert source.repository is not None
        milestone = history.milestone(source.repository, source.commit)
        below = base
        for layer in layers(environment, base_id, source.commit, milestone):
            with locked(self._cache, layer.key):
                if self._inspect(layer.tag) is None:
                    self._say(f"{source.task.id}: building the {layer.name} layer {layer.tag}")
                    self._layer(source, layer, below, milestone)
            below = layer.tag

    def _layer(self, source: Source, layer: Layer, below: str, milestone: str | None) -> None:
        task = source.task
        labels = {
            "patchwright.layer": layer.name,
            "patchwright.key": layer.key,
            "patchwright.parent": below,
            "patchwright.repo": task.repo,
            "patchwright.task": task.id if layer.name == "repository" else "",
            "patchwright.origin": source.origin,
        }
        title = f"{task.id}: the {layer.name} layer"
        log = self._cache / "logs" / f"{layer.key[:16]}.log"
        with tempfile.TemporaryDirectory(prefix="patchwright-checkout-") as scratch:
            repository = self._content(source, layer, milestone, Path(scratch) / "repository")
            work = Work(title, layer, below, repository, labels, log, self._settings.build_timeout)
            for attempt in range(1, _TRIES + 1):
                try:
                    with self._engine() as client:
                        build(client, work, self._reach)
                    return
                except InfrastructureError as error:
                    if attempt == _TRIES:
                        raise
                    self._say(f"{error}; trying again")

    def _content(self, source: Source, layer: Layer, milestone: str | None, place: Path) -> Path | None:
        """What of the repository a layer holds, if anything."""
        if layer.name == "environment":
            return None
        if layer.name == "history" and milestone is not None:
            self._checkouts.copy(replace(source, commit=milestone), place)
            history.keep_objects_only(place)
        else:
            self._checkouts.copy(source, place)
            if milestone is not None:
                history.drop_objects_of(place, milestone)
        return place

    def _base(self, environment: Environment) -> str:
        return environment.image or self._settings.base_image or self._default_base

    @cached_property
    def _default_base(self) -> str:
        return default_image(self._say)

    @cached_property
    def _reach(self) -> Reach:
        return Reach.of_this_machine()

    def _image_id(self, tag: str) -> str:
        with self._engine() as client:
            ensure_image(client, tag)
            return str(client.images.get(tag).id)

    def _inspect(self, tag: str) -> Any:
        from docker.errors import ImageNotFound

        with self._engine() as client, suppress(ImageNotFound):
            return client.images.get(tag)
        return None

    @contextmanager
    def _engine(self) -> Any:
        client = connect(_PATIENCE)
        try:
            with engine_errors():
                yield client
        finally:
            client.close()
