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
        output: Directory of the results.
        config: The effective configuration; ``None`` for that of the run that is resumed.
        selection: ``split``, ``filter``, ``slice``, ``shuffle`` and ``created_after``, those that were given.
        workers: Attempts side by side.
        attempts: Attempts on each task.
        evaluate: Whether each is graded as it finishes.
        resume: Whether to go on with a run.
        cost_limit: US dollars for the whole run; ``None`` for no limit.
        repositories: The user's directory of repositories.
        base_image: Image that environments are built on.
        retries: What is done about failures of the infrastructure.
    """

    tasks: str | None
    output: Path
    config: Config | None
    selection: dict[str, Any] = field(default_factory=dict)
    workers: int = 4
    attempts: int | None = None
    evaluate: bool | None = None
    resume: bool = False
    cost_limit: float | None = None
    repositories: Path | None = None
    base_image: str | None = None
    retries: Retries = Retries()
