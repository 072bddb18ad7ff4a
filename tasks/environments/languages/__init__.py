"""What each language needs, in the order in which `run_tests` looks for tests. A new one is a function in this list."""

from __future__ import annotations

from collections.abc import Callable

from tasks.environments.hints import Hints
from tasks.environments.languages import compiled, javascript, managed, python
from tasks.environments.proposal import Needs
from tasks.environments.tree import Tree

__all__ = ["LANGUAGES"]

LANGUAGES: tuple[Callable[[Tree, Hints], Needs | None], ...] = (
    python.needs,
    javascript.needs,
    compiled.go,
    compiled.rust,
    managed.maven,
    managed.gradle,
    managed.ruby,
    managed.php,
    compiled.cmake,
    compiled.make,
)
