"""OpenHands' runs: event lists of version 0 and of its SDK, and what evaluations and the issue resolver wrote."""

from __future__ import annotations

from typing import Any

from trajectories.events import AttemptEnded, AttemptStarted, Usage
from trajectories.exchange.base import Imported
from trajectories.exchange.draft import Draft, guarded, seconds
from trajectories.exchange.openhands_events import Reading
from trajectories.exchange.source import Source, as_count, as_mapping, as_number, as_patch, as_text

FORMAT = "openhands"
_HISTORY = ("history", "trajectory")


class OpenHandsImporter:
    """Reads the files that OpenHands writes."""

    name = FORMAT
    summary = "OpenHands event lists (version 0 and SDK) and evaluation or resolver output"

    def detect(self, source: Source) -> bool:
        """By the events."""
        if _is_event_list(source.data):
            return True
        documents = _documents(source)
        return bool(documents) and any(_is_event_list(_history(d)[1]) or _is_result(d) for d in documents[:3])

    def read(self, source: Source) -> list[Imported]:
        """An attempt for each run of the file."""
        return guarded(source, lambda: self._read(source))

    def _read(self, source: Source) -> list[Imported]:
        if _is_event_list(source.data):
            return [_read(Draft(FORMAT, source, "lines of one" if source.lines else "json"), {}, source.data, "")]
        documents = _documents(source)
        container = "lines" if source.lines else "list" if isinstance(source.data, list) else "json"
        made = []
        for index, document in enumerate(documents):
            if not isinstance(document, dict):
                raise source.fault(f"run {index + 1} is not an object")
            key, history = _history(document)
            if not isinstance(history, list):
                raise source.fault(f"the {key or 'history'} of run {index + 1} is not a list")
            made.append(_read(Draft(FORMAT, source, container, index, len(documents)), document, history, key))
        return made


def _read(draft: Draft, document: dict[str, Any], history: list[Any], key: str) -> Imported:
    reading = Reading(draft)
    issue, instance = as_mapping(document.get("issue")), as_mapping(document.get("instance"))
    name = as_text(document.get("instance_id"))
    if not name and issue:
        number = issue.get("number")
        name = (
            f"{as_text(issue.get('owner'))}__{as_text(issue.get('repo'))}-{number if isinstance(number, int) else ''}"
        )
    name = name or draft.source.stem
    llm = as_mapping(as_mapping(document.get("metadata")).get("llm_config"))
    events = [as_mapping(event) for event in _flat(history)]
    reading.model = as_text(llm.get("model")) or _model_of(events)
    statement = as_text(instance.get("problem_statement")) or "\n\n".join(
        part for part in (as_text(issue.get("title")), as_text(issue.get("body"))) if part
    )
    place = draft.add(
        AttemptStarted(
            attempt_id=draft.attempt_id,
            task={
                "id": name,
                "repo": as_text(instance.get("repo")),
                "base_commit": as_text(document.get("base_commit")) or as_text(instance.get("base_commit")),
                "problem_statement": statement or _asked(events),
                "source": {"kind": FORMAT, "file": draft.source.path.name},
            },
            model=reading.model,
            sandbox={"kind": "docker", "image": None, "workdir": _workdir(events)},
            versions={FORMAT: next((v for e in events if (v := _version(e))), "")},
        ),
        seconds(events[0].get("timestamp")) if events else 0.0,
    )
    draft.anchor(place, "document", {"rest": {k: None if k == key else v for k, v in document.items()}, "key": key})
    for item in history:
        reading.item(item)
    _end(draft, reading, document)
    if reading.unknown:
        kinds = ", ".join(sorted(reading.unknown))
        draft.notes.append(f"kept for exporting and not shown, as they are no part of the conversation: {kinds}")
    return draft.finish(name)


def _end(draft: Draft, reading: Reading, document: dict[str, Any]) -> None:
    metrics = as_mapping(document.get("metrics")) or reading.metrics
    error = as_text(document.get("error")) or reading.failure
    patch = as_patch(as_mapping(document.get("test_result")).get("git_patch")) or as_patch(document.get("git_patch"))
    if reading.finished:
        status, detail = "submitted", "OpenHands: finished"
    elif "maximum iteration" in error:
        status, detail = "step_limit", f"OpenHands: {error}"
    elif "maximum budget" in error or "budget" in error.lower():
        status, detail = "cost_limit", f"OpenHands: {error}"
    elif error:
        status, detail = "model_error", f"OpenHands: {error}"
    else:
        status, detail = ("submitted" if patch else "interrupted"), "OpenHands did not say how it ended"
    tokens = as_mapping(metrics.get("accumulated_token_usage"))
    cost = metrics.get("accumulated_cost")
    spent = Usage(
        prompt_tokens=as_count(tokens.get("prompt_tokens")) or reading.spent.prompt_tokens,
        completion_tokens=as_count(tokens.get("completion_tokens")) or reading.spent.completion_tokens,
        cached_tokens=as_count(tokens.get("cache_read_tokens")) or reading.spent.cached_tokens,
        cost=as_number(cost) if isinstance(cost, int | float) else reading.spent.cost,
    )
    duration = max(0.0, reading.last_time - reading.first_time)
    end = AttemptEnded(
        status=status, detail=detail[:500], patch=patch, steps=draft.step, usage=spent, duration=duration
    )
    draft.add(end, reading.last_time)


def _is_event_list(value: Any) -> bool:
    """Whether these are events, or pairs of an action and its observation."""
    if not isinstance(value, list) or not value:
        return False
    events = _flat(value[:3])
    return bool(events) and all(isinstance(e, dict) and ({"action", "observation", "kind"} & e.keys()) for e in events)


def _is_result(document: Any) -> bool:
    """The result of a run without events."""
    data = as_mapping(document)
    return "git_patch" in data and "history" in data


def _documents(source: Source) -> list[Any]:
    return source.data if isinstance(source.data, list) else [source.data] if isinstance(source.data, dict) else []


def _history(document: Any) -> tuple[str, Any]:
    """The key of the events in a run's result, and the events."""
    data = as_mapping(document)
    key = next((key for key in _HISTORY if isinstance(data.get(key), list)), "")
    return key, data.get(key, []) if key else data.get("history") or []


def _flat(history: list[Any]) -> list[Any]:
    flat: list[Any] = []
    for item in history:
        flat.extend(item if isinstance(item, list) else [item])
    return flat


def _model_of(events: list[dict[str, Any]]) -> str:
    for event in events:
        response = as_mapping(as_mapping(event.get("tool_call_metadata")).get("model_response"))
        stats = as_mapping(as_mapping(event.get("value")).get("usage_to_metrics"))
        name = as_text(response.get("model")) or as_text(as_mapping(stats.get("default")).get("model_name"))
        if name:
            return name
    return ""


def _asked(events: list[dict[str, Any]]) -> str:
    for event in events:
        if event.get("source") == "user" and event.get("action") == "message":
            return as_text(as_mapping(event.get("args")).get("content")) or as_text(event.get("content"))
        if event.get("source") == "user" and event.get("kind") == "MessageEvent":
            return as_text(as_mapping(event.get("llm_message")).get("content"))
    return ""


def _workdir(events: list[dict[str, Any]]) -> str:
    for event in events:
        extras = as_mapping(event.get("extras")) or as_mapping(event.get("observation"))
        path = as_text(as_mapping(extras.get("metadata")).get("working_dir"))
        if path:
            return path
    return ""


def _version(event: dict[str, Any]) -> str:
    return as_text(as_mapping(event.get("args")).get("openhands_version"))
