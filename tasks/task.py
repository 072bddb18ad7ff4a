"""The task: one problem to solve, in the fields of a SWE-bench row and a few more."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field

from aci_tools.output import whole_characters
from aci_tools.variables import check_variables


def _text(value: object) -> object:
    """Data sets write a missing text as null and a time as text or as a date."""
    if value is None:
        return ""
    return value.isoformat() if isinstance(value, date) else value


def _shown(value: object) -> object:
    """A text that a model is to read; no provider takes halves of characters, which JSON can hold."""
    return whole_characters(value) if isinstance(value, str) else value


def _names(value: object) -> object:
    """Data sets write a list of tests as a list, as the JSON text of one, or not at all."""
    if value is None or value == "":
        return ()
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except (ValueError, RecursionError) as error:
        raise ValueError("neither a list nor the JSON text of one") from error
    if not isinstance(parsed, list):
        raise ValueError("the JSON text is not a list")
    return parsed


def _variables(value: dict[str, str]) -> dict[str, str]:
    check_variables(value)
    return value


Text = Annotated[str, BeforeValidator(_text)]
Shown = BeforeValidator(_shown)
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Variables = Annotated[dict[str, str], AfterValidator(_variables)]


class Sdist(BaseModel):
    """A source distribution on the package index that serves as the repository where its git host cannot be reached.

    Attributes:
        package: Name on the index.
        release: Version.
        file: Name of the file.
        sha256: Digest of the file in hexadecimal, ``None`` to take what the index gives.
        env: Variables for installing it.
        test_command: The test command on it, where it differs (a distribution lacks some files).
        p2p_exclude: Tests of PASS_TO_PASS that cannot pass on it.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    package: str
    release: str
    file: str = ""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$")
    env: Variables = Field(default_factory=dict)
    test_command: str = Field("", validation_alias=AliasChoices("test_command", "test_cmd"))
    p2p_exclude: Names = ()


class Environment(BaseModel):
    """How to make a task's repository run.

    Attributes:
        image: Base image to build on; ``None`` for the configured one.
        python: Version of Python, such as ``3.11``.
        install: Shell commands that install it, run in one shell at the top of the repository.
        pip: Every package of the environment with its version, as ``pip freeze`` lists them; what ``install`` installs
            in other versions is replaced.
        env: Variables of every command.
        test_command: Shell command that runs the tests that judge, ``""`` to find one out.
        parser: Name of the parser of what that command reports, ``""`` to find one out.
        report: File that the command writes its report to, relative to the repository, ``""`` for none. The parsers
            ``jest``, ``mocha`` and ``rspec`` read JSON there; ``junit``, ``maven``, ``gradle``, ``phpunit`` JUnit XML.
        timeout: Seconds that the tests may take; ``None`` for the evaluator's own limit.
        p2p_exclude: Tests of PASS_TO_PASS that cannot pass in this environment.
        normalize_test_ids: How test ids of this environment differ from the row's: ``django-3.11`` or nothing.
        source: Where the repository can be had, such as ``github:owner/name``; ``""``: at the task's ``repo``.
        sdist: A source distribution that serves instead.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    image: str | None = None
    python: str | None = None
    install: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    env: Variables = Field(default_factory=dict)
    test_command: str = Field("", validation_alias=AliasChoices("test_command", "test_cmd"))
    parser: str = ""
    report: str = ""
    timeout: float | None = Field(None, gt=0)
    p2p_exclude: Names = ()
    normalize_test_ids: Literal["django-3.11"] | None = None
    source: str = ""
    sdist: Sdist | None = None


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
        setup_patch: What the repository in ``image`` lacks of the base commit: a bug that was put in. Never shown to an
            agent.
        fail_to_pass: Tests that a solution makes pass. Never shown to an agent.
        pass_to_pass: Tests that a solution leaves passing. Never shown to an agent.
        version: Version of the package at the base commit.
        created_at: When the issue or its solution was written, ISO 8601.
        environment_setup_commit: The commit whose requirements the environment is built from.
        image: Container image that the repository runs in.
        environment: How to make the repository run, where no image does.
        eval_script: SWE-bench's script that runs the judging tests in its published image. Never shown to an agent.
        log_parser: Name of SWE-bench's parser of what that script prints; ``""`` where the task is not SWE-bench's.
        eval_type: ``pass_and_fail``; or ``fail_only`` where a test that is not reported has passed.
        files: The repository itself, text by path, where it is a few files and no repository anywhere.
        set: Name of the data set that the task came from, ``""`` when unknown.
        source: Where the task came from, such as ``{"kind": "github", "url": ...}``.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    id: str = Field(alias="instance_id", min_length=1)
    repo: str
    base_commit: str
    problem_statement: Annotated[str, Shown]
    hints_text: Annotated[Text, Shown] = ""
    patch: Text = ""
    test_patch: Text = ""
    setup_patch: Text = ""
    fail_to_pass: Names = Field((), alias="FAIL_TO_PASS")
    pass_to_pass: Names = Field((), alias="PASS_TO_PASS")
    version: Text = ""
    created_at: Text = ""
    environment_setup_commit: Text = ""
    image: str | None = None
    environment: Environment | None = None
    eval_script: Text = ""
    log_parser: Text = ""
    eval_type: Literal["pass_and_fail", "fail_only"] = "pass_and_fail"
    files: dict[str, str] = Field(default_factory=dict)
    set: str = ""
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

    @property
    def judged(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """FAIL_TO_PASS, and PASS_TO_PASS without the tests that cannot pass in the task's environment."""
        excluded = frozenset(self.environment.p2p_exclude if self.environment else ())
        return self.fail_to_pass, tuple(test for test in self.pass_to_pass if test not in excluded)

    def on_sdist(self) -> Task:
        """The task as it is on the source distribution instead of the repository; itself where there is none."""
        environment = self.environment
        if environment is None or environment.sdist is None:
            return self
        sdist = environment.sdist
        changed = {
            "env": {**environment.env, **sdist.env},
            "test_command": sdist.test_command or environment.test_command,
            "p2p_exclude": tuple(dict.fromkeys((*environment.p2p_exclude, *sdist.p2p_exclude))),
        }
        return self.model_copy(update={"environment": environment.model_copy(update=changed)})
