"""Finds trajectories, and the attempts that they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import UsageError
from trajectories.kept import kept_patch
from trajectories.log import TrajectoryError
from trajectories.stats.facts import facts, task_id
from trajectories.stats.gold import Touched
from trajectories.stats.reader import read_attempt
from trajectories.stats.rows import AttemptFacts, StepFacts
from trajectories.trees import is_trial
from trajectories.verdicts import read_verdicts

#: What is known of a task's solution, by the task's id.
Gold = Callable[[str], Sequence[Touched] | None]


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of many attempts.

    Attributes:
        attempts: One row an attempt.
        steps: One row an action.
        faults: Files that could not be read, one line each.
    """

    attempts: list[AttemptFacts]
    steps: list[StepFacts]
    faults: list[str]


def gather(
    paths: Sequence[Path],
    gold: Gold = lambda task: None,
    watch: Callable[[Path], None] = lambda path: None,
    steps: bool = True,
) -> Rows:
    """The rows of all trajectories below some paths.

    A verdict found under any of the paths applies to the attempts under all of them, so the output of an evaluation can
    be named beside that of the batch.

    Args:
        paths: Trajectory files, or directories with some: outputs of ``agent batch`` or ``agent solve``.
        gold: What the known solution of a task touches, if one is known.
        watch: Told of each file before it is read.
        steps: Whether to keep the rows of the actions.

    Raises:
        UsageError: A path is not there, or there is no trajectory under it and no verdict either.
    """
    directories = [path for path in paths if path.is_dir()]
    verdicts = read_verdicts(directories, around=[path for path in paths if path.is_file()])
    rows = Rows([], [], [])
    for file in dict.fromkeys(file for path in paths for file in find_trajectories(path)):
        watch(file)
        try:
            recorded = read_attempt(file)
        except TrajectoryError as error:
            rows.faults.append(str(error))
            continue
        number, task = attempt_number(file), task_id(recorded)
        verdict = verdicts.of(task, kept_patch(file, recorded.patch), number=number, model=recorded.model)
        row, actions = facts(recorded, attempt=number, verdict=verdict, gold=gold(task))
        rows.attempts.append(row)
        if steps:
            rows.steps.extend(actions)
    if not rows.attempts:
        named = ", ".join(map(str, paths))
        raise UsageError(rows.faults[0] if rows.faults else f"there is no trajectory in {named}")
    return rows


def find_trajectories(path: Path) -> Iterator[Path]:
    """A file itself; of a directory, every ``.jsonl`` file in it that begins as a trajectory does, in order of path.

    The trials of a strategy are parts of their attempt, and are left out.

    Raises:
        UsageError: There is no such path.
    """
    if path.is_dir():
        yield from (file for file in sorted(path.rglob("*.jsonl")) if _begins(file) and not is_trial(file))
    elif path.exists():
        yield path
    else:
        raise UsageError(f"there is no {path}")


def attempt_number(path: Path) -> int:
    """Number of an attempt by its place in a run, ``attempts/<task>/<number>/trajectory.jsonl``; 1 elsewhere.

    A strategy's trial is no attempt, and has the number 0: only what was said of its very patch was said of it.
    """
    if is_trial(path):
        return 0
    parts = path.resolve().parts
    return int(parts[-2]) if len(parts) > 3 and parts[-4] == "attempts" and parts[-2].isdigit() else 1


def _begins(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return b'"attempt_started"' in file.read(400)
    except OSError:
        return False
