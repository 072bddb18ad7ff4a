"""`Computers`: from a task to the computer that it is solved and judged on."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.sandbox import KINDS, available_kinds
from tasks.checkouts import Checkouts
from tasks.images.containers import Containers
from tasks.images.directories import Directories
from tasks.images.ledger import Ledger
from tasks.images.settings import ComputerSettings, Ready
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

    def ready(self, task: Task) -> Ready:
        """Have everything there that the task's computer needs, and keep it there until `release`.

        Raises:
            BrokenImage: The task's environment cannot be made.
            UsageError: What was chosen does not fit the task.
            InfrastructureError: The network or the engine failed.
        """
        kind = self.kind
        return self._containers.ready(task) if kind == "docker" else self._directories.ready(task, kind)

    def release(self, ready: Ready) -> None:
        """Say that no sandbox will be opened from a `Ready` any more, once for each: then it may go for others' sake.

        What was never released is kept for as long as this process lives.
        """
        spec = ready.spec
        self._ledger.release([spec.image or str(spec.repository and spec.repository.parent)])

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
