"""How the tests of a repository are run: the command, and who reads its output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

ParserName = Literal["pytest", "unittest", "django", "jest", "mocha", "tap", "go", "cargo", "auto"]


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
