"""What the benchmark must know of a program: one small module for each, in :mod:`benchmarks.peers.adapters`.

A new peer is one file there that has the names of :class:`Adapter`; nothing else changes. A module can hold a program
of its own for the peer's Python (``if __name__ == "__main__"``) where the peer has no command that does the work. It is
then read by both Pythons, so that its top imports the standard library only.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

#: What a model says: ``{"content": TEXT}`` or ``{"tool": NAME, "arguments": {...}}``, with content or without.
Reply = dict[str, Any]

MODEL = "played"
KEY = "sk-played"
TASK = "`add` of calc.py subtracts. Make it add."
WORKDIR = "/testbed"


@dataclass(frozen=True)
class Job:
    """Attempts to make, all at once.

    Attributes:
        place: An empty directory for all that the program writes.
        home: The program's home, the same in every run, as a user has one.
        python: The Python that the program is installed in.
        address: The OpenAI-compatible server, ending with ``/v1``, as a process of this machine reaches it.
        from_container: The same server as a process in a container on the default network reaches it.
        image: Container image with the repository in :data:`WORKDIR`, and what the adapter's ``LAYER`` adds.
        commit: The repository's commit.
        attempts: How many attempts on :data:`TASK`.
        steps: Model calls of each.
    """

    place: Path
    home: Path
    python: Path
    address: str
    from_container: str
    image: str
    commit: str
    attempts: int
    steps: int


@dataclass(frozen=True)
class Command:
    """How a program is started.

    Attributes:
        arguments: Program and arguments; it runs in the job's place until all attempts have ended.
        env: Variables beside those of this process.
    """

    arguments: Sequence[str | Path]
    env: dict[str, str] = field(default_factory=dict)


class Adapter(Protocol):
    """What a module in ``adapters`` has.

    Attributes:
        TITLE: The program's name in tables.
        PYTHON: The oldest Python that it runs with.
        REQUIREMENTS: What pip installs into its virtual environment; the first one's version is reported.
        LAYER: Lines of a Dockerfile for what it needs in the container beside the common image.
        WAIT: The reply that makes it look again, where it does not wait for the end of a command; else ``None``.
        UNABLE: Measures, by their names in :mod:`benchmarks.peers.measures`, that it cannot do, and why.
        NOTES: What a reader must know to read its figures rightly.
    """

    TITLE: str
    PYTHON: tuple[int, int]
    REQUIREMENTS: Sequence[str]
    LAYER: str
    WAIT: Reply | None
    UNABLE: dict[str, str]
    NOTES: Sequence[str]

    def act(self, command: str) -> Reply:
        """The model's reply that makes the program run a shell command."""

    def end(self) -> list[Reply]:
        """The replies that end an attempt."""

    def start(self, job: Job) -> Command:
        """Write what the program needs into the job's place; how to start it."""


def adapters() -> dict[str, Adapter]:
    """Every adapter by the name of its module, ours first."""
    from benchmarks.peers import adapters as package

    names = sorted((module.name for module in pkgutil.iter_modules(package.__path__)), key=lambda n: (n != "ours", n))
    return {name: _checked(name, importlib.import_module(f"{package.__name__}.{name}")) for name in names}


def _checked(name: str, module: Any) -> Adapter:
    wanted = ("TITLE", "PYTHON", "REQUIREMENTS", "LAYER", "WAIT", "UNABLE", "NOTES", "act", "end", "start")
    if missing := [what for what in wanted if not hasattr(module, what)]:
        raise SystemExit(f"benchmarks/peers/adapters/{name}.py lacks {', '.join(missing)}")
    adapter: Adapter = module
    return adapter
