"""Attempts written with the real log, a step a line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Usage,
)
from trajectories.log import EventLog


def diff(path: str, old: str = "a", new: str = "b") -> str:
    """A patch that changes the only line of a file."""
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-{old}\n+{new}\n"


class Script:
    """Writes one attempt. Every method is a step or an end, and returns the script.

    Args:
        path: The trajectory file.
        task: Id of the task.
    """

    def __init__(self, path: Path, task: str = "t", repo: str = "o/r", model: str = "m") -> None:
        self.path = path
        self._log = EventLog(path)
        self._step = 0
        known = {"id": task, "repo": repo, "problem_statement": "It is broken."}
        started = AttemptStarted(attempt_id="x", task=known, model=model, sandbox={"workdir": "/testbed"})
        self._log.append(started)

    def reply(self, **usage: Any) -> Script:
        """A model call; the actions that follow are its own."""
        self._step += 1
        spent = {"prompt_tokens": 100, "completion_tokens": 10, "cached_tokens": 50, "cost": 0.01, **usage}
        self._log.append(ModelReplied(step=self._step, usage=Usage(**spent), duration=2.0))
        return self

    def act(self, tool: str, arguments: dict[str, Any] | None = None, text: str = "done", **result: Any) -> Script:
        """An action of the present step and its observation."""
        call_id = f"call_{self._step}_{len(self._log.events)}"
        self._log.append(ActionTaken(step=self._step, call=Call(id=call_id, name=tool, arguments=arguments or {})))
        code = result.get("code", "")
        result = {"ok": not code, "duration": 0.5, **result}
        self._log.append(Observed(step=self._step, call_id=call_id, text=text, **result))
        return self

    def do(self, tool: str, arguments: dict[str, Any] | None = None, text: str = "done", **result: Any) -> Script:
        """A step with one action."""
        return self.reply().act(tool, arguments, text, **result)

    def edit(self, path: str, tool: str = "edit", code: str = "", new: str = "b", **arguments: Any) -> Script:
        """A step that edits a file, or fails to with a code."""
        changed = not code
        self.do(tool, {"path": path, **arguments}, f"Edited {path}.", code=code, changed=changed, data={"path": path})
        if changed:
            self._log.append(PatchChanged(step=self._step, patch=diff(path, new=new)))
        return self

    def malformed(self, code: str = "no-action") -> Script:
        self.reply()
        self._log.append(Message(role="user", purpose="correction", content="?", code=code, step=self._step))
        return self

    def end(self, status: str = "submitted", patch: str = "", seconds: float = 60.0) -> Path:
        self._log.append(AttemptEnded(status=status, patch=patch, steps=self._step, duration=seconds))
        return self.stop()

    def stop(self) -> Path:
        """Killed: no end is written."""
        self._log.close()
        return self.path


@pytest.fixture
def write(tmp_path: Path) -> Any:
    """Begins an attempt of a task in a run's directory."""

    def begin(task: str = "t", attempt: int = 1, **more: Any) -> Script:
        return Script(tmp_path / "run" / "attempts" / task / str(attempt) / "trajectory.jsonl", task, **more)

    return begin
