"""What the tests of exchange share: small attempts, documents on disk, and the way through a stored trajectory."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Usage,
)
from trajectories.exchange import Context, Imported, Trajectory, exporter, find_trajectories, import_file, store
from trajectories.redact import Redactor

PATCH = """diff --git a/calc.py b/calc.py
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""


def small_attempt(
    attempt: str = "a1", patch: str = PATCH, command: str = "ls", status: str = "submitted", native: bool = True
) -> list[Event]:
    """An attempt of two steps, the second with a malformed first try."""
    call = Call(id="c1" if native else "", name="bash", arguments={"command": command})
    calls = [{"id": "c1", "name": "bash", "arguments": json.dumps({"command": command})}] if native else []
    done = [{"id": "c2", "name": "submit", "arguments": "{}"}] if native else []
    text = "I look around." if native else f"I look around.\n```\nbash\n{command}\n```"
    events: list[Event] = [
        AttemptStarted(
            attempt_id=attempt,
            model="some/model",
            task={"id": "calc-1", "repo": "calc", "base_commit": "abc", "problem_statement": "add subtracts"},
            tools=["bash", "submit"],
            versions={"patchwright": "0.1.0"},
        ),
        Message(role="system", purpose="system", content="Fix it."),
        Message(role="user", purpose="task", content="add subtracts"),
        ModelReplied(
            step=1,
            content=text,
            reasoning="Where is it?",
            tool_calls=calls,
            model="some/model",
            usage=Usage(prompt_tokens=100, completion_tokens=10, cached_tokens=50, cost=0.01),
        ),
        ActionTaken(step=1, call=call, thought="I look around."),
        Observed(step=1, call_id=call.id, text="calc.py", data={"exit_code": 0, "cwd": "/testbed"}, duration=0.5),
        PatchChanged(step=1, patch=patch),
        ModelReplied(step=2, content="Hm."),
        Message(role="user", purpose="correction", content="No action. Try again.", code="no-action", step=2),
        ModelReplied(step=3, content="Done.", tool_calls=done),
        ActionTaken(step=3, call=Call(id="c2" if native else "", name="submit"), thought="Done."),
        Observed(step=3, call_id="c2" if native else "", text="Submitted."),
        AttemptEnded(
            status=status, patch=patch, steps=3, usage=Usage(prompt_tokens=300, completion_tokens=30, cost=0.03)
        ),
    ]
    return [event.model_copy(update={"seq": seq, "time": 1.7e9 + seq}) for seq, event in enumerate(events)]


@pytest.fixture
def attempt() -> Callable[..., list[Event]]:
    """Makes a small attempt."""
    return small_attempt


@pytest.fixture
def saved(tmp_path: Path) -> Callable[..., Path]:
    """Writes a document: JSON, or JSON Lines for a list and a name that ends in l."""

    def save(document: Any, name: str = "some.json") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = name.endswith("l") and isinstance(document, list)
        text = "".join(json.dumps(line) + "\n" for line in document) if lines else json.dumps(document)
        path.write_text(text)
        return path

    return save


@pytest.fixture
def imported(tmp_path: Path, saved: Callable[..., Path]) -> Callable[..., list[Imported]]:
    """Imports a document."""

    def read(document: Any, name: str = "some.json", format: str = "auto") -> list[Imported]:
        return import_file(saved(document, name), format)[1]

    return read


@pytest.fixture
def through(tmp_path: Path) -> Callable[[Path], Any]:
    """Imports a file, stores its attempts, reads them back and exports them in the file's own format."""

    def go(path: Path) -> Any:
        format, attempts = import_file(path)
        directory = tmp_path / "stored" / path.name
        store(attempts, directory, Redactor())
        documents = exporter(format).write(find_trajectories(directory), Context())
        assert len(documents) == 1
        content = documents[0].content
        return [json.loads(line) for line in content.splitlines()] if path.suffix == ".jsonl" else json.loads(content)

    return go


@pytest.fixture
def exported() -> Callable[..., Any]:
    """The JSON that attempts become in a format; a list for JSON Lines."""

    def write(format: str, *attempts: Sequence[Event], context: Context | None = None) -> Any:
        documents = exporter(format).write([Trajectory(events) for events in attempts], context or Context())
        assert len(documents) == 1
        content = documents[0].content
        if documents[0].name.endswith(".jsonl"):
            return [json.loads(line) for line in content.splitlines()]
        return json.loads(content)

    return write
