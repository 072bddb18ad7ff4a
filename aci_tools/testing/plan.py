"""How the tests of a repository are run: the command, and who reads its output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

ParserName = Literal[
    "pytest",
    "unittest",
    "django",
    "jest",
    "mocha",
    "tap",
    "go",
    "cargo",
    "maven",
    "gradle",
    "rspec",
    "phpunit",
    "ctest",
    "auto",
]

#: Runners that write a report into the file ``$PATCHWRIGHT_RESULTS``, being asked by the command.
WITH_RESULTS: frozenset[ParserName] = frozenset({"jest", "mocha", "rspec", "phpunit"})

#: Runners that write reports into the repository, and their paths as ``find -path`` takes them.
REPORTS: Mapping[ParserName, str] = {"maven": "*/target/*-reports/TEST-*.xml", "gradle": "*/test-results/*/TEST-*.xml"}


@dataclass(frozen=True, slots=True)
class TestPlan:
    """How tests are run here.

    Attributes:
        command: Shell command that runs all of them. ``{target}`` in it is where a target goes; without it, at the end.
        parser: Who reads the output.
        cwd: Absolute directory inside the sandbox.
        source: What told us, for the user: "pytest.ini", "package.json scripts.test", "test_command".
    """

    __test__: ClassVar[bool] = False

    command: str
    parser: ParserName
    cwd: str
    source: str
