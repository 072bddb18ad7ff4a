"""Which of a data set's tasks are wanted."""

from __future__ import annotations

import builtins
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aci_tools.errors import UsageError
from tasks.task import Task

_SLICE = re.compile(r"(-?\d*):(-?\d*)(?::(-?\d*))?")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tasks are wanted. The parts are applied in this order: filter, created_after, shuffle, slice.

    Attributes:
        filter: Regular expression that is searched for in the id, ``""`` for every task.
        created_after: ISO date; tasks created at or after it are kept, those without a date are not. ``""`` for all.
        shuffle: Seed of a random order; ``None`` keeps the data's order.
        slice: ``A:B`` as in Python, ``""`` for all.
    """

    filter: str = ""
    slice: str = ""
    shuffle: int | None = None
    created_after: str = ""

    def check(self) -> None:
        """Find out whether it can be applied.

        Raises:
            UsageError: The filter, the slice or the date is not one.
        """
        self._pattern()
        self._slice()
        self._since()

    def matches(self, task: Task) -> bool:
        """Whether the filter lets a task through."""
        return self._pattern().search(task.id) is not None

    def apply(self, tasks: list[Task], on_fault: Callable[[str], None]) -> list[Task]:
        """The wanted ones of the tasks that the filter let through, in their order.

        Args:
            tasks: All of them, in the data's order.
            on_fault: Told how many are left out for want of a date.
        """
        kept = list(tasks)
        since = self._since()
        if since is not None:
            dates = [created(task) for task in kept]
            undated = dates.count(None)
            if undated:
                on_fault(f"{undated} of {len(kept)} tasks have no date and are left out by created-after")
            kept = [task for task, date in zip(kept, dates, strict=True) if date is not None and date >= since]
        if self.shuffle is not None:
            random.Random(self.shuffle).shuffle(kept)
        return kept[self._slice()]

    def _pattern(self) -> re.Pattern[str]:
        try:
            return re.compile(self.filter)
        except re.error as error:
            raise UsageError(f"filter {self.filter!r} is no regular expression: {error}") from error

    def _slice(self) -> builtins.slice:
        if not self.slice:
            return builtins.slice(None)
        match = _SLICE.fullmatch(self.slice.replace(" ", ""))
        try:
            parts = [int(part) if part else None for part in match.groups()] if match else []
            if not parts or parts[2] == 0:
                raise ValueError
        except ValueError:
            raise UsageError(f"slice {self.slice!r} is not of the form A:B, such as 0:10, 10: or -5:") from None
        return builtins.slice(*parts)

    def _since(self) -> datetime | None:
        if not self.created_after:
            return None
        try:
            return _moment(self.created_after)
        except ValueError:
            raise UsageError(f"created-after {self.created_after!r} is no ISO date, such as 2025-01-31") from None


#: Every task, in the data's order.
EVERYTHING = Selection()


def created(task: Task) -> datetime | None:
    """When a task was created; ``None`` when it does not say, or not as an ISO date."""
    try:
        return _moment(task.created_at)
    except ValueError:
        return None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text.strip())
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
