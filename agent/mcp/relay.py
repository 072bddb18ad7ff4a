"""Carries calls from the thread that speaks the protocol to the main thread, and their answers back.

Tools run in the main thread, one after the other: only there can a signal end what is under way. A client that takes a
call back, or goes away, must not leave the next call waiting for a command of minutes.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any

_SIGNAL = signal.SIGUSR1


@dataclass(frozen=True)
class Answer:
    """What a client is told.

    Attributes:
        text: What the tool says.
        ok: Whether it did what was asked.
        code: Why not, a constant of ``aci_tools.tools.base``.
        patch: What was submitted; ``None`` after any other call.
    """

    text: str
    ok: bool = True
    code: str = ""
    patch: str | None = None


@dataclass(eq=False)
class Request:
    """A call of a tool.

    Attributes:
        name: The tool's name.
        arguments: Its arguments, as the client wrote them.
        client: Who calls.
        answer: Where the answer goes.
        withdrawn: Whether nobody waits for the answer any more.
    """

    name: str
    arguments: dict[str, Any]
    client: str
    answer: Future[Answer] = field(default_factory=Future)
    withdrawn: bool = False


class Withdrawn(BaseException):
    """The call under way was taken back; like an interrupt, it is nothing that a tool may catch."""


class Relay:
    """The way between the two threads. Make it in the main thread; one for a process."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Request | None] = SimpleQueue()
        self._current: Request | None = None
        self._main = threading.get_ident()
        # For the rest of the process, since a call may be taken back as late as that.
        signal.signal(_SIGNAL, self._interrupt)

    async def ask(self, name: str, arguments: dict[str, Any], client: str) -> Answer:
        """Have a call carried out; cancelled, it is taken back.

        Args:
            name: The tool's name.
            arguments: Its arguments.
            client: Who calls.
        """
        request = Request(name, arguments, client)
        self._waiting.put(request)
        try:
            return await asyncio.wrap_future(request.answer)
        except asyncio.CancelledError:
            request.withdrawn = True
            signal.pthread_kill(self._main, _SIGNAL)
            raise

    def end(self) -> None:
        """Let :meth:`serve` return once it has come so far."""
        self._waiting.put(None)

    def serve(self, carry_out: Callable[[Request], Answer]) -> None:
        """Carry out calls until the end.

        Args:
            carry_out: Gives the answer to a call; what it raises ends the work.
        """
        while (request := self._waiting.get()) is not None:
            if request.answer.set_running_or_notify_cancel():
                request.answer.set_result(carry_out(request))

    @contextmanager
    def interruptible(self, request: Request) -> Iterator[None]:
        """What is done within ends when the call is taken back.

        Raises:
            Withdrawn: It was.
        """
        self._current = request
        try:
            if request.withdrawn:
                raise Withdrawn
            yield
        finally:
            self._current = None

    def _interrupt(self, *_: object) -> None:
        # Runs in the main thread, so neither a call that is over by now nor the one after it can be hit.
        request, self._current = self._current, None
        if request is not None and request.withdrawn:
            raise Withdrawn
        self._current = request
