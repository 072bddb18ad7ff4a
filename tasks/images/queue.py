"""Which tasks come next, so that what they need is there before them and is removed last."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from aci_tools.errors import PatchwrightError
from tasks.images.ledger import Ledger
from tasks.images.store import Store
from tasks.task import Task

#: Tasks whose images are looked for; what is needed later still may go as well as what is not needed.
_HORIZON = 200


class Queue:
    """The tasks that this process will make ready. Any number of threads may use it.

    Args:
        ledger: Told what will be used, and when.
        store: What is kept.
        names: The names of what a task's computer will be made of.
    """

    def __init__(self, ledger: Ledger, store: Store, names: Callable[[Task], list[str]]) -> None:
        self._ledger, self._store, self._names = ledger, store, names
        self._guard = threading.Lock()
        self._later: Iterator[Task] = iter(())
        self._next: list[tuple[Task, list[str]]] = []

    def expect(self, tasks: Iterable[Task]) -> None:
        """Say which tasks come, in this order, in place of those that were said before."""
        with self._guard:
            self._later, self._next = iter(tasks), []
            self._look_ahead()

    def met(self, task: Task) -> None:
        """Say that a task of the queue is in use: it is not waited for any more."""
        with self._guard:
            for place, (expected, _) in enumerate(self._next):
                if expected.id == task.id:
                    del self._next[place]
                    self._look_ahead()
                    return

    def made(self, task: Task, name: str) -> None:
        """Say what a task's computer was made of, which may not have been known before."""
        with self._guard:
            for expected, names in self._next:
                if expected.id == task.id and name not in names:
                    names.append(name)
            self._tell()

    def has_room(self, made: Sequence[Task], budget: int) -> bool:
        """Whether another task's image may be made without one going that is needed before it.

        Args:
            made: The tasks before it in the queue, whose images were made.
            budget: Bytes that all that is kept may take up.
        """
        ids = {task.id for task in made}
        with self._guard:
            waiting = {name for task, names in self._next if task.id in ids for name in names}
        kept = {item.name: item for item in self._store.kept()}
        held = {name for name, item in kept.items() if item.in_use or name in waiting}
        new = held
        while new := ({kept[name].parent for name in new} & kept.keys()) - held:
            held |= new
        # The next one is taken to be as large as the largest of them.
        largest = max((kept[name].size for name in held if kept[name].task), default=0)
        return not held or sum(kept[name].size for name in held) + largest <= budget

    def _look_ahead(self) -> None:
        for task in itertools.islice(self._later, _HORIZON - len(self._next)):
            names: list[str] = []
            with contextlib.suppress(PatchwrightError):  # whoever makes it ready will be told
                names = self._names(task)
            self._next.append((task, names))
        self._tell()

    def _tell(self) -> None:
        self._ledger.expect(name for _, names in self._next for name in names)
