"""`Computers`: from a task to the computer that it is solved and judged on."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from aci_tools.errors import InfrastructureError, PatchwrightError, UsageError
from aci_tools.sandbox import KINDS, available_kinds
from tasks.checkouts import Checkouts
from tasks.images.containers import Containers
from tasks.images.directories import Directories
from tasks.images.ledger import Ledger
from tasks.images.outlook import Outlook
from tasks.images.queue import Queue
from tasks.images.settings import ComputerSettings, Ready
from tasks.images.store import Store
from tasks.task import Task


class Computers:
    """Makes tasks ready to run. One object serves any number of threads.

    What several tasks have in common is made once, whatever number of threads or processes ask for it at a time.

    Args:
        settings: What was chosen.
        say: Told what happens, a line each: where a repository comes from, what is built.
    """

    def __init__(self, settings: ComputerSettings, say: Callable[[str], None]) -> None:
        if settings.kind not in ("auto", *KINDS):
            raise UsageError(f"no sandbox is called {settings.kind!r}: choose auto, {', '.join(KINDS)}")
        cache = settings.cache_directory
        checkouts = Checkouts(settings.repositories, cache, say)
        self._settings = settings
        self._say = say
        self._ledger = Ledger(cache)
        self._containers = Containers(settings, checkouts, self._ledger, say)
        self._directories = Directories(settings, checkouts, self._ledger, say)
        self._outlook = Outlook(settings, checkouts)
        self._queue = Queue(self._ledger, Store(cache, self._ledger, settings.prefix), self._names)

    def ready(self, task: Task) -> Ready:
        """Have everything there that the task's computer needs, and keep it there until `release`.

        Raises:
            BrokenImage: The task's environment cannot be made.
            UsageError: What was chosen does not fit the task.
            InfrastructureError: The network or the engine failed.
        """
        made = self._ready(task)
        self._queue.met(task)
        return made

    def release(self, ready: Ready) -> None:
        """Say that no sandbox will be opened from a `Ready` any more, once for each: then it may go for others' sake.

        What was never released is kept for as long as this process lives.
        """
        self._ledger.release([_kept_as(ready)])

    def peculiar(self, task: Task) -> dict[str, str]:
        """What a task's computer is here that may have its tests come to something else; nothing for what is usual.

        Usual is a container of the task's own image, or of one on the default base. Where no computer can be had, it is
        taken for granted.
        """
        try:
            kind = self.kind
        except InfrastructureError:
            return {}
        if kind != "docker":
            return {"sandbox": kind}
        own = task.environment.image if task.environment is not None else task.image
        base = self._settings.base_image
        return {"base_image": base} if base and not own else {}

    def present(self, task: Task) -> float:
        """The share of the parts of a task's computer that are here, told quickly and without making anything.

        Returns:
            0 to 1: of an image that is built its base and its layers count; of one that was published, itself and what
            is made of it. 1 only if nothing is left to be fetched or made.
        """
        if self.kind == "docker":
            return self._outlook.present(task)
        return self._directories.present(task)

    def expect(self, tasks: Iterable[Task]) -> None:
        """Say which tasks will be made ready, in this order: what they need goes last when room is needed.

        Args:
            tasks: As often as they will be, only the next ones are looked at. They take the place of those said before.
        """
        if self._settings.disk_budget is not None:
            self._queue.expect(tasks)

    def prefetch(self, tasks: Iterable[Task], halted: Callable[[], bool] = lambda: False) -> int:
        """Make the computers of tasks ahead of their use, in order, until the disk budget leaves no room for another.

        What was made before in this queue is never removed for what comes later in it. A task whose computer cannot be
        made is told and skipped; its attempt will say it again. Any number of threads may make tasks ready meanwhile.

        Args:
            tasks: The queue.
            halted: Asked before each task; when it says yes, no further one is made.

        Returns:
            How many tasks from the beginning of the queue were seen to. Call it again with the rest when some of them
            are done.
        """
        queue = list(tasks)
        self.expect(queue)
        for number, task in enumerate(queue):
            if halted():
                return number
            budget = self._settings.disk_budget
            if budget is not None and self.present(task) < 1 and not self._queue.has_room(queue[:number], budget):
                return number
            try:
                made = self._ready(task)
                self._queue.made(task, _kept_as(made))
                self.release(made)
            except PatchwrightError as error:
                self._say(str(error) if task.id in str(error) else f"{task.id}: {error}")
        return len(queue)

    def _ready(self, task: Task) -> Ready:
        kind = self.kind
        return self._containers.ready(task) if kind == "docker" else self._directories.ready(task, kind)

    def _names(self, task: Task) -> list[str]:
        return self._outlook.names(task) if self.kind == "docker" else self._directories.names(task)

    @cached_property
    def kind(self) -> str:
        """The kind of sandbox that tasks get here."""
        if self._settings.kind != "auto":
            return self._settings.kind
        fenced = [found for found in available_kinds() if found.kind != "local"]
        for found in fenced:
            if found.usable:
                return found.kind
        reasons = "; ".join(f"{found.kind}: {found.reason} ({found.mend})" for found in fenced)
        raise InfrastructureError(f"no sandbox can be opened here. {reasons}")


def _kept_as(ready: Ready) -> str:
    """The name of the image, or of the directory, that a task's computer is opened from."""
    return ready.spec.image or str(ready.spec.repository and ready.spec.repository.parent)
