"""One thing that was learnt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

#: What the trial after the reflection came to; ``unknown``: nothing could be checked.
Outcome = Literal["solved", "failed", "unknown"]


@dataclass(frozen=True, slots=True)
class Reflection:
    """What a model made of a failed trial.

    Attributes:
        repo: The repository, as tasks name it.
        task_id: The task on which it was learnt.
        text: The reflection: what went wrong, what to do differently.
        about: The beginning of the task's problem statement; it helps to find what fits another task.
        outcome: What following it came to.
        created: Seconds since the epoch.
        id: Number in its store; 0 before it is there.
        used: How often it was given to a later task.
        last_used: Seconds since the epoch; ``None`` if it never was.
    """

    repo: str
    task_id: str
    text: str
    about: str = ""
    outcome: Outcome = "unknown"
    created: float = 0.0
    id: int = 0
    used: int = 0
    last_used: float | None = None

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {name: getattr(self, name) for name in ("id", *(n for n in self.__slots__ if n != "id"))}
