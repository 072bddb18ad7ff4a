"""A run from beginning to end: the tasks, the workers, the tries after failures, the predictions, the sum."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import UsageError
from agent.batch import record
from agent.batch.assignment import Assignment
from agent.batch.board import Board
from agent.batch.budget import RunBudget
from agent.batch.engine import Engine, LocalEngine
from agent.batch.jobs import Job, Key, Result
from agent.batch.output import RESULTS, VERDICTS, Output, claim
from agent.batch.request import BatchRequest
from agent.batch.seldom import Seldom
from agent.batch.stop import Stop
from agent.computer import computer_settings
from agent.config import Config
from agent.status import Status
from agent.strategies.record import calls_of
from agent.telemetry.batch import watched
from trajectories.events import Usage

if TYPE_CHECKING:
    from tasks.task import Task


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        output: Its directory.
        results: By task and number of the attempt, in the order of the tasks.
        left: Jobs that were not begun.
        stopped: Whether it was interrupted.
        facts: What ``results.json`` holds.
    """

    output: Path
    results: list[Result]
    left: list[Job]
    stopped: bool
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """130: interrupted; 3: infrastructure failures remain; 1: the run's limit left attempts unfinished; else 0."""
        if self.stopped:
            return 130
        if any(result.infrastructure for result in self.results):
            return 3
        return 1 if self.left or not all(result.finished for result in self.results) else 0


def run_batch(request: BatchRequest, stop: Stop, engine: Engine | None = None) -> Outcome:
    """Attempt every task, or go on with the attempts of a run that was stopped or killed.

    Args:
        request: What is asked.
        stop: Set from outside to stop the run; what was begun can be resumed.
        engine: Where jobs run; default: threads of this process.

    Raises:
        UsageError, InfrastructureError: Nothing could be attempted.
    """
    with claim(request.output, resume=request.resume, lost=stop.set) as output:
        plan = _plan(request, output)
        jobs = [Job(task, number) for number in range(1, plan.attempts + 1) for task in plan.tasks]
        with (
            Board(len(jobs), graded=plan.evaluate) as board,
            watched(
                board,
                plan.config.telemetry,
                run_id=plan.run_id,
                tasks=len(plan.tasks),
                attempts=plan.attempts,
                output=output.path,
                trajectory=output.trajectory,
                serve=request.serve,
            ),
        ):
            for warning in plan.warnings:
                board.say(warning, "yellow")
            return _run(request, plan, jobs, output, board, stop, engine or LocalEngine(request.workers))


@dataclass(frozen=True)
class _Plan:
    """``new`` is what records it, where it is not recorded yet."""

    run_id: str
    config: Config
    tasks: list[Task]
    attempts: int
    evaluate: bool
    warnings: list[str]
    new: dict[str, Any] | None


def _plan(request: BatchRequest, output: Output) -> _Plan:
    """What is to be done, as it was recorded if the run has begun."""
    from tasks.checkouts import Checkouts
    from tasks.datasets import Selection, load_tasks

    recorded = output.read_run()
    if recorded is None and (request.tasks is None or request.config is None):
        raise UsageError(f"--output {request.output}: no run has begun there; name the tasks with --tasks")
    known = recorded or {}
    tasks = record.reference(request.tasks) if request.tasks is not None else str(known["tasks"])
    selection = request.selection or known.get("selection", {})
    attempts = request.attempts or int(known.get("attempts", 1))
    config = record.placed(request.config or record.config_of(known), known, request.places)
    warnings: list[str] = []
    chosen = {key: value for key, value in selection.items() if key != "split"}
    found = load_tasks(
        tasks, split=selection.get("split", "test"), selection=Selection(**chosen), on_fault=warnings.append
    )
    if not found:
        raise UsageError(f"--tasks {tasks}: no task is left to attempt")
    run_id = str(known.get("run_id") or f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}")
    facts = record.facts(run_id, tasks, selection, found, attempts, config) | {"evaluate": bool(request.evaluate)}
    if recorded is not None:
        record.refuse_difference(recorded, facts)
    settings = computer_settings(config)
    checkouts = Checkouts(settings.repositories, settings.cache_directory, warnings.append)
    pinned = record.pinned(found, known, checkouts)
    facts |= record.commits(found, pinned)
    if attempts > 1 and config.model.temperature == 0:
        warnings.append("attempts at temperature 0 differ little from each other; --set model.temperature=0.8 helps")
    evaluate = request.evaluate
    if evaluate is None:
        evaluate = bool(known.get("evaluate")) or (output.path / VERDICTS).is_dir()
    if evaluate:
        from tasks.grading.grader import grader_for

        for task in pinned:
            grader_for(task)  # what cannot be graded is said before anything is spent on it
    return _Plan(run_id, config, pinned, attempts, evaluate, warnings, facts if recorded is None else None)


def _run(
    request: BatchRequest, plan: _Plan, jobs: list[Job], output: Output, board: Board, stop: Stop, engine: Engine
) -> Outcome:
    assignment = Assignment(plan.run_id, plan.config, plan.evaluate, request.cost_limit)
    with engine.open(assignment, output, board, stop) as crew:
        if plan.new is not None:
            output.write_run(plan.new)
        results = _known(jobs, output, crew.budget, board)
        todo = [job for job in jobs if job.key not in results or (plan.evaluate and results[job.key].verdict is None)]

        def write_predictions() -> None:
            ordered = [results[job.key] for job in jobs if job.key in results]
            for number in range(1, plan.attempts + 1):
                output.write_predictions(ordered, number, crew.model)

        predictions = Seldom(write_predictions)
        predictions.now()
        for number in range(request.retries.times + 1):
            if number:
                wait = request.retries.wait * 4 ** (number - 1)
                board.say(f"{len(todo)} failed by infrastructure; trying again in {wait:.0f} s", "yellow")
                if stop.wait(wait):
                    break
            try:
                for result in crew.run(todo, {job.key for job in todo if _only_graded(results.get(job.key))}):
                    results[result.job.key] = result.to_keep()
                    predictions.ask()
            finally:
                predictions.at_last()
            todo = [job for job in jobs if job.key in results and results[job.key].worth_another_try]
            if crew.budget.exhausted:
                todo = [job for job in todo if _only_graded(results[job.key])]
            if not todo or stop:
                break
        with stop.undisturbed():
            outcome = Outcome(
                output.path,
                [results[job.key] for job in jobs if job.key in results],
                [job for job in jobs if job.key not in results],
                bool(stop),
            )
            outcome.facts = _facts(plan, outcome, crew.model)
            output.write_results(outcome.facts)
            board.say(board.sums(), "bold")
        return outcome


def _only_graded(result: Result | None) -> bool:
    """Whether all that is left to do of a job is to grade it, which spends nothing."""
    return result is not None and result.finished


def _known(jobs: Sequence[Job], output: Output, budget: RunBudget, board: Board) -> dict[Key, Result]:
    """Results of attempts that earlier processes finished; what all of theirs used is counted."""
    found: dict[Key, Result] = {}
    spent = Usage()
    for job in jobs:
        recorded = output.recorded(job)
        if recorded is None:
            continue
        for usage in calls_of(recorded.events, output.directory(job)):
            spent += usage
        if (result := output.result(job, recorded)) is not None:
            found[job.key] = result
    if spent != Usage():
        budget.spend(spent)
    board.known(list(found.values()), spent)
    return found


def _facts(plan: _Plan, outcome: Outcome, model: str) -> dict[str, Any]:
    """What ``results.json`` holds: the official counts of the first attempts if they were graded, and every attempt."""
    facts: dict[str, Any] = {"run_id": plan.run_id, "tasks": len(plan.tasks)}
    if plan.evaluate:
        from tasks.grading import Prediction, write_reports

        first = [result for result in outcome.results if result.job.attempt == 1 and result.finished]
        predictions = {
            result.job.task.id: Prediction(task_id=result.job.task.id, model=model, patch=result.patch)
            for result in first
        }
        verdicts = [result.verdict for result in first if result.verdict is not None]
        write_reports(outcome.output, plan.run_id, plan.tasks, predictions, verdicts)
        facts = json.loads((outcome.output / RESULTS).read_text("utf-8"))
    ended = Counter(result.status for result in outcome.results)
    return facts | {
        "attempts_ended": dict(ended.most_common()),
        "infrastructure": [result.job.name for result in outcome.results if result.infrastructure],
        "stopped_by_the_run": [
            result.job.name for result in outcome.results if result.status in (Status.RUN_LIMIT, Status.INTERRUPTED)
        ],
        "not_begun": [job.name for job in outcome.left],
        "attempts": [result.as_json() for result in outcome.results],
    }
