"""The task: one problem to solve, in the fields of a SWE-bench row and a few more."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


def _text(value: object) -> object:
    """Data sets write a missing text as null and a time as text or as a date."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else value


def _names(value: object) -> object:
    """Data sets write a list of tests as a list, as the JSON text of one, or not at all."""
    if value is None or value == "":
        return ()
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except ValueError as error:
        raise ValueError("neither a list nor the JSON text of one") from error
    if not isinstance(parsed, list):
        raise ValueError("the JSON text is not a list")
    return parsed


Text = Annotated[str, BeforeValidator(_text)]
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Environment(BaseModel):
    """How to make a task's repository run.

    Attributes:
        python: Version of Python, such as ``3.11``.
        install: Shell commands that install it, run at the top of the repository.
        test_command: Shell command that runs its tests, ``""`` to find one out.
        parser: Name of the parser of what that command prints, ``""`` to find one out.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    python: str | None = None
    install: tuple[str, ...] = ()
    test_command: str = ""
    parser: str = ""


class Task(BaseModel):
    """One problem to solve: a repository at a commit, a problem statement, and how a solution is graded.

    Reads a SWE-bench row as it is; columns that it does not know are ignored.

    Attributes:
        id: Unique name; SWE-bench calls it ``instance_id``.
        repo: Where the repository is: ``owner/name`` in data sets, else a path or a clone URL.
        base_commit: The commit that the problem is solved at.
        problem_statement: What is wrong, as told to the agent.
        hints_text: Comments made on the issue before it was solved.
        patch: The known solution. Never shown to an agent.
        test_patch: The tests that judge a solution. Never shown to an agent.
        fail_to_pass: Tests that a solution makes pass. Never shown to an agent.
        pass_to_pass: Tests that a solution leaves passing. Never shown to an agent.
        version: Version of the package at the base commit.
        created_at: When the issue or its solution was written, ISO 8601.
        environment_setup_commit: The commit whose requirements the environment is built from.
        image: Container image that the repository runs in.
        environment: How to make the repository run, where no image does.
        source: Where the task came from, such as ``{"kind": "github", "url": ...}``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: str = Field(alias="instance_id", min_length=1)
    repo: str
    base_commit: str
    problem_statement: str
    hints_text: Text = ""
    patch: Text = ""
    test_patch: Text = ""
    fail_to_pass: Names = Field((), alias="FAIL_TO_PASS")
    pass_to_pass: Names = Field((), alias="PASS_TO_PASS")
    version: Text = ""
    created_at: Text = ""
    environment_setup_commit: Text = ""
    image: str | None = None
    environment: Environment | None = None
    source: dict[str, str] = Field(default_factory=dict)

    def public(self, *, hints: bool = False) -> dict[str, Any]:
        """What an agent may know, and what a trajectory records.

        Args:
            hints: Whether the hints are part of it.
        """
        known: dict[str, Any] = {
            "id": self.id,
            "repo": self.repo,
            "base_commit": self.base_commit,
            "problem_statement": self.problem_statement,
            "source": dict(self.source),
        }
        return known | {"hints_text": self.hints_text} if hints else known
