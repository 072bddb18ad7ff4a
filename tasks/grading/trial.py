"""One fresh sandbox: the patch, the undoing of what it does to tests, the test patch, the tests."""

from __future__ import annotations

import re
import secrets
import shlex
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.sandbox import Sandbox
from tasks.grading import commands
from tasks.grading.apply import Workplace, apply_prediction, unless_lost
from tasks.grading.confirm import TestRun
from tasks.grading.evidence import Reporting
from tasks.grading.grader import Grader
from tasks.grading.log import official_log, write_log
from tasks.grading.patches import paths
from tasks.grading.undo import undo
from tasks.grading.verdict import Status
from tasks.task import Task

if TYPE_CHECKING:
    from tasks.images import Ready

_OUTPUT_LIMIT = 64 * 1024 * 1024
_BUILD_TIMEOUT = 1800.0
_NOT_STARTED = (126, 127)
#: One order of sets and dicts for everyone, and one kind of output.
_ENV = {"PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1"}


@dataclass(slots=True)
class Trial:
    """What one run in a sandbox came to.

    Attributes:
        failure: Status that ends the evaluation without grading, and why; ``None`` when tests ran.
        run: The run of the tests; ``None`` when there was none.
        notes: What a reader of the verdict should know.
        applied: The log of applying the patch.
        parts: Sandboxes that the tests were spread over.
    """

    failure: tuple[Status, str] | None = None
    run: TestRun | None = None
    notes: list[str] = field(default_factory=list)
    applied: str = ""
    parts: int = 1


@dataclass(frozen=True, slots=True)
class _Done:
    """What the test command did."""

    output: str
    exit_code: int | None
    timed_out: bool
    before: str = ""
    dropped: int = 0
    seconds: float = 0.0


def try_patch(sandbox: Sandbox, ready: Ready, patch: str, grader: Grader, log: Path, *, timeout: float) -> Trial:
    """Run a task's judging tests on a patch.

    Args:
        sandbox: A fresh one of the task's computer.
        ready: The task's computer.
        patch: What is judged.
        grader: Knows the form of the log.
        log: File on the host for what is printed; written when tests ran.
        timeout: Seconds that the tests may take; then everything in the sandbox is killed.

    Raises:
        SandboxError: The sandbox was lost.
    """
    trial = Trial()
    scratch = f"/tmp/{secrets.token_hex(16)}"
    try:
        _run(sandbox, scratch, ready, patch, grader, log, timeout, trial)
    finally:
        if sandbox.kind == "local":  # others take it with them
            sandbox.run(f"rm -rf {scratch}*")
    return trial


def _run(
    sandbox: Sandbox,
    scratch: str,
    ready: Ready,
    patch: str,
    grader: Grader,
    log: Path,
    timeout: float,
    trial: Trial,
) -> None:
    task = ready.task
    env = {**(task.environment.env if task.environment else {}), **_ENV}
    place = Workplace(sandbox, ready.base_commit, scratch, env)
    try:
        applied = apply_prediction(place, patch)
        trial.notes += applied.notes
        if not applied.ok:
            trial.failure = ("unappliable", applied.reason)
            return
        notes, changed = undo(place, task, applied.changed)
        trial.notes += notes
        _reinstall(place, task, changed)
        solution = frozenset(paths(task.patch))
        patched = {path: place.at_base(path) for path in changed if path not in solution}
        if not _apply_tests(place, task, ready, trial):
            return
        artefact = task.environment.report if task.environment else ""
        if artefact:
            place.run(f"rm -rf -- {shlex.quote(artefact)}")
    finally:
        trial.applied = place.log
    reporting = Reporting(sandbox, f"{scratch}-{secrets.token_hex(16)}")
    script = is_published(ready)
    done = (
        _published(sandbox, task, env, reporting, timeout)
        if script
        else _command(sandbox, task, env, reporting, timeout)
    )
    report = reporting.read()
    text = grader.normalize(done.output)
    before = done.before or place.log
    write_log(log, official_log(before, text, done.exit_code, timed_out=timeout if done.timed_out else None))
    if done.timed_out:
        trial.failure = ("timeout", f"the tests took longer than {timeout:g} seconds")
        return
    if done.exit_code in _NOT_STARTED and not report.runs:
        last = done.output.strip().splitlines()[-1:] or ["no output"]
        trial.failure = ("error", f"the test command did not start: {last[0][:200]}")
        return
    if done.dropped:
        trial.notes.append(f"The tests printed so much that {done.dropped} bytes in the middle were not kept.")
    faults = report.faults(changed, patched)
    trial.notes += [*faults, *report.notes]
    artefact_bytes = _read(sandbox, artefact) if artefact else b""
    trial.run = TestRun(
        log, text, done.exit_code, report, tuple(faults), artefact_bytes, sandbox.workdir, before, done.seconds
    )


def is_published(ready: Ready) -> bool:
    """Whether SWE-bench's own script runs the tests."""
    environment = ready.task.environment
    commanded = environment is not None and bool(environment.test_command)
    return bool(ready.task.eval_script) and (ready.origin == "image" or not commanded)


def _reinstall(place: Workplace, task: Task, changed: tuple[str, ...]) -> None:
    for command in commands.reinstall_commands(task, changed):
        env = dict(task.environment.env if task.environment else {})
        done = unless_lost(place.sandbox.run(command, env=env, timeout=_BUILD_TIMEOUT))
        place.say(f"$ {command}\n{done.text.rstrip()}\n[{done.exit_code if done.end == 'exited' else done.end}]")


def _apply_tests(place: Workplace, task: Task, ready: Ready, trial: Trial) -> bool:
    if not task.test_patch or is_published(ready):  # the published script applies it itself
        return True
    file = f"{place.scratch}/test.diff"
    text = task.test_patch if task.test_patch.endswith("\n") else f"{task.test_patch}\n"
    place.sandbox.write(file, text.encode("utf-8", "surrogateescape"))
    done = place.run(f"git apply --verbose {file}")
    if done.ok:
        return True
    said = [line for line in done.text.splitlines() if line.startswith("error:")]
    trial.failure = ("error", f"the test patch does not apply: {(said or [done.end])[0][:200]}")
    return False


def _command(sandbox: Sandbox, task: Task, env: dict[str, str], reporting: Reporting, timeout: float) -> _Done:
    command = f"{reporting.setup}\n{commands.test_command(task)}"
    done = unless_lost(sandbox.run(command, env=env, timeout=timeout, output_limit=_OUTPUT_LIMIT))
    return _Done(done.text, done.exit_code, done.end == "timeout", "", done.dropped, done.duration)


def _published(sandbox: Sandbox, task: Task, env: dict[str, str], reporting: Reporting, timeout: float) -> _Done:
    opening, closing = (f"<{secrets.token_hex(16)}>" for _ in range(2))
    script = commands.published(task.eval_script, reporting.setup, opening, closing)
    done = unless_lost(sandbox.run(script, env=env, timeout=timeout, output_limit=_OUTPUT_LIMIT))
    before, _, rest = done.text.partition(f"{opening}\n")
    output, ended, after = rest.rpartition(f"{closing} ")
    code = re.match(r"\d+", after)
    exit_code = int(code[0]) if ended and code else done.exit_code
    return _Done(
        output if ended else rest,
        exit_code,
        done.end == "timeout",
        before or done.text,
        done.dropped,
        done.duration,
    )


def _read(sandbox: Sandbox, path: str) -> bytes:
    try:
        return sandbox.read(path)
    except OSError:
        return b""
