"""How a run is stopped in the middle: workers hear of it wherever they wait."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, InvalidStateError

from agent.models import Model, Query, Reply


class Stop:
    """Tells whoever listens that the run is being stopped; and if that takes too long, that it ends at once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._listeners: dict[int, Callable[[], None]] = {}
        self._ending = threading.Lock()
        self._last: tuple[Callable[[], None], ...] = ()

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        """Stop the run. Safe to call twice."""
        with self._lock:
            self._event.set()
            listeners = list(self._listeners.values())
            self._listeners.clear()
        for listener in listeners:
            listener()

    def at_last(self, *steps: Callable[[], None]) -> None:
        """Name what is to be done, in order, before the process ends although workers are still busy.

        Waits while it is being done, so that the process does not end in the middle of it.
        """
        with self._ending:
            self._last = steps

    def abandon(self, end: Callable[[], None]) -> None:
        """Do it, and end the process before anyone else can.

        Args:
            end: Ends the process; called whatever becomes of the steps.
        """
        with self._ending:
            try:
                for step in self._last:
                    step()
            finally:
                end()

    @contextlib.contextmanager
    def undisturbed(self) -> Iterator[None]:
        """A block in the middle of which the process is not ended, and which does not begin once it is being ended."""
        with self._ending:
            yield

    def wait(self, seconds: float) -> bool:
        """Wait for it; whether it came."""
        return self._event.wait(seconds)

    @contextlib.contextmanager
    def told(self, listener: Callable[[], None]) -> Iterator[None]:
        """Have a function called when the run is stopped within the block, at once if it was already."""
        with self._lock:
            stopped = self._event.is_set()
            if not stopped:
                self._listeners[id(listener)] = listener
        if stopped:
            listener()
        try:
            yield
        finally:
            with self._lock:
                self._listeners.pop(id(listener), None)


class StoppableModel:
    """A model whose calls are given up when the run is stopped: as Ctrl-C does it to a single attempt.

    A call runs in a thread of its own, because nothing can end a thread that waits for the network.

    Args:
        model: The model that is asked.
        stop: What gives calls up.
    """

    def __init__(self, model: Model, stop: Stop) -> None:
        self._model, self._stop = model, stop
        self.name = model.name
        self.takes_tools = model.takes_tools
        self.takes_grammar = model.takes_grammar
        self.context_window = model.context_window

    def check(self) -> None:
        """See :class:`~agent.models.Model`."""
        self._model.check()

    def query(self, query: Query) -> Reply:
        """See :class:`~agent.models.Model`.

        Raises:
            KeyboardInterrupt: The run was stopped.
        """
        answer: Future[Reply] = Future()

        def ask() -> None:
            try:
                reply = self._model.query(query)
            except BaseException as error:
                _settle(answer, error)
            else:
                _settle(answer, reply)

        def give_up() -> None:
            _settle(answer, KeyboardInterrupt())

        with self._stop.told(give_up):
            if not self._stop:
                threading.Thread(target=ask, name="model-call", daemon=True).start()
            return answer.result()

    def close(self) -> None:
        """See :class:`~agent.models.Model`."""
        self._model.close()


def _settle(answer: Future[Reply], outcome: Reply | BaseException) -> None:
    with contextlib.suppress(InvalidStateError):  # whoever is first
        if isinstance(outcome, BaseException):
            answer.set_exception(outcome)
        else:
            answer.set_result(outcome)
