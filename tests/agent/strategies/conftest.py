"""A task, a sandbox and a scripted model for strategies; every test looks at what was recorded."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from agent.budget import Budget
from agent.config_files import load_config
from agent.models.base import Model
from agent.strategies.tree import Tree, open_tree
from tasks.task import Task
from tests.agent.conftest import TOOLS, git, scripted

ISSUE = "`add` in `calc.py` subtracts.\n\n>>> from calc import add\n>>> add(2, 3)\n-1\n\nIt should give 5.\n"
#: Stands in everything that an agent must not see.
CANARY = "canary-5f2c"

Run = Callable[..., Tree]


@pytest.fixture
def tree(repository: Path, tmp_path: Path) -> Iterator[Run]:
    """Opens an attempt by a strategy, with scripted replies or a model, and settings as ``--set`` takes them."""
    with contextlib.ExitStack() as stack:

        def make(
            strategy: str,
            *replies: dict[str, Any],
            model: Model | None = None,
            settings: tuple[str, ...] = (),
            output: str = "attempt",
            issue: str = ISSUE,
            budget: Budget | None = None,
        ) -> Tree:
            chosen = ["aci.review_submit=false", f"agent.tools=[{', '.join(TOOLS)}]", f"agent.strategy={strategy}"]
            config = load_config([], [*chosen, *settings])
            task = Task(
                id="calc",
                repo=str(repository),
                base_commit=git(repository, "rev-parse", "HEAD").strip(),
                problem_statement=issue,
                patch=f"+{CANARY}",
                test_patch=f"+++ b/test_hidden.py\n+{CANARY}",
                fail_to_pass=(f"test_{CANARY}",),
            )
            sandbox = stack.enter_context(contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))))
            return stack.enter_context(
                open_tree(
                    task=task,
                    sandbox=sandbox,
                    model=model or scripted(*replies),
                    config=config,
                    trajectory=tmp_path / output / "trajectory.jsonl",
                    listener=lambda event: None,
                    budget=budget,
                )
            )

        yield make


def texts(directory: Path) -> str:
    """Everything that was recorded of an attempt, trials and all."""
    return "\n".join(file.read_text() for file in sorted(directory.rglob("*")) if file.is_file())
