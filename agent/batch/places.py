"""Where the tasks of a run are solved: a computer for each attempt, the next ones made while others think."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.sandbox import Sandbox, open_sandbox
from aci_tools.sandbox.openings import Openings
from agent.batch.jobs import Job, Key
from agent.computer import limits_of, open_computer
from agent.config import Config
from agent.progress import Voice

if TYPE_CHECKING:
    from tasks.images import Computers
    from tasks.task import Task


@dataclass(eq=False)
class Place:
    """A computer with a task's repository.

    Attributes:
        task: The task as it is there.
        sandbox: The computer.
        base: Id of the commit that the repository is at.
        scratch: Files that it was made from, removed with it.
        release: Called when it is closed: what it was made from may be removed now.
    """

    task: Task
    sandbox: Sandbox
    base: str
    scratch: Path | None = None
    release: Callable[[], None] | None = None

    def close(self) -> None:
        """Remove it. Safe to call twice."""
        try:
            self.sandbox.close()
        finally:
            if self.scratch is not None:
                shutil.rmtree(self.scratch, ignore_errors=True)
            release, self.release = self.release, None
            if release is not None:
                release()


class Places:
    """Makes places. One object serves any number of threads.

    Args:
        config: The effective configuration.
        computers: Makes those of tasks that say what they run in.
        scratch: Directory for copies of repositories.
        voice: Told of notable things.
        run_id: Name of the run, for labels.
    """

    def __init__(self, config: Config, computers: Computers, scratch: Path, voice: Voice, run_id: str) -> None:
        self._config, self._computers, self._scratch = config, computers, scratch
        self._voice, self._run_id = voice, run_id
        self._openings: Openings[Place] = Openings()

    def open(self, job: Job) -> Place:
        """A place for an attempt.

        Raises:
            PatchwrightError: It cannot be made; nothing is left behind.
        """
        return self._openings.open(lambda: self._open(job))

    def present(self, task: Task) -> float:
        """The share of what a task's place is made of that is on this machine, from 0 to 1."""
        return 1.0 if _in_a_directory(task) else self._computers.present(task)

    def prefetch(self, tasks: Iterable[Task], halted: Callable[[], bool]) -> None:
        """Have on this machine what places of tasks will be made of, as long as there is room for it.

        Args:
            tasks: In the order in which they will be needed.
            halted: Asked before each; when it says yes, the rest is left.
        """
        self._computers.prefetch([task for task in tasks if not _in_a_directory(task)], halted)

    def expect(self, tasks: Iterable[Task]) -> None:
        """Say which tasks come, in this order: what they need is the last to be removed when room is needed."""
        self._computers.expect(task for task in tasks if not _in_a_directory(task))

    def abandon(self) -> None:
        """Remove every place that is there or being made, whoever uses it, because the process ends."""
        self._openings.abandon()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _open(self, job: Job) -> Place:
        task = job.task
        if _in_a_directory(task):
            return self._of_a_directory(job)
        ready = self._computers.ready(task)
        wanted = self._config.sandbox
        spec = replace(
            ready.spec,
            env={**ready.spec.env, **wanted.env},
            startup="\n".join(lines for lines in (ready.spec.startup, wanted.startup) if lines),
            network=wanted.network,
            allow_hosts=tuple(wanted.allow_hosts),
            gate_image=wanted.gate_image,
            limits=limits_of(wanted),
            run_id=self._run_id,
        )
        release = partial(self._computers.release, ready)
        try:
            sandbox = open_sandbox(ready.kind, spec)
        except BaseException:
            release()
            raise
        return Place(ready.task, sandbox, ready.base_commit, release=release)

    def _of_a_directory(self, job: Job) -> Place:
        """The user's own repository, on the computer that ``agent solve`` would use for it."""
        from tasks.repository import prepare

        scratch = self._scratch / f"{job.task.id.replace('/', '__')}-{job.attempt}"
        shutil.rmtree(scratch, ignore_errors=True)
        try:
            prepared = prepare(job.task.repo, job.task.base_commit or None, scratch / "repository")
            origin = Path(job.task.repo)
            sandbox = open_computer(self._config, prepared.path, self._voice, origin=origin, announce=False)
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise
        return Place(job.task, sandbox, prepared.base_commit, scratch)


def _in_a_directory(task: Task) -> bool:
    """Whether a task is about the user's own repository and says nothing of what it runs in."""
    return task.environment is None and task.image is None and not task.files and Path(task.repo).is_dir()


class LookAhead:
    """Hands out places, and makes those of the next jobs meanwhile. Use it as a context manager.

    Args:
        jobs: The jobs, in the order in which they will be asked for.
        make: Makes a place.
        depth: Places that are ready or in the making beyond those in use.
    """

    def __init__(self, jobs: Iterable[Job], make: Callable[[Job], Place], depth: int) -> None:
        self._make, self._depth = make, depth
        self._upcoming = deque(job.key for job in jobs)
        self._jobs = {job.key: job for job in jobs}
        self._ahead: dict[Key, Future[Place]] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._pool = ThreadPoolExecutor(max_workers=max(1, depth), thread_name_prefix="look-ahead")

    def take(self, job: Job) -> Place:
        """The place for a job, which is the caller's to close.

        Raises:
            PatchwrightError: It cannot be made.
        """
        key = job.key
        with self._lock:
            made = self._ahead.pop(key, None)
            self._jobs.pop(key, None)
            self._refill()
        return self._make(job) if made is None else made.result()

    def expect(self, job: Job) -> None:
        """Begin to make the place of a further job, unless enough others are in the making."""
        with self._lock:
            self._upcoming.append(job.key)
            self._jobs[job.key] = job
            self._refill()

    def __enter__(self) -> LookAhead:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._closed = True
            left = list(self._ahead.values())
            self._ahead.clear()
        self._pool.shutdown(wait=True, cancel_futures=True)
        for future in left:
            if not future.cancelled():
                with contextlib.suppress(Exception):
                    future.result().close()

    def _refill(self) -> None:
        while not self._closed and len(self._ahead) < self._depth and self._upcoming:
            key = self._upcoming.popleft()
            job = self._jobs.pop(key, None)
            if job is not None:  # else it is in work already
                self._ahead[key] = self._pool.submit(self._make, job)
