"""An attempt, whether a strategy makes a tree of trials of it or not: what opens one, and what can be done with it."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from aci_tools.sandbox import Sandbox
from agent.budget import Budget
from agent.config import Config
from agent.human.base import Companion
from agent.loop import Listener
from agent.models import Model
from tasks.task import Task
from trajectories.events import AttemptEnded


class Work(Protocol):
    """An attempt that is ready to run."""

    @property
    def patch(self) -> str:
        """The patch so far, with whatever looks like a secret left in it."""

    @property
    def about(self) -> str:
        """How it is done, for the user: the action format, or the strategy."""

    def run(self) -> AttemptEnded:
        """Work until the end, and say how it ended. Raises only what is a programming error."""

    def abandon(self) -> None:
        """Record nothing more, because the process ends and takes the sandbox away."""


def open_work(
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
) -> AbstractContextManager[Work]:
    """An attempt as the configured strategy wants it; one whose trajectory has events goes on from them.

    Args:
        task: What is to be solved.
        sandbox: A computer with its repository at the base commit.
        model: The model, which other attempts may use at the same time.
        config: The effective configuration.
        trajectory: The file that its events go to; those of a strategy's trials go beside it.
        listener: Shown every event.
        companion: Who is beside it; default: nobody.
        base: The commit that the repository is at; default: the task's base commit.
        budget: What it may spend; default: the configured limits.

    Raises:
        UsageError, InfrastructureError: The strategy is unknown, a file cannot be used, or the sandbox was lost.
    """
    from agent.strategies import SINGLE

    if config.agent.strategy == SINGLE:
        from agent.attempt import open_attempt

        return open_attempt(
            task=task, sandbox=sandbox, model=model, config=config, trajectory=trajectory,
            listener=listener, companion=companion, base=base, budget=budget,
        )  # fmt: skip
    from agent.strategies.tree import open_tree

    return open_tree(
        task=task, sandbox=sandbox, model=model, config=config, trajectory=trajectory,
        listener=listener, companion=companion, base=base, budget=budget,
    )  # fmt: skip
