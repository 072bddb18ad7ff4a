"""SWE-agent's ``.traj``: of old versions (``state`` a text, no ``query``), of 1.x, of retried runs (``attempts``)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Call, Message, ModelReplied, Observed, Usage
from trajectories.exchange import swe_agent_queries as queries
from trajectories.exchange.base import Imported
from trajectories.exchange.commands import parse_command
from trajectories.exchange.draft import Draft, guarded, native_calls
from trajectories.exchange.source import Source, as_count, as_list, as_mapping, as_number, as_patch, as_text
from trajectories.exchange.swe_agent_history import asks, match_replies, steps_told

FORMAT = "swe-agent"
#: Lists of a document that become events; the rest is kept with the first one.
_LISTS = ("trajectory", "history")
#: Said by its editor when the guard took an edit back.
_REFUSED = ("Your proposed edit has introduced new syntax error", "Your edit was not applied", "Text not found")
#: Its exit statuses in our words; of ``submitted (exit_cost)`` the part in brackets counts.
_STATUS = {
    "submitted": "submitted",
    "exit_forfeit": "submitted",
    "exit_cost": "cost_limit",
    "exit_context": "context_overflow",
    "exit_format": "format_limit",
    "exit_command_timeout": "time_limit",
    "exit_total_execution_time": "time_limit",
    "exit_api": "model_error",
    "exit_error": "model_error",
    "exit_environment_error": "sandbox_lost",
}


class SweAgentImporter:
    """Reads ``.traj`` files."""

    name = FORMAT
    summary = "SWE-agent .traj, old and new, retried runs included"

    def detect(self, source: Source) -> bool:
        """By its two lists; a demonstration may have the history alone."""
        data = as_mapping(source.data)
        if isinstance(data.get("attempts"), list):
            data = as_mapping(next(iter(data["attempts"]), None)) or data
        if isinstance(data.get("trajectory"), list):
            return "history" in data or "info" in data
        return "agent" in as_mapping(next(iter(as_list(data.get("history"))), None))

    def read(self, source: Source) -> list[Imported]:
        """One attempt, or as many as a retried run made."""
        return guarded(source, lambda: self._read(source))

    def _read(self, source: Source) -> list[Imported]:
        data = as_mapping(source.data)
        attempts = data.get("attempts")
        if not isinstance(attempts, list) or not attempts:
            return [_Reading(Draft(FORMAT, source), data).read(source.stem)]
        rest: dict[str, Any] = {key: value for key, value in data.items() if key != "attempts"}
        # The run repeats its best attempt; what is equal is named, not kept twice.
        same = {
            key: next((i for i, a in enumerate(attempts) if isinstance(a, dict) and key in a and a[key] == value), None)
            for key, value in rest.items()
        }
        run = {
            "rest": {key: value for key, value in rest.items() if same[key] is None},
            "same": {key: index for key, index in same.items() if index is not None},
        }
        made = []
        for index, attempt in enumerate(attempts):
            if not isinstance(attempt, dict):
                raise source.fault(f"attempt {index + 1} is not an object")
            draft = Draft(FORMAT, source, "attempts", index, len(attempts))
            reading = _Reading(draft, attempt, run if index == 0 else None)
            made.append(reading.read(f"{source.stem}.{index + 1}"))
        return made


@dataclass
class _Reading:
    """One attempt on its way into events."""

    draft: Draft
    data: dict[str, Any]
    run: dict[str, Any] | None = None
    open_file: str = ""
    model: str = ""
    demonstration: bool = False
    queries: queries.Queries = field(default_factory=queries.Queries)

    def read(self, name: str) -> Imported:
        history = self._objects("history", optional=True)
        self.demonstration = "trajectory" not in self.data
        steps = steps_told(history) if self.demonstration else self._objects("trajectory")
        self.queries = queries.Queries(history)
        matched = match_replies(steps, history)
        self._start(name, steps, history)
        opening_end = min((h for h in matched if h is not None), default=len(history))
        task = max((i for i in range(opening_end) if asks(history[i])), default=-1)
        for index in range(opening_end):
            self._message(history[index], "task" if index == task else "remark")
        for index, step in enumerate(steps):
            begin = matched[index]
            end = next((h for h in matched[index + 1 :] if h is not None), len(history)) if begin is not None else 0
            self._step(step, history[begin] if begin is not None else None, history[(begin or 0) + 1 : end])
        self._end()
        return self.draft.finish(name)

    def _objects(self, key: str, optional: bool = False) -> list[dict[str, Any]]:
        value = self.data.get(key)
        if value is None and optional:
            return []
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.draft.source.fault(f"{key} is not a list of objects")
        return value

    def _start(self, name: str, steps: Sequence[dict[str, Any]], history: Sequence[dict[str, Any]]) -> None:
        config = _config(self.data.get("replay_config"))
        problem = as_mapping(config.get("problem_statement"))
        repository = as_mapping(as_mapping(config.get("env")).get("repo"))
        image = as_mapping(as_mapping(config.get("env")).get("deployment")).get("image")
        self.model = as_text(as_mapping(as_mapping(config.get("agent")).get("model")).get("name"))
        asked = [message for message in history if asks(message)]
        text = as_text(problem.get("text")) or (as_text(asked[0].get("content")) if asked else "")
        place = self.draft.add(
            AttemptStarted(
                attempt_id=self.draft.attempt_id,
                task={
                    "id": self.draft.source.stem if self.draft.count > 1 else name,
                    "repo": as_text(repository.get("repo_name")) or as_text(repository.get("github_url")),
                    "base_commit": as_text(repository.get("base_commit")),
                    "problem_statement": text,
                    "source": {"kind": FORMAT, "file": self.draft.source.path.name},
                },
                model=self.model,
                sandbox={
                    "kind": "docker",
                    "image": as_text(image) or None,
                    "workdir": next((w for step in steps if (w := _state(step).get("working_dir"))), ""),
                },
                versions={FORMAT: as_text(as_mapping(self.data.get("info")).get("swe_agent_version"))},
            )
        )
        rest = {key: value for key, value in self.data.items() if key not in _LISTS}
        lists = {key: None if self.data.get(key) is None else "kept" for key in _LISTS if key in self.data}
        self.draft.anchor(place, "document", {"rest": rest, "lists": lists, "order": list(self.data)})
        if self.run is not None:
            self.draft.anchor(place, "run", self.run)
        if any("query" in step or "messages" in step for step in steps):
            self.draft.notes.append("what each call was shown (`query`) is kept for exporting, and not shown")

    def _message(self, message: dict[str, Any], purpose: str) -> None:
        role, content = message.get("role"), as_text(message.get("content"))
        if role == "system":
            place = self.draft.add(Message(role="system", purpose="system", content=content))
        elif role == "user":
            kind = "task" if purpose == "task" else "remark"
            place = self.draft.add(Message(role="user", purpose=kind, content=content, step=self.draft.step))
        else:
            self.draft.other(message, "history")
            return
        self.draft.anchor(place, "history", message, {"content": "content.0"} if content else None)

    def _step(self, step: dict[str, Any], own: dict[str, Any] | None, after: Sequence[dict[str, Any]]) -> None:
        calls = native_calls((own or {}).get("tool_calls"))
        number = self.draft.next_step()
        reply = self.draft.add(
            ModelReplied(
                step=number,
                content=as_text(step.get("response")),
                reasoning=_thinking((own or {}).get("thinking_blocks")),
                tool_calls=calls,
                finish_reason="tool_calls" if calls else "stop",
                model=self.model,
            )
        )
        names = {"response": "reply", "thought": "thought.0", "action": "raw.0", "observation": "text.0"}
        raw, seen = as_text(step.get("action")), as_text(step.get("observation"))
        observed: int | None = None
        if raw.strip():
            call = parse_command(raw, self.open_file, str(calls[0]["id"]) if len(calls) == 1 else "")
            event = ActionTaken(step=number, call=call, thought=as_text(step.get("thought")))
            self.draft.add(event.model_copy(update={"raw": raw}))
            observed = self.draft.add(_observed(number, call, step, seen, _state(step)))
        elif seen:
            names["observation"] = "content.0"
            correction = Message(role="user", purpose="correction", content=seen, code="no-action", step=number)
            observed = self.draft.add(correction)
        self.open_file = _state(step).get("open_file", self.open_file)
        self.open_file = "" if self.open_file in ("n/a", "") else self.open_file
        kept, asked = self.queries.pack(step)
        if not self.demonstration:
            self.draft.anchor(reply, "step", kept, names)
        if asked is not None:
            self.draft.anchor(reply, "query", asked)
        if own is not None:
            self.draft.anchor(reply, "history", own, {"content": "reply", "thought": "thought.0", "action": "raw.0"})
        for message in after:
            if observed is not None and message.get("role") in ("user", "tool"):
                direct = {"content": names["observation"]}
                self.draft.anchor(observed, "history", message, direct)
                observed = None
            else:
                self._message(message, "remark")

    def _end(self) -> None:
        info = as_mapping(self.data.get("info"))
        stats = as_mapping(info.get("model_stats"))
        status = as_text(info.get("exit_status"))
        inner = status.partition("(")[2].rstrip(")") or status
        cost = as_number(stats.get("instance_cost"))
        self.draft.add(
            AttemptEnded(
                status=_STATUS.get(inner, "model_error" if status else "interrupted"),
                detail=f"SWE-agent: {status}" if status else "SWE-agent did not say how it ended",
                patch=as_patch(info.get("submission")),
                steps=as_count(stats.get("api_calls")) or self.draft.step,
                usage=Usage(
                    prompt_tokens=as_count(stats.get("tokens_sent")),
                    completion_tokens=as_count(stats.get("tokens_received")),
                    cost=cost if stats else None,
                ),
                duration=sum(as_number(step.get("execution_time")) for step in as_list(self.data.get("trajectory"))),
            )
        )
        self.draft.notes.append("the format has tokens and cost of the whole attempt only, and no times of day")


def _observed(step: int, call: Call, taken: dict[str, Any], text: str, state: dict[str, str]) -> Observed:
    refused = text.lstrip().startswith(_REFUSED)
    edits = call.name in ("create", "edit", "insert", "replace", "undo")
    data: dict[str, Any] = {}
    path, cwd = call.arguments.get("path") or state.get("open_file"), state.get("working_dir", "")
    if call.name not in ("bash", "submit", "find_file", "search_dir") and isinstance(path, str) and path != "n/a":
        data["path"] = path.removeprefix(f"{cwd}/") if cwd else path
    if cwd:
        data["cwd"] = cwd
    return Observed(
        step=step,
        call_id=call.id,
        text=text,
        ok=not refused,
        code="guard-refused" if refused else "",
        data=data,
        duration=as_number(taken.get("execution_time")),
        changed=edits and not refused,
    )


def _state(step: dict[str, Any]) -> dict[str, str]:
    """The state after a step: a text of JSON in old files, an object in new ones."""
    return {key: value for key, value in _config(step.get("state")).items() if isinstance(value, str)}


def _config(value: Any) -> dict[str, Any]:
    """An object, or the object that a text of JSON holds."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return {}
    return as_mapping(value)


def _thinking(blocks: Any) -> str:
    return "\n".join(as_text(as_mapping(block).get("thinking")) for block in as_list(blocks)).strip()
