"""`Computers`: from a task to the computer that it is solved and judged on."""

from __future__ import annotations

from collections.abc import Callable

from tasks.checkouts import Checkouts
from tasks.images.containers import Containers
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
        self._settings = settings
        self._checkouts = Checkouts(settings.repositories, settings.cache_directory, say)
        self._containers = Containers(settings, self._checkouts, lambda tag: None, say)
        self._kind = settings.kind

    def ready(self, task: Task) -> Ready:
        """Have everything there that the task's computer needs.

        Raises:
            BrokenImage: The task's environment cannot be made.
            UsageError: What was chosen does not fit the task.
            InfrastructureError: The network or the engine failed.
        """
        return self._containers.ready(task)
