"""The course of a strategy as text: trials, what sub-agents were asked and said, evaluations, decisions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from trajectories.inspector.summary import number, patch_size, table, text

#: Lines of a text that are shown, and characters of a line.
_LINES, _LONGEST = 40, 400


class Line(NamedTuple):
    """A line with what it is: ``rule`` (begins a part), ``head``, ``good``, ``bad``, ``dim`` or nothing special."""

    text: str
    style: str = ""


def course(event: dict[str, Any]) -> Iterator[Line]:
    """The lines of one event of a root, a key of :data:`COURSE`."""
    return COURSE[event["type"]](event)


def _trial_started(event: dict[str, Any]) -> Iterator[Line]:
    limits, brief = table(event.get("limits")), table(event.get("brief"))
    steps = f", of at most {limits['steps']} steps" if limits.get("steps") else ""
    yield Line(f"trial {event.get('name')}{steps}", "rule")
    settings = [f"{key} {brief[key]}" for key in ("seed", "temperature") if brief.get(key)]
    if settings:
        yield Line(", ".join(settings), "dim")
    for key, name in (("lessons", "lesson"), ("remarks", "remark")):
        for told in _list(brief.get(key)):
            yield from _text(name, text(told))
    if begun_with := text(brief.get("initial_patch")):
        yield Line(f"begins with a change: {_size(begun_with)}", "dim")


def _trial_ended(event: dict[str, Any]) -> Iterator[Line]:
    status, detail = text(event.get("status")), text(event.get("detail"))
    patch = text(event.get("patch"))
    said = f"trial {event.get('name')}: {status}{f' ({detail})' if detail else ''}, {event.get('steps')} steps, "
    yield Line("")
    yield Line(said + (f"patch {_size(patch)}" if patch else "no patch"), "head")


def _subagent_replied(event: dict[str, Any]) -> Iterator[Line]:
    usage = table(event.get("usage"))
    tokens = int(number(usage.get("prompt_tokens")) + number(usage.get("completion_tokens")))
    yield Line(f"{event.get('key')}  {number(event.get('duration')):.1f} s  {tokens:,} tokens", "rule")
    for message in _list(event.get("messages")):
        said = table(message)
        yield from _text(text(said.get("role")), text(said.get("content")))
    yield from _text("answer", text(event.get("content")), "")


def _evaluated(event: dict[str, Any]) -> Iterator[Line]:
    passed = event.get("passed")
    outcome = "nothing could be checked" if passed is None else "passed" if passed else "failed"
    yield Line("")
    yield Line(f"evaluation of {text(event.get('key')).partition(':')[0]}: {outcome}", "head")
    for each in _list(event.get("checks")):
        check = table(each)
        good = check.get("passed") is True
        why = f": {text(check.get('message'))}" if text(check.get("message")) else ""
        kind = text(check.get("kind"))
        line = f"  {'✓' if good else '✗'} {text(check.get('name'))}{why}{f'  ({kind})' if kind else ''}"
        yield Line(_one(line), "good" if good else "bad")


def _noted(event: dict[str, Any]) -> Iterator[Line]:
    yield Line("")
    yield Line(text(event.get("key")), "head")
    for key, value in table(event.get("data")).items():
        if isinstance(value, str) and "\n" in value:
            yield from _text(f"  {key}", value)
        elif value not in (None, "", [], {}):
            yield Line(_one(f"  {key}: {value if isinstance(value, str) else json.dumps(value)}"))


def _text(name: str, content: str, style: str = "dim") -> Iterator[Line]:
    """A text under its name, cut where it is long."""
    lines = content.strip().split("\n") if content.strip() else []
    yield Line(f"{name}:", "head")
    for line in lines[:_LINES]:
        yield Line(f"  {line[:_LONGEST]}", style)
    if len(lines) > _LINES:
        yield Line(f"  … {len(lines) - _LINES:,} more lines …", "dim")


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _one(line: str) -> str:
    flat = line.replace("\n", " ")
    return flat if len(flat) <= _LONGEST else flat[: _LONGEST - 1] + "…"


def _size(patch: str) -> str:
    size = patch_size(patch)
    return f"+{size['added']} -{size['removed']}"


#: What writes the events of each type.
COURSE: dict[str, Callable[[dict[str, Any]], Iterator[Line]]] = {
    "trial_started": _trial_started,
    "trial_ended": _trial_ended,
    "subagent_replied": _subagent_replied,
    "evaluated": _evaluated,
    "noted": _noted,
}
