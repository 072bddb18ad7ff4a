"""What ``agent batch`` is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.config import Config


@dataclass(frozen=True)
class Retries:
    """What is done about attempts that something else than the agent made fail.

    Attributes:
        times: Further tries, each after all other attempts.
        wait: Seconds before the first of them; each later wait is four times as long.
    """

    times: int = 2
    wait: float = 30.0


@dataclass(frozen=True)
class BatchRequest:
    """What ``agent batch`` is asked.

    Attributes:
        tasks: What names the tasks: a file, a directory, a data set; ``None`` for those of the run that is resumed.
        output: Directory of the results, or a URL that they are kept at.
        config: The effective configuration; ``None`` for that of the run that is resumed.
        selection: ``split``, ``filter``, ``slice``, ``shuffle`` and ``created_after``, those that were given.
        workers: Attempts side by side.
        attempts: Attempts on each task.
        evaluate: Whether each is graded as it finishes.
        resume: Whether to go on with a run.
        cost_limit: US dollars for the whole run; ``None`` for no limit.
        places: Settings of the section `tasks` that are given anew, for a resumed run too: what runs stays the same,
            where it comes from may have moved.
        retries: What is done about failures of the infrastructure.
        serve: Host and port of a server with the figures of the run; ``None`` for none.
    """

    tasks: str | None
    output: Path | str
    config: Config | None
    selection: dict[str, Any] = field(default_factory=dict)
    workers: int = 4
    attempts: int | None = None
    evaluate: bool | None = None
    resume: bool = False
    cost_limit: float | None = None
    places: dict[str, Any] = field(default_factory=dict)
    retries: Retries = Retries()
    serve: tuple[str, int] | None = None
