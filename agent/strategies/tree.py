"""An attempt that a strategy spends as a tree of trials. To whoever runs it, it is like one attempt of the loop."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from aci_tools.errors import SandboxError, UsageError
from aci_tools.sandbox import Sandbox
from agent.attempt import blind, first_event
from agent.budget import AttemptOver, Budget
from agent.config import Config
from agent.config_files import laid_over
from agent.history import elapsed
from agent.human.base import Companion
from agent.loop import Listener
from agent.models import Model, ModelError
from agent.status import Status
from agent.strategies import Solver, compose, parse
from agent.strategies.base import Brief, Candidate
from agent.strategies.bench import Bench
from agent.strategies.evaluators import evaluators
from tasks.task import Task
from trajectories.events import AttemptEnded, AttemptStarted, PatchChanged, Resumed
from trajectories.log import EventLog


class Tree:
    """One attempt, spent by a strategy.

    Args:
        started: The first event.
        bench: What the strategy works with.
        solver: The strategy.
        log: The root trajectory; where it has events, the attempt goes on from there.

    Attributes:
        patch: The patch, with whatever looks like a secret left in it.
    """

    def __init__(self, started: AttemptStarted, bench: Bench, solver: Solver, log: EventLog) -> None:
        self.patch = ""
        self._started, self._bench, self._solver, self._log = started, bench, solver, log

    @property
    def about(self) -> str:
        """What it is, for the user."""
        return str(self._started.config["agent"]["strategy"])

    def run(self) -> AttemptEnded:
        """Work until the end, and say how it ended. Raises only what is a programming error."""
        bench = self._bench
        self._begin()
        try:
            chosen = self._solver(bench, Brief())
        except AttemptOver as over:
            return self._end(over.status, over.detail, bench.best)
        except ModelError as error:
            return self._end(Status.MODEL_ERROR, str(error), bench.best)
        except SandboxError as error:
            return self._end(Status.SANDBOX_LOST, str(error), bench.best)
        except KeyboardInterrupt:
            return self._end(Status.INTERRUPTED, "interrupted", bench.best)
        return self._end(Status.of(chosen.status), chosen.detail, chosen)

    def abandon(self) -> None:
        """Record nothing more, because the process ends and takes the sandbox away."""
        self._bench.abandon()

    def _begin(self) -> None:
        events = self._log.events
        if not events:
            self._bench.record(self._started)
            return
        took = 0.0
        for before, event in itertools.pairwise(events):
            took = elapsed(took, before, event)
        self._bench.budget.go_on(took)
        limits = self._bench.config.limits.model_dump(mode="json")
        self._bench.record(Resumed(steps=self._bench.budget.steps, model=self._bench.model.name, limits=limits))

    def _end(self, status: Status, detail: str, chosen: Candidate | None) -> AttemptEnded:
        bench = self._bench
        self.patch = chosen.patch if chosen is not None else ""
        ended = AttemptEnded(
            status=status,
            detail=detail,
            patch=self.patch,
            steps=bench.budget.steps,
            usage=bench.budget.usage,
            duration=bench.budget.elapsed,
        )
        if self.patch:
            bench.record(PatchChanged(step=bench.budget.steps, patch=self.patch))
        return bench.record(ended)


@contextlib.contextmanager
def open_tree(
    *,
    task: Task,
    sandbox: Sandbox,
    model: Model,
    config: Config,
    trajectory: Path,
    listener: Listener,
    companion: Companion | None = None,
    base: str = "",
    budget: Budget | None = None,
) -> Iterator[Tree]:
    """An attempt that the configured strategy spends, ready to run; one whose trajectory has events goes on from them.

    Args:
        task: What is to be solved.
        sandbox: A computer with its repository at the base commit.
        model: The model, which other attempts may use at the same time.
        config: The effective configuration.
        trajectory: The file of the root; trials are recorded beside it.
        listener: Shown every event.
        companion: Who is beside its trials; default: nobody.
        base: The commit that the repository is at; default: the task's base commit.
        budget: What it may spend; default: the configured limits.

    Raises:
        UsageError, InfrastructureError: The strategy is unknown, a file cannot be used, or the sandbox was lost.
    """
    strategies = parse(config.agent.strategy)
    for settings in config.strategy.variants:
        laid_over(config, settings, "strategy.variants")
    task = blind(task)
    with EventLog(trajectory) as log:
        started = next((event for event in log.events if isinstance(event, AttemptStarted)), None)
        if log.events and started is None:
            raise UsageError(f"{trajectory} does not begin with the start of an attempt: it cannot be gone on with")
        commit = base or task.base_commit
        bench = Bench(
            task=task,
            base=commit,
            sandbox=sandbox,
            model=model,
            config=config,
            log=log,
            budget=budget or Budget(config.limits),
            listener=listener,
            companion=companion,
        )
        bench.evaluators = evaluators(config)
        begun = started or first_event(config, task, sandbox, commit, model.name)
        yield Tree(begun, bench, compose(strategies), log)
