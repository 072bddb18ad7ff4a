"""What is open, and what is being opened: for programs that have to end at once and leave nothing behind."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

from aci_tools.errors import InfrastructureError


class _Closable(Protocol):
    def close(self) -> None: ...


T = TypeVar("T", bound=_Closable)


class Openings(Generic[T]):
    """Opens things, and closes all of them when the program ends. Safe to share between threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._made: weakref.WeakSet[T] = weakref.WeakSet()
        self._over = False

    def open(self, make: Callable[[], T]) -> T:
        """Open one; whoever has it closes it.

        Args:
            make: Opens it, and leaves nothing behind where it cannot.

        Raises:
            InfrastructureError: The program ends.
        """
        with self._changed:
            if self._over:
                raise InfrastructureError("the program ends")
            self._under_way += 1
        try:
            made = make()
            with self._changed:
                self._made.add(made)
                over = self._over
            if over:
                made.close()
                raise InfrastructureError("the program ends")
            return made
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def abandon(self, patience: float = 5.0) -> None:
        """Close all of them, whoever uses them, and open no more.

        Args:
            patience: Seconds to wait for what is being opened at this moment, to close that too.
        """
        with self._changed:
            self._over = True
            made = list(self._made)
        for one in made:
            with contextlib.suppress(Exception):
                one.close()
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, patience)
