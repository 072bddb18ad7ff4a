"""What a process must know to do jobs of a run, and everything that it makes of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.batch.board import Audience
from agent.batch.budget import RunBudget
from agent.batch.output import VERDICTS, Output
from agent.batch.places import Places
from agent.batch.stop import Stop, StoppableModel
from agent.batch.worker import Worker
from agent.computer import computer_settings
from agent.config import Config
from agent.models import open_model
from agent.models.pacer import Pacer

if TYPE_CHECKING:
    from tasks.grading import Evaluator


@dataclass(frozen=True)
class Assignment:
    """The part of a run that is the same for all its jobs; it can be sent to another machine.

    Attributes:
        run_id: Name of the run.
        config: The effective configuration.
        evaluate: Whether attempts are graded.
        cost_limit: US dollars for the whole run; ``None`` for no limit.
    """

    run_id: str
    config: Config
    evaluate: bool
    cost_limit: float | None


@contextlib.contextmanager
def open_worker(
    assignment: Assignment,
    output: Output,
    board: Audience,
    budget: RunBudget,
    stop: Stop,
    pacer: Callable[[str], Pacer] = lambda name: Pacer(),
) -> Iterator[Worker]:
    """What does jobs, with all that belongs to this process: the model, the makers of computers, the grading.

    Args:
        assignment: What is to be done.
        output: Where it is kept.
        board: Told what happens.
        budget: What the run may spend.
        stop: Stops it.
        pacer: The gate before the provider of a model's name.

    Raises:
        UsageError, InfrastructureError: No job could be done here.
    """
    from aci_tools.sandbox.workspace import workspace
    from tasks.images import Computers

    config = assignment.config
    with contextlib.ExitStack() as stack:
        scratch = stack.enter_context(workspace())
        model = stack.enter_context(contextlib.closing(open_model(config.model, board.retry, pacer)))
        model.check()
        computers = Computers(computer_settings(config), board.say)
        evaluator: Evaluator | None = None
        if assignment.evaluate:
            from tasks.grading import Evaluator, Split

            place = computer_settings(config).cache_directory / "splits"
            evaluator = Evaluator(
                computers,
                output.path / VERDICTS,
                run_id=assignment.run_id,
                split=Split(place) if config.tasks.split else None,
                say=board.say,
            )
        places = Places(config, computers, scratch, board, assignment.run_id)
        worker = Worker(config, StoppableModel(model, stop), output, budget, board, places, evaluator)
        stop.at_last(worker.abandon, places.abandon, *([evaluator.abandon] if evaluator is not None else []))
        stack.callback(stop.at_last)
        try:
            yield worker
        except BaseException:  # other threads are still busy, and nobody waits for them any more
            stop.abandon(lambda: None)
            raise
