"""The directory of a run: what was asked, every attempt, the predictions. It is the run's only state.

=====================================  =================================================================================
``run.json``                           what was asked
``preds.json``, ``preds.2.json``, …    predictions of the first, second, … attempt on each task, in the official form
``attempts/TASK/K/trajectory.jsonl``   everything that happened in an attempt
``attempts/TASK/K/patch.diff``         its patch
``verdicts/``                          how patches were graded
``results.json``                       what came of every attempt
=====================================  =================================================================================
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from agent.batch.jobs import Job, Result
from agent.resume import Recorded, read_attempt
from agent.solve import PATCH, TRAJECTORY

RUN = "run.json"
RESULTS = "results.json"
VERDICTS = "verdicts"


class Output:
    """The directory of a run, held by one process at a time; see :func:`claim`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read_run(self) -> dict[str, Any] | None:
        """What was asked, if a run has begun here.

        Raises:
            UsageError: The file is not one of ours.
        """
        place = self.path / RUN
        if not place.exists():
            return None
        try:
            known = json.loads(place.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise UsageError(f"{place} cannot be read ({error})") from None
        if not isinstance(known, dict) or "tasks" not in known:
            raise UsageError(f"{place} does not say what a run was asked")
        return known

    def write_run(self, facts: dict[str, Any]) -> None:
        """Record what was asked."""
        write_whole(self.path / RUN, json.dumps(facts, indent=2) + "\n")

    def directory(self, job: Job) -> Path:
        """Where an attempt is kept."""
        return self.path / "attempts" / job.task.id.replace("/", "__") / str(job.attempt)

    def trajectory(self, job: Job) -> Path:
        """The file of its events."""
        return self.directory(job) / TRAJECTORY

    def recorded(self, job: Job) -> Recorded | None:
        """The attempt as far as it is there."""
        return read_attempt(self.trajectory(job))

    def read_patch(self, job: Job, recorded: Recorded) -> str:
        """The patch of an attempt that ended; from its last event if the process was killed right after it."""
        kept = self.directory(job) / PATCH
        if kept.exists():
            return kept.read_bytes().decode("utf-8", "surrogateescape")
        return recorded.ended.patch if recorded.ended is not None else ""

    def write_patch(self, job: Job, patch: str) -> None:
        """Keep the patch of an attempt."""
        write_whole(self.directory(job) / PATCH, patch)

    def write_predictions(self, results: Iterable[Result], number: int, model: str) -> None:
        """Rewrite the predictions of the attempts with a number.

        Args:
            results: In the order of the tasks; only attempts that finished are predictions.
            number: The number of the attempts, from 1.
            model: Name of the model.
        """
        predictions = {
            result.job.task.id: {
                "instance_id": result.job.task.id,
                "model_name_or_path": model,
                "model_patch": result.patch,
            }
            for result in results
            if result.finished and result.job.attempt == number
        }
        name = "preds.json" if number == 1 else f"preds.{number}.json"
        write_whole(self.path / name, json.dumps(predictions, indent=2) + "\n")

    def write_results(self, results: dict[str, Any]) -> None:
        """Write what came of every attempt."""
        write_whole(self.path / RESULTS, json.dumps(results, indent=2) + "\n")


@contextlib.contextmanager
def claim(path: Path, *, resume: bool) -> Iterator[Output]:
    """The directory of a run, for this process alone.

    Args:
        path: Where; made if it is not there.
        resume: Whether a run may be there already.

    Raises:
        UsageError: It cannot be written, holds something already, or another process works in it.
    """
    lock = path / ".lock"
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not resume and any(entry != lock for entry in path.iterdir()):
            raise UsageError(f"--output {path}: not empty; --resume goes on with the run in it, else choose another")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"--output {path}: cannot write there ({error.strerror})") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield Output(path)
    except BlockingIOError:
        raise UsageError(f"--output {path}: another process works in it") from None
    finally:
        os.close(descriptor)


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader, and a process that is killed, never leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    draft.write_bytes(text.encode("utf-8", "surrogateescape"))
    draft.replace(path)
