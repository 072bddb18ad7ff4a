"""Trajectories that other agents really wrote: they import, and come back as they were."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, ModelReplied, Observed, UnknownEvent
from trajectories.exchange import Context, Trajectory, exporter, import_file
from trajectories.exchange.draft import FOREIGN
from trajectories.exchange.source import load

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "trajectories"
FILES = sorted(path for path in DATA.glob("*/*") if not path.name.endswith(".report.json"))

pytestmark = pytest.mark.skipif(not FILES, reason="the collection of real trajectories is not beside the repository")
each = pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")


@each
def test_a_file_comes_back_as_it_was(path: Path, through: Callable[[Path], Any]) -> None:
    assert through(path) == load(path).data


@each
def test_every_attempt_shows_what_happened(path: Path) -> None:
    format, attempts = import_file(path)
    for attempt in attempts:
        first, last = attempt.events[0], attempt.events[-1]
        assert isinstance(first, AttemptStarted)
        assert isinstance(last, AttemptEnded)
        assert first.task["id"]
        assert [event.seq for event in attempt.events] == list(range(len(attempt.events)))
        # What we have no word for is of one type, and little.
        unknown = [event for event in attempt.events if isinstance(event, UnknownEvent)]
        assert all(event.type == FOREIGN for event in unknown)
        actions = [event for event in attempt.events if isinstance(event, ActionTaken)]
        assert format == "preds" or any(isinstance(event, ModelReplied) for event in attempt.events)
        if "swe-agent" in format:
            assert len(actions) == len([event for event in attempt.events if isinstance(event, Observed)])
            assert last.status == "submitted"


@each
def test_a_file_becomes_valid_atif(path: Path) -> None:
    atif = pytest.importorskip("atif")
    attempts = import_file(path)[1]
    for document in exporter("atif").write([Trajectory(attempt.events) for attempt in attempts], Context()):
        written = json.loads(document.content)
        atif.Trajectory.model_validate(written)
        assert written["schema_version"] == "ATIF-v1.8"


@each
def test_a_file_becomes_every_other_format(path: Path) -> None:
    trajectories = [Trajectory(attempt.events, attempt.name) for attempt in import_file(path)[1]]
    for format in ("swe-agent", "mini-swe-agent", "openhands", "preds", "openai", "sharegpt"):
        assert exporter(format).write(trajectories, Context())


def test_swe_agents_commands_become_calls_of_our_tools() -> None:
    names: dict[str, set[str]] = {}
    for path in FILES:
        if path.parent.name != "swe-agent":
            continue
        for event in import_file(path)[1][0].events:
            if isinstance(event, ActionTaken):
                names.setdefault(path.name, set()).add(event.call.name)
    for found in names.values():
        assert {"bash", "create", "edit", "find_file", "open", "submit"} <= found
