"""Repositories of a few files, and what is found out about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.environments import Proposal, Tree, propose

Detect = Callable[[dict[str, str]], Proposal]


@pytest.fixture
def detect(tmp_path: Path, new_repository: Any) -> Detect:
    """What a repository of the given files needs."""

    def look(files: dict[str, str]) -> Proposal:
        made = new_repository(tmp_path / "project")
        made.commit("One", **files)
        return propose(Tree(made.path))

    return look
