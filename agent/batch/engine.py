"""Where jobs run: an engine spreads them over workers and hands back results as they come."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from aci_tools.errors import UsageError
from agent.batch.jobs import Job, Result

#: Does one job; raises only what is a programming error.
Work = Callable[[Job], Result]


class Engine(Protocol):
    """Spreads jobs over workers."""

    def run(self, jobs: Sequence[Job], work: Work, halted: Callable[[], bool]) -> Iterator[Result]:
        """Do every job, in about this order.

        Args:
            jobs: The jobs.
            work: Does one of them.
            halted: Asked before each; when it says yes, no further job begins.

        Yields:
            Results, in the order in which jobs end.
        """


def engine_of(name: str, workers: int) -> Engine:
    """The engine of a name.

    Args:
        name: ``local``.
        workers: Jobs side by side.

    Raises:
        UsageError: There is none of that name.
    """
    if name != "local":
        raise UsageError(f"--engine {name}: there is local")
    return LocalEngine(workers)


class LocalEngine:
    """Threads of this process. Attempts wait for models and sandboxes, which are others' processes.

    Args:
        workers: Jobs side by side.
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers

    def run(self, jobs: Sequence[Job], work: Work, halted: Callable[[], bool]) -> Iterator[Result]:
        """See :class:`Engine`."""
        waiting = deque(jobs)
        results: queue.SimpleQueue[Result | BaseException | None] = queue.SimpleQueue()

        def serve() -> None:
            try:
                while waiting and not halted():
                    try:
                        job = waiting.popleft()
                    except IndexError:  # another worker was quicker
                        break
                    results.put(work(job))
            except BaseException as error:
                results.put(error)
            finally:
                results.put(None)

        count = min(self.workers, len(jobs))
        for number in range(1, count + 1):
            threading.Thread(target=serve, name=f"worker-{number}", daemon=True).start()
        while count:
            result = results.get()
            if result is None:
                count -= 1
            elif isinstance(result, BaseException):
                raise result
            else:
                yield result
