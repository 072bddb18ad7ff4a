"""What keeps telemetry from getting through, said once."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from trajectories.redact import Redactor

_LOGGER = "opentelemetry"
_LONGEST = 160


class Trouble(logging.Handler):
    """Turns the warnings of OpenTelemetry's SDK, of which there is one for every failed try, into one line.

    It hears of them for the length of a ``with`` block.

    Args:
        say: Shows it to the user.
    """

    def __init__(self, say: Callable[[str, str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say
        self._told = False
        self._settled = threading.Event()

    def __enter__(self) -> Trouble:
        """Hear of it from now on, in the place of whoever would print it."""
        logger = logging.getLogger(_LOGGER)
        logger.addHandler(self)
        logger.propagate = False
        return self

    def __exit__(self, *_: object) -> None:
        """Hear of nothing more; what comes after the end is of no interest."""
        logger = logging.getLogger(_LOGGER)
        logger.addHandler(logging.NullHandler())
        logger.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        """See :class:`logging.Handler`."""
        self.tell(record.getMessage())

    def tell(self, reason: str) -> None:
        """Say what is wrong, unless that was said."""
        if not self._told:
            self._told = True
            reason = " ".join(Redactor.from_environment().text(reason).split())[:_LONGEST]
            self._say(f"telemetry does not get through, and the work goes on without it: {reason}", "yellow")
        self._settled.set()

    def none(self) -> None:
        """Everything got through, or was given up."""
        self._settled.set()

    def forget(self) -> None:
        """What was may be over."""
        self._settled.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until it is known whether there is any; whether it is."""
        return self._settled.wait(seconds)
