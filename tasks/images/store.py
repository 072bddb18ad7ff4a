"""What is kept for tasks, how much room it takes, and what goes first when there is too little."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.engine import connect, engine_errors
from aci_tools.sandbox.owner import as_owner, tree_size
from tasks.images.ledger import Ledger
from tasks.locks import locked

LAYER = "patchwright.layer"
_PATIENCE = 300


@dataclass(frozen=True)
class Kept:
    """An image or a directory that is kept for tasks.

    Attributes:
        name: Tag of the image, or path of the directory.
        layer: ``environment``, ``history``, ``repository``, ``dependencies``, ``sealed`` or ``directory``.
        task: Id of the task that it was made for; ``""`` where tasks share it.
        repo: The repository of that task.
        size: Bytes that it takes up beyond what it is put on.
        last_used: When it was last taken into use, as epoch seconds.
        parent: Name of what it is put on.
        in_use: Whether a living process uses it.
        next: When a living process will use it, 0 being the soonest; ``None`` where none is known to.
    """

    name: str
    layer: str
    task: str
    repo: str
    size: int
    last_used: float
    parent: str = ""
    in_use: bool = False
    next: int | None = None


class Store:
    """The images and directories that are kept.

    Args:
        cache: The cache directory.
        ledger: What is known of their use.
        prefix: What the names of the images begin with.
    """

    def __init__(self, cache: Path, ledger: Ledger | None = None, prefix: str = "patchwright") -> None:
        self._prefix = prefix
        self._cache = cache
        self._ledger = ledger or Ledger(cache)

    def kept(self) -> list[Kept]:
        """All of them, those used last first. Images are left out where no engine answers."""
        used, in_use = self._ledger.last_used(), self._ledger.in_use()
        expected = self._ledger.expected()
        found = (*self._images(used, in_use), *self._directories(used, in_use))
        return sorted((replace(kept, next=expected.get(kept.name)) for kept in found), key=lambda kept: -kept.last_used)

    def prune(
        self, *, older_than: float | None = None, everything: bool = False, budget: int | None = None
    ) -> list[Kept]:
        """Remove what may go. What is in use stays, and what something that stays is put on.

        Args:
            older_than: Remove what was not used for that many seconds.
            everything: Remove all.
            budget: Remove the least recently used until the rest takes up no more than that many bytes; of what
                living processes will use, what they need last.

        Returns:
            What was removed.
        """
        with locked(self._cache, "prune"):
            kept = {item.name: item for item in self.kept()}
            removed: list[Kept] = []
            stuck: set[str] = set()
            while (item := _first_to_go(kept.values(), stuck)) is not None:
                old = older_than is not None and time.time() - item.last_used > older_than
                over = budget is not None and sum(other.size for other in kept.values()) > budget
                if not (everything or old or over):
                    stuck.add(item.name)
                elif self._remove(item):
                    removed.append(kept.pop(item.name))
                else:
                    stuck.add(item.name)
            self._ledger.forget(item.name for item in removed)
        return removed

    def _images(self, used: dict[str, float], in_use: set[str]) -> Iterator[Kept]:
        try:
            client = connect(_PATIENCE)
        except InfrastructureError:
            return
        with closing(client), engine_errors():
            for entry in client.api.images(filters={"label": LAYER}):
                labels = entry["Labels"]
                for name in entry["RepoTags"] or ():
                    if not name.startswith(f"{self._prefix}/"):
                        continue
                    yield Kept(
                        name,
                        labels[LAYER],
                        labels.get("patchwright.task", ""),
                        labels.get("patchwright.repo", ""),
                        max(0, entry["Size"] - int(labels.get("patchwright.below") or 0)),
                        used.get(name, float(entry["Created"])),
                        labels.get("patchwright.parent", ""),
                        name in in_use,
                    )

    def _directories(self, used: dict[str, float], in_use: set[str]) -> Iterator[Kept]:
        for path in sorted((self._cache / "directories").glob("[!.]*")):
            facts = path.name.split("--")
            name = str(path)
            when = used.get(name, path.stat().st_mtime)
            yield Kept(name, "directory", facts[0], "", tree_size(path), when, in_use=name in in_use)

    def _remove(self, item: Kept) -> bool:
        if item.layer == "directory":
            as_owner("rm", "-rf", "--", item.name)
            return True
        with closing(connect(_PATIENCE)) as client, engine_errors():
            return _remove_image(client, item.name)


def _first_to_go(kept: Iterable[Kept], stuck: set[str]) -> Kept | None:
    """The least recently used of those that nothing is put on; those that tasks share come later, and last of all those
    that will be used, the soonest at the very end."""
    all_of_them = list(kept)
    needed = {item.parent for item in all_of_them} | stuck
    free = [item for item in all_of_them if item.name not in needed and not item.in_use]
    return min(free, key=_order, default=None)


def _order(item: Kept) -> tuple[bool, int, bool, float]:
    return item.next is not None, -(item.next or 0), item.task == "", item.last_used


def _remove_image(client: Any, name: str) -> bool:
    """Remove an image, and the one that was pulled to make it; ``False`` where a container still runs on it."""
    from docker.errors import APIError, ImageNotFound

    try:
        pulled = client.images.get(name).labels.get("patchwright.pulled", "")
        client.images.remove(name)
        if pulled:
            client.images.remove(pulled)
    except ImageNotFound:
        pass
    except APIError as error:
        if error.status_code != 409:
            raise
        return False
    return True
