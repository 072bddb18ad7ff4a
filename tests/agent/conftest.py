"""A small real repository, sandboxes on it, and attempts whose model plays a script."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aci_tools.guard import Guard
from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.tools import toolset
from agent.budget import Budget
from agent.config_files import load_config
from agent.formats import make_format
from agent.human.base import Companion, Nobody
from agent.loop import Attempt, Listener
from agent.models.base import Model
from agent.models.scripted import ScriptedModel, ScriptedReply
from trajectories.events import AttemptStarted, Event, Message
from trajectories.log import EventLog

CALC = "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a * 2\n"
TOOLS = ["open", "bash", "rewrite_function", "submit"]
OPENING = [
    Message(role="system", purpose="system", content="Rules."),
    Message(role="user", purpose="task", content="add subtracts."),
]


def git(directory: Path, *arguments: str) -> str:
    safe = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    done = subprocess.run(["git", *arguments], cwd=directory, env=os.environ | safe, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with ``calc.py``, in which ``add`` subtracts."""
    place = tmp_path / "project"
    place.mkdir()
    (place / "calc.py").write_text(CALC)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Begin")
    return place


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What sandboxes keep on disk goes to the test's own directory."""
    monkeypatch.setenv("PATCHWRIGHT_STATE", str(tmp_path / "state"))


@pytest.fixture
def session(repository: Path) -> Iterator[Session]:
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        yield Session(sandbox, SessionSettings(), Guard.for_sandbox(sandbox))


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    """A scripted reply with one native tool call."""
    return {"tool_calls": [{"name": tool, "arguments": arguments}]}


def fix(body: str = "return a + b") -> dict[str, Any]:
    """A scripted reply that rewrites ``add``."""
    return call("rewrite_function", path="calc.py", name="add", code=f"def add(a, b):\n    {body}\n")


SUBMIT = call("submit")


def scripted(*replies: dict[str, Any]) -> ScriptedModel:
    return ScriptedModel([ScriptedReply.model_validate(reply) for reply in replies])


MakeAttempt = Callable[..., Attempt]


@pytest.fixture
def attempt(session: Session, tmp_path: Path) -> Iterator[MakeAttempt]:
    """Makes an attempt from scripted replies, or from a model, and settings as ``--set`` takes them."""
    with contextlib.ExitStack() as stack:

        def make(
            *replies: dict[str, Any],
            model: Model | None = None,
            settings: tuple[str, ...] = (),
            format: str = "tool_calls",
            listener: Listener = lambda event: None,
            log: str = "trajectory.jsonl",
            budget: Budget | None = None,
            session: Session = session,
            companion: Companion | None = None,
        ) -> Attempt:
            config = load_config([], ["aci.review_submit=false", f"agent.tools={json.dumps(TOOLS)}", *settings])
            return Attempt(
                started=AttemptStarted(attempt_id="a1"),
                opening=OPENING,
                session=session,
                model=model or scripted(*replies),
                format=make_format(format),
                tools=toolset(config.agent.tools),
                config=config,
                log=stack.enter_context(EventLog(tmp_path / log)),
                listener=listener,
                companion=companion or Nobody(),
                budget=budget or Budget(config.limits),
            )

        yield make


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]
