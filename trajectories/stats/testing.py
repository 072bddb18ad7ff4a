"""What the agent's own runs of tests said."""

from __future__ import annotations

import re

from trajectories.stats.localisation import command_of
from trajectories.stats.reader import Action, Recorded

#: A runner of tests where a command begins, variables, a time limit and an interpreter before it aside.
_RUNNERS = re.compile(
    r"""(?:^|[;&|(\n])\s*
        (?:\w+=\S*\s+|timeout\s+\S+\s+|(?:uv|poetry)\s+run\s+)*
        (?:\S*python[\d.]*\s+(?:-\S+\s+(?:ignore\s+)?)*)?
        (?:\S*/)?(?:
            pytest|py\.test|unittest|tox|nosetests|runtests\.py|manage\.py\s+test|bin/test
            |(?:cargo|go|npm|yarn)\s+(?:run\s+)?test
        )(?=[\s;&|)]|$)""",
    re.VERBOSE,
)


def last_tests(recorded: Recorded) -> tuple[bool | None, bool]:
    """What the last run of tests said, and whether no file changed after it.

    A run of tests is a call of ``run_tests``, or a shell command that starts a well-known runner (pytest, unittest,
    tox, Django's, SymPy's, cargo, go, npm). It passed if the action did what was asked: for a shell, exit code 0.

    Returns:
        ``None`` and ``False`` where the agent ran no tests.
    """
    verdict: bool | None = None
    fresh = False
    for step in recorded.steps:
        for action in step.actions:
            if action.observed and runs_tests(action):
                verdict, fresh = action.ok, True
            elif action.changed:
                fresh = False
    return verdict, fresh


def runs_tests(action: Action) -> bool:
    """Whether an action ran tests."""
    return action.tool == "run_tests" or bool(_RUNNERS.search(command_of(action)))
