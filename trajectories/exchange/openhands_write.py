"""Writes OpenHands' files: what came from it as it was, all else as actions and observations of its version 0."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from typing import Any

from trajectories.events import ActionTaken, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange.base import Context, Document, Trajectory, Tree, encode_lines, file_name
from trajectories.exchange.draft import file_of, files, pack
from trajectories.exchange.foreign import parts
from trajectories.exchange.openhands import FORMAT
from trajectories.exchange.source import as_mapping
from trajectories.exchange.turns import Turn


class OpenHandsExporter:
    """A list of events an attempt; runs that were imported together are written together."""

    name = FORMAT
    summary = "OpenHands event list, or the file that was imported"
    tree: Tree = "chosen"

    def write(self, trajectories: Sequence[Trajectory], context: Context) -> list[Document]:
        """See the class."""
        documents = []
        for group in files(trajectories, FORMAT):
            origin = file_of(group[0], FORMAT)
            if origin.get("container") == "lines of one":
                documents.append(Document(file_name(str(origin.get("name"))), encode_lines(_events(group[0])[0])))
            else:
                documents.append(pack(group, FORMAT, [_document(trajectory) for trajectory in group], ".json"))
        return documents


def _document(trajectory: Trajectory) -> Any:
    items, kept = _events(trajectory)
    rest, key = as_mapping(kept.get("rest")), kept.get("key")
    if not rest:
        return items
    return {name: items if name == key else value for name, value in rest.items()}


def _events(trajectory: Trajectory) -> tuple[list[Any], dict[str, Any]]:
    items: list[Any] = []
    kept: dict[str, Any] = {}
    for turn, event, restored, _ in parts(trajectory.events, FORMAT, trajectory.patch):
        if restored is None:
            items.extend(_said(turn, event))
            continue
        if isinstance(event, AttemptStarted):
            kept = as_mapping(next(iter(restored.get("document", [])), None))
        items.extend(restored.get("event", []))
        items.extend([first] for first in restored.get("first of pair", []))
        for further in (*restored.get("second of pair", []), *restored.get("more of pair", [])):
            if items and isinstance(items[-1], list):
                items[-1].append(further)
    return items, kept


def _said(turn: Turn, event: Event) -> list[dict[str, Any]]:
    common = {"timestamp": datetime.datetime.fromtimestamp(event.time, datetime.UTC).replace(tzinfo=None).isoformat()}
    match event:
        case Message():
            kind, source = ("system", "agent") if event.role == "system" else ("message", "user")
            return [{**common, "source": source, "action": kind, "args": {"content": event.content}}]
        case ModelReplied() if not turn.actions:
            return [{**common, "source": "agent", "action": "message", "args": {"content": event.content}}]
        case ActionTaken():
            kind = {"bash": "run", "submit": "finish"}.get(event.call.name, event.call.name)
            arguments = {**event.call.arguments, "thought": event.thought}
            return [{**common, "source": "agent", "action": kind, "args": arguments}]
        case Observed():
            seen = {"observation": "run", "content": event.text, "extras": dict(event.data), "success": event.ok}
            return [{**common, "source": "agent", **seen}]
    return []
