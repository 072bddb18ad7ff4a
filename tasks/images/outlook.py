"""What tasks will need of what is here, told without making or fetching anything."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from contextlib import closing

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.engine import connect, engine_errors
from tasks.checkouts import Checkouts
from tasks.images.base_image import LOCAL_TAGS
from tasks.images.recipe import layers
from tasks.images.seal import sealed_key, sealed_key_by_name
from tasks.images.settings import ComputerSettings
from tasks.task import Environment, Task

_PATIENCE = 300
#: Seconds for which what the engine listed counts.
_FRESH = 5.0
_SWE_BENCH_ID = re.compile(r"[\w.-]+__[\w.-]+-\d+")


class Outlook:
    """What tasks will need of a Docker engine.

    Args:
        settings: What was chosen.
        checkouts: Where repositories come from.
    """

    def __init__(self, settings: ComputerSettings, checkouts: Checkouts) -> None:
        self._settings, self._checkouts = settings, checkouts
        self._lock = threading.Lock()
        self._listed: dict[str, str] = {}
        self._until = 0.0

    def names(self, task: Task) -> list[str]:
        """The tags of ours that a task's computer will be made of, as far as they can be told."""
        return self._look(task)[0]

    def present(self, task: Task) -> float:
        """The share of the parts of a task's image that are here, from 0 to 1; 1 only if nothing is left to be made."""
        return self._look(task)[1]

    def _look(self, task: Task) -> tuple[list[str], float]:
        """The tags, and the share."""
        here = self._here()
        published = published_image(task, lambda image: _id(here, image) is not None)
        if published is not None:
            found = _id(here, published)
            tags = [self._tag("task", sealed_key_by_name(published, task))]
            tags += [self._tag("task", sealed_key(found, task))] if found else []
            return tags, 1.0 if any(tag in here for tag in tags) else 0.5 if found else 0.0
        environment = task.environment or Environment()
        bases = (
            [environment.image or self._settings.base_image] if environment.image or self._settings.base_image else []
        )
        base = next((found for name in bases or LOCAL_TAGS if name and (found := _id(here, name))), None)
        if base is None:
            return [], 0.0
        if task.files and not environment.install:
            return [], 1.0
        tags, share = [], 0.0
        for source in self._checkouts.likely(task):
            planned = [
                layer.tag(self._settings.prefix)
                for layer in layers(source.task.environment or Environment(), base, source.commit)
            ]
            tags += reversed(planned)
            there = (1 + sum(tag in here for tag in planned)) / (1 + len(planned))
            share = max(share, 1.0 if planned[-1] in here else there)
        return tags, share

    def _tag(self, kind: str, key: str) -> str:
        return f"{self._settings.prefix}/{kind}:{key[:16]}"

    def _here(self) -> dict[str, str]:
        """The ids of the engine's images by tag; none where no engine answers."""
        with self._lock:
            if time.monotonic() > self._until:
                try:
                    with closing(connect(_PATIENCE)) as client, engine_errors():
                        listed = client.api.images()
                except InfrastructureError:
                    listed = []
                self._listed = {
                    tag: image["Id"] for image in listed for tag in (*(image["RepoTags"] or ()), image["Id"])
                }
                self._until = time.monotonic() + _FRESH
            return self._listed


def published_image(task: Task, here: Callable[[str], bool]) -> str | None:
    """The image that serves a task as it was published, if one does.

    Args:
        task: The task.
        here: Whether the engine has an image.
    """
    if task.environment is not None:
        return task.image if task.image and here(task.image) else None
    if task.image:
        return task.image
    if not task.files and _SWE_BENCH_ID.fullmatch(task.id):
        return f"swebench/sweb.eval.x86_64.{task.id.replace('__', '_1776_').lower()}:latest"
    return None


def _id(here: dict[str, str], name: str) -> str | None:
    return here.get(name) or here.get(f"{name}:latest")
