"""The gate of one sandbox: a thread in which connections are answered, and a memory of what was refused."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine, Iterable
from typing import Any

from aci_tools.gate.allow import AllowList

_REMEMBERED = 20
#: Connections at once; each takes two of this program's open files.
MOST_CONNECTIONS = 128


class Gate:
    """Lets connections to the hosts of an allow-list through.

    Args:
        hosts: Entries of an :class:`AllowList`.

    Raises:
        UsageError: One is not.
    """

    def __init__(self, hosts: Iterable[str]) -> None:
        self.allowed = AllowList(hosts)
        self._refused: dict[str, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    def listen(self, listener: socket.socket) -> None:
        """Answer on a listening socket from now on, which becomes the gate's own, and on no earlier one."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="gate", daemon=True)
            self._thread.start()
        self._wait_for(self._replace(listener))

    def refused(self) -> list[str]:
        """Why connections were refused since this was last asked, each reason once."""
        reasons, self._refused = list(self._refused), {}
        return reasons

    def close(self) -> None:
        """End every connection. Safe to call twice."""
        if self._loop is None or self._thread is None:
            return
        self._wait_for(self._replace(None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = self._thread = None

    def _wait_for(self, work: Coroutine[Any, Any, None]) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _replace(self, listener: socket.socket | None) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)  # in which the closed connections let go of their sockets
        self._server = None if listener is None else await asyncio.start_server(self._answer, sock=listener)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from aci_tools.gate.proxy import answer

        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if len(self._tasks) > MOST_CONNECTIONS:
                reason = f"more than {MOST_CONNECTIONS} connections at once"
            else:
                reason = await answer(self.allowed, reader, writer)
            if reason and len(self._refused) < _REMEMBERED:
                self._refused[reason] = None
        except (OSError, asyncio.CancelledError):
            pass  # one side has gone, or the sandbox is being closed
        finally:
            self._tasks.discard(task)
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
