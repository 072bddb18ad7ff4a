"""The images of tasks in a Docker engine: found, pulled and sealed, or built."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.sandbox import SandboxSpec
from aci_tools.sandbox.engine import connect, engine_errors, ensure_image
from aci_tools.sandbox.workspace import workspace
from tasks.checkouts import Checkouts, Source
from tasks.images import history
from tasks.images.base_image import LOCAL_TAGS, default_image
from tasks.images.builder import WORKDIR, Work, build
from tasks.images.depots import Depots
from tasks.images.ledger import Ledger
from tasks.images.outlook import published_image
from tasks.images.reach import Reach
from tasks.images.recipe import Layer, layers
from tasks.images.seal import seal, sealed_key, sealed_key_by_name
from tasks.images.settings import ComputerSettings, Ready
from tasks.images.store import Store
from tasks.locks import locked
from tasks.task import Environment, Task

_PATIENCE = 1200  # seconds that the engine may take for one request; a commit of gigabytes is one
_TRIES = 3  # for what the network made fail


class Containers:
    """Makes tasks ready on a Docker engine.

    Args:
        settings: What was chosen.
        checkouts: Where repositories come from.
        ledger: Told what is taken into use.
        say: Told what happens.
    """

    def __init__(
        self, settings: ComputerSettings, checkouts: Checkouts, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._cache = settings.cache_directory
        self._checkouts = checkouts
        self._ledger = ledger
        self._say = say
        self._depots = Depots(settings, say)

    def ready(self, task: Task) -> Ready:
        """The task's computer: from a published image where the task has no environment of its own, else built."""
        published = published_image(task, lambda image: self._inspect(image) is not None)
        if published is not None:
            return self._sealed(task, published)
        environment = task.environment or Environment()
        base = self._base(environment)
        base_id = self._image_id(base)
        if task.files and not environment.install:
            return self._of_files(task, environment, base)
        for source in self._checkouts.likely(task):
            found = self._built(source, base_id)
            if found is not None:
                return found
        for source in self._checkouts.likely(task) if self._depots else ():
            top = layers(source.task.environment or Environment(), base_id, source.commit)[-1]
            with self._ledger.using(self._tag(top)), locked(self._cache, top.key):
                if self._inspect(self._tag(top)) is not None or self._depots.fetch(self._tag(top)):
                    found = self._built(source, base_id)
            if found is not None:
                self._keep_to_budget()
                return found
        source = self._checkouts.find(task)
        self._build(source, base, base_id)
        found = self._built(source, base_id)
        if found is None:
            raise InfrastructureError(f"{task.id}: its image vanished as soon as it was built; is something pruning?")
        return found

    def _sealed(self, task: Task, image: str) -> Ready:
        pulled = self._inspect(image) is None
        elsewhere = self._image_of_a_task(sealed_key_by_name(image, task))
        if pulled and self._depots:
            with locked(self._cache, elsewhere), self._ledger.using(elsewhere):
                if self._inspect(elsewhere) is not None or self._depots.fetch(elsewhere):
                    return self._of_sealed(task, elsewhere)
        if pulled:
            self._say(f"{task.id}: pulling the image {image}")
        with self._engine() as client:
            try:
                image_id = ensure_image(client, image)
            except (UsageError, InfrastructureError) as error:
                hint = "give the task an environment to build one"
                raise InfrastructureError(f"{task.id}: no image to run in: {error}; {hint}") from error
            tag = self._image_of_a_task(sealed_key(image_id, task))
            with locked(self._cache, sealed_key(image_id, task)), self._ledger.using(tag):
                if self._inspect(tag) is None:
                    self._say(f"{task.id}: sealing the image {image} as {tag}")
                    seal(client, image, task, tag, pulled=pulled)
                    self._depots.send(tag, elsewhere)
                    self._keep_to_budget()
                return self._of_sealed(task, tag)

    def _of_sealed(self, task: Task, tag: str) -> Ready:
        self._ledger.use([tag])
        made = self._inspect(tag)
        if made is None:
            self._ledger.release([tag])
            raise InfrastructureError(f"{task.id}: its image vanished as soon as it was there; is something pruning?")
        workdir = made.attrs["Config"]["WorkingDir"]
        spec = SandboxSpec(workdir, None, tag, startup=made.labels["patchwright.startup"])
        # What the environment says of tests holds for what is built from it.
        served = task.model_copy(update={"environment": None})
        return Ready(served, "docker", spec, made.labels["patchwright.commit"], "image", made.id)

    def _of_files(self, task: Task, environment: Environment, base: str) -> Ready:
        """A task of a few files with nothing to install: the base image, and its files copied into each sandbox."""
        source = next(self._checkouts.likely(task))
        spec = SandboxSpec(WORKDIR, source.repository, base, dict(environment.env))
        return Ready(task, "docker", spec, source.commit, source.origin)

    def _built(self, source: Source, base_id: str) -> Ready | None:
        environment = source.task.environment or Environment()
        tag = self._tag(layers(environment, base_id, source.commit)[-1])
        self._ledger.use([tag])
        image = self._inspect(tag)
        if image is None:
            self._ledger.release([tag])
            return None
        spec = SandboxSpec(WORKDIR, None, tag, dict(environment.env))
        return Ready(source.task, "docker", spec, image.labels["patchwright.commit"], source.origin, image.id)

    def _build(self, source: Source, base: str, base_id: str) -> None:
        environment = source.task.environment or Environment()
        assert source.repository is not None
        milestone = history.milestone(source.repository, source.commit)
        planned = layers(environment, base_id, source.commit, milestone)
        with self._ledger.using(*map(self._tag, planned)):
            below = base
            for layer in planned:
                tag = self._tag(layer)
                with locked(self._cache, layer.key):
                    if self._inspect(tag) is None and not self._depots.fetch(tag):
                        self._layer(source, layer, below, milestone)
                        self._depots.send(tag)
                below = tag
            self._keep_to_budget()

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
        self._say(f"{task.id}: building the {layer.name} layer {self._tag(layer)}")
        log = self._cache / "logs" / f"{layer.key[:16]}.log"
        with workspace() as scratch:
            repository = self._content(source, layer, milestone, scratch / "repository")
            work = Work(title, layer, self._tag(layer), below, repository, labels, log, self._settings.build_timeout)
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
            self._checkouts.lend_tags(source, place)
            if milestone is not None:
                history.drop_objects_of(place, milestone)
        return place

    def _keep_to_budget(self) -> None:
        budget = self._settings.disk_budget
        if budget is not None:
            for kept in Store(self._cache, self._ledger, self._settings.prefix).prune(budget=budget):
                self._say(f"removed {kept.name} ({kept.task or kept.layer}) to keep to the disk budget")

    def _image_of_a_task(self, key: str) -> str:
        return f"{self._settings.prefix}/task:{key[:16]}"

    def _tag(self, layer: Layer) -> str:
        return layer.tag(self._settings.prefix)

    def _base(self, environment: Environment) -> str:
        return environment.image or self._settings.base_image or self._default_base

    @cached_property
    def _default_base(self) -> str:
        if self._depots and not any(self._inspect(tag) is not None for tag in LOCAL_TAGS):
            any(self._depots.fetch(tag) for tag in LOCAL_TAGS)
        return default_image(self._say)

    @cached_property
    def _reach(self) -> Reach:
        return Reach.of_this_machine()

    def _image_id(self, tag: str) -> str:
        if self._depots and self._inspect(tag) is None:
            self._depots.fetch(tag)
        with self._engine() as client:
            return ensure_image(client, tag)

    def _inspect(self, tag: str) -> Any:
        from docker.errors import ImageNotFound

        with self._engine() as client, suppress(ImageNotFound):
            return client.images.get(tag)
        return None

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        with closing(connect(_PATIENCE)) as client, engine_errors():
            yield client
