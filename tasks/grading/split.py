"""One evaluation spread over sandboxes, a test file in each, where that is known to give the same outcomes.

Files can depend on each other: on the order in which they run, on what an earlier one left behind, on a file that stops
the whole run. So a command is only divided where the runner takes files one by one (:mod:`tasks.grading.files`), and
where the task's known solution came out the same both ways in the same image, test by test. Even then the parts are
believed only when they say that a patch solves the task and no test fails that does not fail with the known solution;
in every other case the whole command is run, and decides.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError
from tasks.grading.confirm import PASSING
from tasks.grading.grader import Grader
from tasks.grading.parts import joined, parts_of, tests_of
from tasks.grading.predictions import Prediction
from tasks.grading.trial import Trial
from tasks.grading.verdict import verdict_key
from tasks.images.settings import Ready
from tasks.known import Known
from tasks.task import Task

#: Runs the tests of a computer's task in a sandbox of its own, and writes what they print to a file.
Run = Callable[[Ready, Path], Trial]


class Split:
    """What is needed to spread evaluations. One object serves any number of threads.

    Args:
        directory: Where it is kept which tasks come out the same, for every run on this machine.
        cores: Sandboxes in which tests may run at a time before it is better not to divide them.
        worth: Seconds that a split must save by what was measured of the known solution.
    """

    def __init__(self, directory: Path, *, cores: int | None = None, worth: float = 5.0) -> None:
        self._known = Known(directory)
        self._worth = worth
        self._free = cores if cores is not None else len(os.sched_getaffinity(0))
        self._lock = threading.Lock()

    def run(
        self,
        ready: Ready,
        patch: str,
        grader: Grader,
        log: Path,
        run: Run,
        limit: float,
        circumstances: Mapping[str, object],
    ) -> Trial:
        """Run a task's judging tests on a patch: divided where that is known to come to the same and pays.

        A run on the known solution is never divided, but followed by its parts, once, to know whether others may be.

        Args:
            ready: The task's computer.
            patch: What is judged.
            grader: Says what the tests came to.
            log: File for what is printed.
            run: Runs them in one sandbox.
            limit: Seconds that the whole may take.
            circumstances: Whatever else can change a verdict, as JSON has it.
        """
        parts = parts_of(ready)
        if not parts:
            with self._one():
                return run(ready, log)
        task = ready.task
        what = {
            "image": ready.image_id,
            "base": ready.base_commit,
            "verdict": verdict_key(task, Prediction(task_id=task.id, model="", patch=task.patch), **circumstances),
            "parts": list(map(tests_of, parts)),
        }
        if patch == task.patch:
            with self._one():
                return self._prove(what, ready, parts, grader, log, run, limit)
        proof = Proof.of(self._known.read(what))
        if proof is not None:
            with self._several(len(parts)) as cores:
                if cores and proof.saves(cores) >= self._worth:
                    trial, _ = _divided(parts, cores, run, log, limit, proof.parts)
                    if trial is not None and _believed(task, trial, grader, proof):
                        return trial
        with self._one():
            return run(ready, log)

    def _prove(
        self, what: Mapping[str, object], ready: Ready, parts: Sequence[Ready], grader: Grader, log: Path, run: Run,
        limit: float,
    ) -> Trial:  # fmt: skip
        began = time.monotonic()
        whole = run(ready, log)
        seconds = time.monotonic() - began
        graded = grader.outcomes(whole.run) if whole.run is not None else None
        if graded is None or graded.outcomes is None:
            return whole
        outcomes = graded.outcomes

        def find() -> dict[str, Any] | None:
            place = log.with_suffix(".divided.txt")
            try:
                trial, took = _divided(parts, 1, run, place, limit, [0.0] * len(parts))
            except InfrastructureError:  # nothing is known then; the whole has its verdict
                return None
            divided = grader.outcomes(trial.run) if trial is not None and trial.run is not None else None
            place.unlink(missing_ok=True)
            if divided is None or (divided.outcomes, divided.evidence) != (outcomes, graded.evidence):
                return {"same": False}
            return Proof(seconds, tuple(took), _failing(outcomes)).as_data()

        self._known.once(what, find)
        return whole

    @contextlib.contextmanager
    def _one(self) -> Iterator[None]:
        """Take one core for a run of tests, whether one is free or not."""
        with self._lock:
            self._free -= 1
        try:
            yield
        finally:
            with self._lock:
                self._free += 1

    @contextlib.contextmanager
    def _several(self, most: int) -> Iterator[int]:
        """Take the free cores, so many at most; none where there are fewer than two."""
        with self._lock:
            granted = min(most, self._free)
            granted = granted if granted > 1 else 0
            self._free -= granted
        try:
            yield granted
        finally:
            with self._lock:
                self._free += granted


@dataclass(frozen=True)
class Proof:
    """What the known solution showed.

    Attributes:
        seconds: Of the whole run.
        parts: Seconds of each part.
        failing: Tests that do not pass with it.
    """

    seconds: float
    parts: tuple[float, ...]
    failing: frozenset[str]

    def saves(self, cores: int) -> float:
        """Seconds that parts side by side take less than the whole, if nothing else runs."""
        return self.seconds - max(max(self.parts), sum(self.parts) / max(1, cores))

    def as_data(self) -> dict[str, Any]:
        """It, as JSON has it."""
        return {"same": True, "seconds": self.seconds, "parts": self.parts, "failing": sorted(self.failing)}

    @classmethod
    def of(cls, fact: dict[str, Any] | None) -> Proof | None:
        """It, by what was kept; ``None`` where nothing is known, or where the outcomes were different."""
        if fact is None or not fact["same"]:
            return None
        return cls(fact["seconds"], tuple(fact["parts"]), frozenset(fact["failing"]))


def _divided(
    parts: Sequence[Ready], at_once: int, run: Run, log: Path, limit: float, seconds: Sequence[float]
) -> tuple[Trial | None, list[float]]:
    """The parts as one run, where they can be one, and what each took."""
    logs = [log.with_suffix(f".part{number}.txt") for number in range(1, len(parts) + 1)]

    def timed(index: int) -> tuple[Trial, float]:
        began = time.monotonic()
        trial = run(parts[index], logs[index])
        return trial, time.monotonic() - began

    longest_first = sorted(range(len(parts)), key=lambda index: -seconds[index])
    try:
        with ThreadPoolExecutor(at_once, thread_name_prefix="part") as pool:
            futures = {index: pool.submit(timed, index) for index in longest_first}
        done = [futures[index].result() for index in range(len(parts))]
        return joined([trial for trial, _ in done], log, limit), [took for _, took in done]
    finally:
        for file in logs:
            file.unlink(missing_ok=True)


def _believed(task: Task, trial: Trial, grader: Grader, proof: Proof) -> bool:
    """Whether parts say that a patch solves the task, and nothing fails that does not with the known solution."""
    assert trial.run is not None
    graded = grader.outcomes(trial.run)
    if graded.outcomes is None or graded.disputed or not _failing(graded.outcomes) <= proof.failing:
        return False
    judged = grader.judge(graded.outcomes, *task.judged)
    return any(part.success for part in judged.values()) and not any(part.failure for part in judged.values())


def _failing(outcomes: dict[str, str]) -> frozenset[str]:
    """The tests that did not pass; skipped ones did nothing."""
    return frozenset(name for name, outcome in outcomes.items() if outcome not in PASSING | {"SKIPPED"})
