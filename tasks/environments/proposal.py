"""What a repository needs to run its tests, as found out or as pinned, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Proposal:
    """How to make a repository's environment.

    Attributes:
        image: Container image to build on, where another than the default one is needed.
        packages: Debian packages.
        toolchain: Debian packages of the language, which ``image`` brings along where it is used.
        install: Shell commands, run in one shell at the top of the repository, with a network.
        env: Variables of the installation and of every command afterwards.
        test_command: Command that runs the tests; ``""``: found out by the test runner.
        parser: Name of the parser of its output; ``""``: by the command.
        inputs: Patterns of the files that decide what ``install`` does.
        why: What was concluded from what, a sentence each.
        notes: What the environment will lack, a sentence each.
        pinned: Whether the repository says it itself.
    """

    image: str | None = None
    packages: tuple[str, ...] = ()
    toolchain: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    test_command: str = ""
    parser: str = ""
    inputs: tuple[str, ...] = ()
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    pinned: bool = False

    @property
    def empty(self) -> bool:
        """Whether the default image serves as it is."""
        return not (self.image or self.packages or self.toolchain or self.install or self.env)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "image": self.image,
            "packages": sorted({*self.toolchain, *self.packages}),
            "install": list(self.install),
            "env": dict(self.env),
            "test_command": self.test_command,
            "parser": self.parser,
            "why": list(self.why),
            "notes": list(self.notes),
            "pinned": self.pinned,
        }


@dataclass(frozen=True)
class Needs:
    """What one language of a repository needs.

    Attributes:
        language: Its name, for the user.
        tests: Whether the repository has tests in it.
        toolchain: As in `Proposal`.
        packages: As in `Proposal`.
        install: As in `Proposal`.
        env: As in `Proposal`.
        inputs: As in `Proposal`.
        image: As in `Proposal`.
        why: As in `Proposal`.
        notes: As in `Proposal`.
    """

    language: str
    tests: bool
    toolchain: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    install: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    image: str | None = None
    why: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
