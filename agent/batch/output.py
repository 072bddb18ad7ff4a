"""The directory of a run: what was asked, every attempt, the predictions. It is the run's only state.

=====================================  =================================================================================
``run.json``                           what was asked
``preds.json``, ``preds.2.json``, …    predictions of the first, second, … attempt on each task, in the official form
``attempts/TASK/K/trajectory.jsonl``   everything that happened in an attempt
``attempts/TASK/K/patch.diff``         its patch
``verdicts/``                          how patches were graded
``results.json``                       what came of every attempt
=====================================  =================================================================================

It may be a URL: then a working directory on this machine is copied there while it changes, see `agent.batch.mirror`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from aci_tools.errors import InfrastructureError, UsageError
from agent.batch.jobs import Job, Result
from agent.batch.mirror import Mirror, is_url
from agent.resume import Recorded, read_attempt
from agent.solve import PATCH, TRAJECTORY
from trajectories.kept import kept_patch

RUN = "run.json"
RESULTS = "results.json"
VERDICTS = "verdicts"
#: Seconds that a process which works on an attempt may take to die; a file server takes as long to let go of its lock.
_PATIENCE = 120.0
#: Seconds between two copies of files about the whole run to its URL.
_EVERY = 15.0


class Output:
    """The directory of a run, held by one process at a time; see :func:`claim`.

    Args:
        path: The directory.
        mirror: Copies it to the URL that the run is kept at, if it is.
    """

    def __init__(self, path: Path, mirror: Mirror | None = None) -> None:
        self.path, self.mirror = path, mirror
        self._copied = contextlib.ExitStack()
        self._copied_names: set[str] = set()

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
        if self.mirror is not None:
            self.mirror.push(RUN)

    def directory(self, job: Job) -> Path:
        """Where an attempt is kept."""
        return self.path / "attempts" / job.task.id.replace("/", "__") / str(job.attempt)

    def kept(self, job: Job) -> contextlib.AbstractContextManager[None]:
        """A ``with`` block in which what happens to an attempt's files is copied to the run's URL, if it has one."""
        if self.mirror is None:
            return contextlib.nullcontext()
        return self.mirror.watch(self.directory(job).relative_to(self.path).as_posix())

    def fetch(self, job: Job) -> None:
        """Have here what is at the run's URL of an attempt and of its task's verdicts.

        Raises:
            InfrastructureError: The URL failed.
        """
        if self.mirror is not None:
            self.mirror.pull(self.directory(job).relative_to(self.path).as_posix())
            self.mirror.pull(f"{VERDICTS}/{job.task.id.replace('/', '__')}")

    def trajectory(self, job: Job) -> Path:
        """The file of its events."""
        return self.directory(job) / TRAJECTORY

    def recorded(self, job: Job) -> Recorded | None:
        """The attempt as far as it is there."""
        return read_attempt(self.trajectory(job))

    def read_patch(self, job: Job, recorded: Recorded) -> str:
        """The patch of an attempt that ended: that of its last event, without masks where its file has it so."""
        return kept_patch(self.trajectory(job), recorded.ended.patch) if recorded.ended is not None else ""

    def finished(self, job: Job) -> Result | None:
        """The result of an attempt that is finished already."""
        return self.result(job, self.recorded(job))

    def result(self, job: Job, recorded: Recorded | None) -> Result | None:
        """The result of what was recorded, if that is finished."""
        if recorded is None or not recorded.finished:
            return None
        assert recorded.ended is not None
        return Result.of(job, recorded.ended, self.read_patch(job, recorded), again=True)

    @contextlib.contextmanager
    def alone(self, job: Job, check: Callable[[], None]) -> Iterator[None]:
        """Work on an attempt that no other process works on, for the length of a ``with`` block.

        Whoever worked on it before may be dying: a process whose run was killed, a machine that was given up.

        Args:
            job: The attempt.
            check: Called while that one is waited for; what it raises ends the waiting.

        Raises:
            UsageError: Its directory cannot be written.
            InfrastructureError: The other one did not let go of it.
        """
        lock = self.directory(job) / ".lock"
        until = time.monotonic() + _PATIENCE
        while (descriptor := _try_to_lock(lock)) is None:
            check()
            if time.monotonic() > until:
                raise InfrastructureError(f"{job.name}: another process still works on it after {_PATIENCE:.0f} s")
            time.sleep(0.1)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)
            os.close(descriptor)

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
        name = "preds.json" if number == 1 else f"preds.{number}.json"
        self._copy(name)
        chosen = (result for result in results if result.finished and result.job.attempt == number)
        with _whole(self.path / name) as file:
            _write_object(file, ((result.job.task.id, _prediction(result, model)) for result in chosen))

    def write_results(self, results: dict[str, Any]) -> None:
        """Write what came of every attempt."""
        write_whole(self.path / RESULTS, json.dumps(results, indent=2) + "\n")

    def close(self) -> None:
        """Have everything at the run's URL, if it has one.

        Raises:
            InfrastructureError: It could not be copied.
        """
        self._copied.close()
        if self.mirror is not None:
            self.mirror.close()

    def _copy(self, name: str) -> None:
        """Copy a file or a directory to the run's URL, now and then, until this is closed."""
        if self.mirror is not None and name not in self._copied_names:
            self._copied_names.add(name)
            self._copied.enter_context(self.mirror.watch(name, _EVERY))


@contextlib.contextmanager
def claim(place: Path | str, *, resume: bool, lost: Callable[[], None] = lambda: None) -> Iterator[Output]:
    """The directory of a run, for this process alone.

    Args:
        place: Where: a directory, made if it is not there, or a URL.
        resume: Whether a run may be there already.
        lost: Called, from another thread, when another process took over the URL because this one had been cut off
            from it.

    Raises:
        UsageError: It cannot be written, holds something already, or another process works in it.
        InfrastructureError: What the URL names failed.
    """
    if isinstance(place, str) and is_url(place):
        with _claim_url(place, resume=resume, lost=lost) as output:
            yield output
        return
    with _claim_directory(Path(place), resume=resume) as path:
        yield Output(path)


@contextlib.contextmanager
def _claim_directory(path: Path, *, resume: bool, name: str = "") -> Iterator[Path]:
    """A directory for this process alone, called by a name in messages."""
    name = name or str(path)
    lock = path / ".lock"
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not resume and any(entry != lock for entry in path.iterdir()):
            raise UsageError(f"--output {name}: not empty; --resume goes on with the run in it, else choose another")
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"--output {name}: cannot write there ({error.strerror})") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield path
    except BlockingIOError:
        raise UsageError(f"--output {name}: another process works in it") from None
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _claim_url(url: str, *, resume: bool, lost: Callable[[], None]) -> Iterator[Output]:
    """The working directory of a URL, with what is there, for this process alone."""
    from agent.batch.mirror.holding import hold
    from agent.batch.mirror.working import take_up, working_directory

    with _claim_directory(working_directory(url), resume=True, name=url) as path:
        mirror = Mirror(url, path)
        if not resume and mirror.sizes():
            raise UsageError(f"--output {url}: not empty; --resume goes on with the run in it, else choose another")

        def give_up() -> None:
            mirror.give_up()
            lost()

        with hold(mirror.remote, give_up) as holding:
            take_up(mirror, holding.id, holding.before)
            output = Output(path, mirror)
            output._copy(VERDICTS)
            try:
                yield output
            finally:
                output.close()
        if holding.is_lost:
            raise UsageError(f"--output {url}: another process took it over while this one was cut off from it")


def _try_to_lock(lock: Path) -> int | None:
    """The descriptor that holds a lock; ``None`` while another process has it."""
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise UsageError(f"cannot write {lock.parent}: {error.strerror}; choose another --output") from None
    with contextlib.suppress(BlockingIOError, FileNotFoundError):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_ino == lock.stat().st_ino:  # else the one before has removed it since
            return descriptor
    os.close(descriptor)
    return None


def _prediction(result: Result, model: str) -> dict[str, str]:
    """An attempt in the official form of predictions."""
    return {"instance_id": result.job.task.id, "model_name_or_path": model, "model_patch": result.patch}


def _write_object(file: TextIO, entries: Iterable[tuple[str, dict[str, str]]]) -> None:
    """Write an object as `json.dumps` does with an indent of two, an entry at a time: it may have thousands."""
    mark = "{"
    for key, value in entries:
        # Not `json.dumps` with an indent: each call of it leaves a cycle of closures to the garbage collector.
        fields = ",\n    ".join(f"{json.dumps(name)}: {json.dumps(text)}" for name, text in value.items())
        file.write(f"{mark}\n  {json.dumps(key)}: {{\n    {fields}\n  }}")
        mark = ","
    file.write("{}\n" if mark == "{" else "\n}\n")


@contextlib.contextmanager
def _whole(path: Path) -> Iterator[TextIO]:
    """A file to write so that a reader, and a process that is killed, never leaves half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.new")
    with draft.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        yield file
    draft.replace(path)


def write_whole(path: Path, text: str) -> None:
    """Write a text so that a reader, and a process that is killed, never leaves half of it."""
    with _whole(path) as file:
        file.write(text)
