"""The parts of an evaluation, one for each test file, and the parts as one run again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tasks.grading import commands
from tasks.grading.confirm import TestRun
from tasks.grading.evidence import Report
from tasks.grading.files import divided
from tasks.grading.log import official_log, write_log
from tasks.grading.trial import Trial, is_published
from tasks.images.settings import Ready
from tasks.task import Environment

_NO_TESTS = 5  # pytest's exit code, and unittest's since Python 3.12, where a file holds none
_FAILED = 1


def parts_of(ready: Ready) -> tuple[Ready, ...]:
    """A task's computer, once for each test file, with the command that runs that file; empty: not to be divided."""
    task = ready.task
    if not ready.image_id or not task.patch or (task.environment is not None and task.environment.report):
        return ()
    if not is_published(ready):
        environment = task.environment or Environment()
        environments = [
            environment.model_copy(update={"test_command": command}) for command in divided(commands.test_command(task))
        ]
        return tuple(replace(ready, task=task.model_copy(update={"environment": each})) for each in environments)
    lines = commands.between_marks(task.eval_script)
    if len(lines) != 1 or task.eval_script.count(lines[0]) != 1:
        return ()
    scripts = [task.eval_script.replace(lines[0], command) for command in divided(lines[0])]
    return tuple(replace(ready, task=task.model_copy(update={"eval_script": script})) for script in scripts)


def tests_of(ready: Ready) -> str:
    """What runs a task's tests: a script or a command."""
    return ready.task.eval_script if is_published(ready) else commands.test_command(ready.task)


def joined(trials: Sequence[Trial], log: Path, timeout: float) -> Trial | None:
    """The parts as one run of the tests; ``None`` where the whole might have come out differently.

    Args:
        trials: What became of the parts.
        log: File for what was printed.
        timeout: Seconds that the whole may take.
    """
    runs = [trial.run for trial in trials if trial.run is not None]
    if len(runs) < len(trials) or any(run.exit_code not in (0, _FAILED, _NO_TESTS) for run in runs):
        return None
    if sum(run.seconds for run in runs) > timeout:
        return None
    if any(run.faults or run.report.notes or not run.report.loaded for run in runs):
        return None
    sessions = [session for run in runs for session in run.report.sessions]
    tests = [(session.runner, name) for run in runs for session in run.report.runs for name in _names(session.results)]
    if len(set(tests)) < len(tests):
        return None
    codes = [run.exit_code for run in runs if run.exit_code != _NO_TESTS]
    code = max((code for code in codes if code is not None), default=_NO_TESTS)
    if codes:  # a file without tests is no failure beside others that have some
        sessions = [replace(session, ended=0) if session.ended == _NO_TESTS else session for session in sessions]
    output = "".join(run.output if run.output.endswith("\n") else f"{run.output}\n" for run in runs)
    write_log(log, official_log(runs[0].before, output, code))
    run = TestRun(
        log, output, code, Report(sessions), workdir=runs[0].workdir, before=runs[0].before,
        seconds=sum(run.seconds for run in runs),
    )  # fmt: skip
    notes = [note for trial in trials for note in trial.notes]
    return Trial(run=run, notes=list(dict.fromkeys(notes)), applied=trials[0].applied, parts=len(trials))


def _names(results: Sequence[tuple[str, str, str]]) -> set[tuple[str, str]]:
    return {(name, identity) for name, identity, _ in results}
