"""Where verdicts are kept, and what they rest on: a directory for each, written whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from pathlib import Path

from tasks.grading.verdict import Verdict
from tasks.locks import locked

#: What the name of a directory begins with in which a verdict is being found.
UNDER_WAY = ".under-way-"


class Store:
    """A directory of verdicts: ``TASK/KEY/verdict.json`` and beside it the logs, the patch, the report.

    Args:
        root: The directory; made when something is written.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._begun: set[Path] = set()

    def directory(self, task_id: str, key: str) -> Path:
        """Where a verdict and what it rests on are kept."""
        return self.root / task_id.replace("/", "__") / key

    def read(self, task_id: str, key: str) -> Verdict | None:
        """A verdict from an earlier run; ``None`` where there is none that can be read."""
        try:
            text = (self.directory(task_id, key) / "verdict.json").read_text("utf-8")
            return Verdict.model_validate(json.loads(text))
        except (OSError, ValueError):
            return None

    def alone(self, key: str) -> contextlib.AbstractContextManager[None]:
        """A ``with`` block in which nobody else, here or in another process, finds the verdict with a key."""
        return locked(self.root / ".held" / key, ".lock")

    def workspace(self, key: str) -> Path:
        """A fresh directory to write in before the verdict with a key is known, for who is `alone` with it.

        What a process that was killed in the middle of the same left there is removed.
        """
        place = self.root / f"{UNDER_WAY}{key}"
        if place.exists():
            shutil.rmtree(place)
        place.mkdir(parents=True, mode=0o700)
        self._begun.add(place)
        return place

    def tidy(self) -> None:
        """Remove workspaces of this object that were not put in their place; others may use the same directory."""
        for left in list(self._begun):
            self.drop(left)

    def drop(self, workspace: Path) -> None:
        """Remove a workspace, if it is still there."""
        shutil.rmtree(workspace, ignore_errors=True)
        self._begun.discard(workspace)

    def keep(self, verdict: Verdict, workspace: Path) -> None:
        """Put a workspace in its place, the verdict with it; an older one of the same name makes way."""
        # Not by pydantic, which refuses names of tests that hold bytes of another encoding.
        text = json.dumps(verdict.model_dump(mode="json"), indent=2)
        (workspace / "verdict.json").write_text(text + "\n", "utf-8")
        place = self.directory(verdict.task_id, verdict.key)
        place.parent.mkdir(parents=True, exist_ok=True)
        workspace.chmod(0o755)
        if place.exists():
            shutil.rmtree(place)
        os.replace(workspace, place)
