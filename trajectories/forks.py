"""Forks: trajectories that share the beginning of another one. The tree of forks is in their first events."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from trajectories.events import (
    ActionTaken,
    AttemptStarted,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
)
from trajectories.kept import kept_patch
from trajectories.log import TrajectoryError, read_events
from trajectories.redact import Redactor
from trajectories.stats import read_attempt
from trajectories.trees import names_its_root, root_of
from trajectories.verdicts import Verdicts, read_verdicts

_SHARED = (AttemptStarted, Message, ModelReplied, ActionTaken, Observed, PatchChanged)


@dataclass(frozen=True)
class Change:
    """What is different from the end of the shared part on.

    Attributes:
        say: A remark to the model; ``""`` for none.
        reply: The step's reply, where another action is to be executed; ``None``: as it was.
        observation: What the model sees of the step's last action; ``None``: as it was.
        opening: The messages that open the conversation; ``None``: as they were.
    """

    say: str = ""
    reply: ModelReplied | None = None
    observation: str | None = None
    opening: Sequence[Message] | None = None

    @property
    def names(self) -> list[str]:
        """What is changed, in words."""
        named = {"remark": self.say, "action": self.reply, "prompt": self.opening}
        names = [name for name, value in named.items() if value]
        return names + (["observation"] if self.observation is not None else [])


def last_step(events: Iterable[Event]) -> int:
    """The number of the last step; 0 where there is none."""
    return max((event.step for event in events if isinstance(event, ModelReplied)), default=0)


def shared_events(events: Sequence[Event], step: int) -> list[Event]:
    """The events up to the end of a step, or up to the first model call for step 0.

    Raises:
        UsageError: There is no such step; the message says which there are.
    """
    last = last_step(events)
    if not 0 <= step <= last:
        raise UsageError(f"--at {step}: the attempt has the steps 1 to {last}, and 0 stands for its beginning")
    end = 0
    for place, event in enumerate(events):
        if isinstance(event, ModelReplied) and event.step > step:
            break
        # What is said of a repetition, and what leaves the prompt, belongs to what follows: it is decided there anew.
        nudge = isinstance(event, Message) and event.purpose == "nudge"
        if isinstance(event, _SHARED) and not nudge:
            end = place
    return list(events[: end + 1])


def fork(events: Sequence[Event], step: int, started: AttemptStarted, change: Change) -> list[Event]:
    """The events of a fork, before it goes on.

    Args:
        events: Those of the attempt that is forked.
        step: The last step that is shared.
        started: The first event of the fork; its parent is set here, but for the file.
        change: What is different.

    Raises:
        UsageError: There is no such step, or the change does not fit it.
    """
    made = shared_events(events, step)
    if change.reply is not None:
        place = next((i for i, event in enumerate(made) if isinstance(event, ModelReplied) and event.step == step), 0)
        if not place:
            raise UsageError(f"--at {step}: there is no action to replace")
        if change.say or change.observation is not None:
            raise UsageError("a replaced action is executed first: fork once more to say something about it")
        made = [*made[:place], change.reply]
    submits = change.say or change.observation is not None
    made = [
        _going_on(event) if submits and isinstance(event, Observed) and event.step == step else event for event in made
    ]
    if change.observation is not None:
        made = _seen(made, step, change.observation)
    if change.opening is not None:
        made = _opened(made, change.opening)
    first = events[0]
    assert isinstance(first, AttemptStarted)
    parent = {
        **(started.parent or {}),
        "attempt_id": first.attempt_id,
        "seq": len(made) - 1,
        "step": step,
        "relation": "fork",
        "changed": change.names,
    }
    made[0] = started.model_copy(update={"parent": parent, "seq": 0})
    if change.say:
        # At the time of the fork, as the attempt counts it: what lies between is no time that it worked.
        remark = Message(role="user", purpose="remark", content=change.say, code="fork", step=step)
        made.append(remark.model_copy(update={"seq": len(made), "time": made[-1].time}))
    return made


def write(events: Iterable[Event], path: Path, redactor: Redactor) -> None:
    """Write a trajectory in one piece, with the times that its events have.

    Raises:
        UsageError: It is there already, or cannot be written.
    """
    if path.exists():
        raise UsageError(f"there is a trajectory in {path.parent} already; choose another --output")
    lines = [json.dumps(redactor.data(event.model_dump(mode="json")), separators=(",", ":")) for event in events]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".part")
        partial.write_text("\n".join(lines) + "\n", encoding="ascii")
        os.replace(partial, path)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}; choose another --output") from None


@dataclass
class Node:
    """An attempt in the tree of forks.

    Attributes:
        attempt_id: Its name.
        path: Its trajectory; ``None`` where only its forks are known.
        step: The step after which it leaves its parent; ``None`` for a root.
        changed: What it does differently from there.
        trial: Which trial of its parent it is, where a strategy made it; ``""`` otherwise.
        facts: ``status``, ``steps``, ``model`` and ``verdict``.
        forks: Those that were forked from it.
    """

    attempt_id: str
    path: Path | None = None
    step: int | None = None
    changed: list[str] = field(default_factory=list)
    trial: str = ""
    facts: dict[str, Any] = field(default_factory=dict)
    forks: list[Node] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "attempt_id": self.attempt_id,
            "trajectory": str(self.path) if self.path else None,
            "step": self.step,
            "changed": self.changed,
            **({"trial": self.trial} if self.trial else {}),
            **self.facts,
            "forks": [node.as_json() for node in self.forks],
        }


def forest(paths: Sequence[Path]) -> list[Node]:
    """The trees of forks among some trajectories; those that they were forked from are looked up where they lay.

    Args:
        paths: Trajectory files, or directories that have some below them.

    Raises:
        TrajectoryError: There is none, or one is damaged.
    """
    found = [file for path in paths for file in (sorted(path.rglob("trajectory.jsonl")) if path.is_dir() else [path])]
    if not found:
        raise TrajectoryError(f"no trajectory in {', '.join(map(str, paths))}")
    verdicts = read_verdicts([path for path in paths if path.is_dir()], around=found)
    nodes: dict[str, Node] = {}
    parents: dict[str, str] = {}
    todo = list(dict.fromkeys(found))
    while todo:
        file = todo.pop(0)
        started = next(iter(read_events(file)), None)  # none where its writer was killed in the first line
        if not isinstance(started, AttemptStarted) or started.attempt_id in nodes:
            continue
        parent = started.parent or {}
        node = nodes[started.attempt_id] = Node(started.attempt_id, file, facts=_facts(file, verdicts))
        if parent.get("relation", "fork") == "fork" and parent.get("attempt_id"):
            node.step, node.changed = parent.get("step"), list(parent.get("changed") or [])
            parents[node.attempt_id] = str(parent["attempt_id"])
            origin = Path(str(parent.get("trajectory") or ""))
            if parents[node.attempt_id] not in nodes and origin.is_file():
                todo.append(origin)
        elif whole := names_its_root(started):
            node.trial = str(parent.get("trial") or file.parent.name)
            parents[node.attempt_id] = whole
            if whole not in nodes and (root := root_of(file)) is not None:
                todo.append(root)
    if not nodes:
        raise TrajectoryError(f"no trajectory in {', '.join(map(str, paths))}")
    roots = []
    for name, node in list(nodes.items()):
        if name not in parents:
            roots.append(node)
            continue
        if parents[name] not in nodes:
            roots.append(nodes.setdefault(parents[name], Node(parents[name])))
        nodes[parents[name]].forks.append(node)
    for node in nodes.values():
        node.forks.sort(key=lambda fork: (fork.step or 0, str(fork.path)))
    return roots


def draw(roots: Sequence[Node]) -> str:
    """The trees as text, a line an attempt."""
    return "\n".join(line for root in roots for line in _lines(root, "", ""))


def _lines(node: Node, before: str, below: str) -> list[str]:
    facts = node.facts
    parts = [node.attempt_id]
    if node.trial:
        parts.insert(0, f"trial {node.trial}:")
    if node.step is not None:
        parts.insert(0, f"at {node.step}:")
    if facts:
        parts += [facts["status"] or "unfinished", *([facts["verdict"]] if facts["verdict"] else [])]
        parts += [f"{facts['steps']} steps", facts["model"]]
    else:
        parts.append("(not here)")
    if node.changed:
        parts.append(f"[{', '.join(node.changed)}]")
    lines = [before + "  ".join(part for part in parts if part)]
    for place, fork in enumerate(node.forks):
        last = place == len(node.forks) - 1
        lines += _lines(fork, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  "))
    return lines


def _facts(file: Path, verdicts: Verdicts) -> dict[str, Any]:
    recorded = read_attempt(file)
    verdict = verdicts.of(str(recorded.task.get("id") or ""), kept_patch(file, recorded.patch))
    return {
        "status": recorded.status,
        "steps": len(recorded.steps),
        "model": recorded.model,
        "verdict": verdict.status if verdict else "",
    }


def _going_on(event: Observed) -> Observed:
    return event.model_copy(update={"done": False})


def _seen(events: list[Event], step: int, text: str) -> list[Event]:
    """With another text in place of what was seen last in a step."""
    for place in reversed(range(len(events))):
        event = events[place]
        if isinstance(event, Observed) and event.step == step:
            return [*events[:place], event.model_copy(update={"text": text}), *events[place + 1 :]]
        if isinstance(event, Message) and event.purpose == "correction" and event.step == step:
            return [*events[:place], event.model_copy(update={"content": text}), *events[place + 1 :]]
    raise UsageError(f"--at {step}: there is no observation to replace")


def _opened(events: list[Event], opening: Sequence[Message]) -> list[Event]:
    """With other opening messages, which take the places of the recorded ones."""
    fresh = {message.purpose: message for message in opening}
    made: list[Event] = []
    for event in events:
        if isinstance(event, Message) and event.purpose in ("system", "task") and event.purpose in fresh:
            made.append(fresh[event.purpose].model_copy(update={"seq": event.seq, "time": event.time}))
        else:
            made.append(event)
    return made
