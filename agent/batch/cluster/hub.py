"""What the processes of a run share, kept by one actor: its budget, the gates before providers, the news."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from dataclasses import dataclass
from typing import Any

from agent.batch.budget import RunBudget
from agent.batch.jobs import Job, Key, Result
from agent.batch.stop import Stop
from agent.budget import AttemptOver
from agent.models.pacer import Pacer
from agent.status import Status
from trajectories.events import Event, Usage

#: Seconds between two letters with news.
_NEWS_EVERY = 0.5


@dataclass(frozen=True)
class News:
    """Something for the board of the run.

    Attributes:
        what: Name of the board's method.
        key: The job that it is about, if it is about one.
        said: The method's other arguments.
    """

    what: str
    key: Key | None = None
    said: tuple[Any, ...] = ()


class Hub:
    """An asynchronous actor: its methods run one after the other, except where they wait. It dies with the driver."""

    def __init__(self) -> None:
        self._usage = Usage()
        self._pacers: dict[str, Pacer] = {}
        self._news: list[News] = []
        self._stopped = asyncio.Event()

    async def spend(self, usage: Usage) -> Usage:
        """Count model calls; what the run has spent now."""
        self._usage += usage
        return self._usage

    async def hold(self, model: str, seconds: float) -> None:
        """See :class:`~agent.models.pacer.Pacer`."""
        self._pacer(model).hold(seconds)

    async def wait(self, model: str) -> float:
        """See :class:`~agent.models.pacer.Pacer`."""
        return self._pacer(model).wait()

    async def answered(self, model: str) -> None:
        """See :class:`~agent.models.pacer.Pacer`."""
        self._pacer(model).answered()

    async def tell(self, news: list[News]) -> None:
        """Keep news until the driver asks for them."""
        self._news += news

    async def heard(self) -> tuple[list[News], Usage]:
        """The news since the last time, and what the run has spent."""
        news, self._news = self._news, []
        return news, self._usage

    async def stop(self) -> None:
        """Have all processes stop."""
        self._stopped.set()

    async def until_stopped(self) -> None:
        """Return when the run is stopped."""
        await self._stopped.wait()

    def _pacer(self, model: str) -> Pacer:
        return self._pacers.setdefault(model, Pacer())


def ask(method: Any, *arguments: Any) -> Any:
    """The answer of a method of the hub.

    Raises:
        AttemptOver: The hub is gone, and so is the driver.
    """
    import ray

    try:
        return ray.get(method.remote(*arguments))
    except ray.exceptions.RayError:
        raise AttemptOver(Status.INTERRUPTED, "the driver of the run is gone") from None


class SharedBudget(RunBudget):
    """The budget that all processes of a run spend.

    Args:
        cost_limit: US dollars; ``None`` for no limit.
        stop: Set when the run is to be stopped.
        hub: The actor.
    """

    def __init__(self, cost_limit: float | None, stop: Stop, hub: Any) -> None:
        super().__init__(cost_limit, stop)
        self._hub = hub

    def spend(self, usage: Usage) -> None:
        """See :class:`~agent.batch.budget.RunBudget`."""
        self.usage = ask(self._hub.spend, usage)

    def check(self) -> None:
        """See :class:`~agent.batch.budget.RunBudget`."""
        if self.cost_limit is not None and not self._stop:
            self.usage = ask(self._hub.spend, Usage())
        super().check()


class SharedPacer(Pacer):
    """The gate before a provider that all processes of a run share.

    Args:
        hub: The actor.
        model: The model's name.
    """

    def __init__(self, hub: Any, model: str) -> None:
        super().__init__()
        self._hub, self._model = hub, model

    def hold(self, seconds: float) -> None:
        """See :class:`~agent.models.pacer.Pacer`."""
        ask(self._hub.hold, self._model, seconds)

    def wait(self) -> float:
        """See :class:`~agent.models.pacer.Pacer`."""
        return float(ask(self._hub.wait, self._model))

    def answered(self) -> None:
        """See :class:`~agent.models.pacer.Pacer`."""
        self._hub.answered.remote(self._model)


class Correspondent:
    """Stands for the board of a run on another machine: writes letters to it. Use it as a context manager.

    Args:
        hub: Where letters go.
        name: What this machine is called in them.
    """

    def __init__(self, hub: Any, name: str) -> None:
        self._hub, self._name = hub, name
        self._lock = threading.Lock()
        self._unsent: list[News] = []
        self._closing = threading.Event()
        self._sender = threading.Thread(target=self._send_now_and_then, name="news", daemon=True)

    def __enter__(self) -> Correspondent:
        self._sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._sender.join()
        self._send()

    def say(self, text: str, style: str = "") -> None:
        """See :class:`~agent.batch.board.Board`."""
        self._note(News("say", said=(f"{self._name}: {text}", style)))

    def doing(self, what: str) -> None:
        """See :class:`~agent.batch.board.Board`."""
        self._note(News("doing", said=(f"{self._name}: {what}",)))

    def retry(self, what: str, wait: float) -> None:
        """See :class:`~agent.batch.board.Board`."""
        self._note(News("retry", said=(what, wait)))

    def begin(self, job: Job) -> None:
        """See :class:`~agent.batch.board.Board`."""
        self._note(News("begin", job.key))

    def phase(self, job: Job, what: str) -> None:
        """See :class:`~agent.batch.board.Board`."""
        self._note(News("phase", job.key, (what,)))

    def event(self, job: Job, event: Event) -> None:
        """See :class:`~agent.batch.board.Board`."""
        self._note(News("event", job.key, (event,)))

    def end(self, result: Result) -> None:
        """Send what is known so far; the result itself goes to the driver another way, after it."""
        self._send()

    def _note(self, news: News) -> None:
        with self._lock:
            self._unsent.append(news)

    def _send_now_and_then(self) -> None:
        while not self._closing.wait(_NEWS_EVERY):
            self._send()

    def _send(self) -> None:
        import ray

        with self._lock:
            unsent, self._unsent = self._unsent, []
            # Within the lock: letters are to arrive in the order in which they were written.
            if unsent:
                with contextlib.suppress(ray.exceptions.RayError):  # nobody is left to read it
                    ray.get(self._hub.tell.remote(unsent))
