"""OpenHands' events one by one: what each is among ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from trajectories.events import ActionTaken, Call, Message, ModelReplied, Observed, Usage
from trajectories.exchange.commands import known_call
from trajectories.exchange.draft import Draft, native_calls, seconds
from trajectories.exchange.source import as_count, as_list, as_mapping, as_number, as_text

#: Observations that answer no action of the agent.
_NOISE = frozenset({"agent_state_changed", "null", "recall", "success"})
_SILENT = frozenset({"recall", "change_agent_state", "null", "condensation", "condensation_request", "pause"})
#: Arguments that are about the call, not of it.
_ABOUT = frozenset({"thought", "confirmation_state", "is_confirmed", "action_risk", "security_risk", "keep_prompt"})


@dataclass
class Reading:
    """Events on their way into ours."""

    draft: Draft
    model: str = ""
    finished: bool = False
    failure: str = ""
    first_time: float = 0.0
    last_time: float = 0.0
    asked: bool = False
    response: str = ""
    spent: Usage = field(default_factory=Usage)
    metrics: dict[str, Any] = field(default_factory=dict)
    unknown: set[str] = field(default_factory=set)
    #: Event ids and call ids of actions, with the call's id and the step.
    open: dict[str, tuple[str, int]] = field(default_factory=dict)
    last_call: tuple[str, int] = ("", 0)
    _native: list[dict[str, Any]] = field(default_factory=list)

    def item(self, item: Any) -> None:
        """Go on by one entry of the list: an event, or a pair of an action and its observation."""
        if item == []:
            self._other(item, "event", self.last_time, "empty pairs")
        elif isinstance(item, list):
            for index, event in enumerate(item):
                self._event(
                    event, "first of pair" if index == 0 else "second of pair" if index == 1 else "more of pair"
                )
        else:
            self._event(item, "event")

    def _event(self, event: Any, key: str) -> None:
        if not isinstance(event, dict):
            raise self.draft.source.fault("an event is not an object")
        time = seconds(event.get("timestamp")) or self.last_time
        self.first_time, self.last_time = self.first_time or time, time
        if isinstance(event.get("llm_metrics"), dict):
            self.metrics = event["llm_metrics"]
        if "kind" in event:
            self._sdk(event, key, time)
        elif "observation" in event:
            self._observation(event, key, time)
        elif "action" in event:
            self._action(event, key, time)
        else:
            self._other(event, key, time, "events without a type")

    def _other(self, event: Any, key: str, time: float, what: str) -> None:
        self.draft.other(event, key, time)
        self.unknown.add(what)

    # Version 0

    def _action(self, event: dict[str, Any], key: str, time: float) -> None:
        kind = as_text(event.get("action"))
        arguments = event["args"] if isinstance(event.get("args"), dict) else _flat_arguments(event)
        source = event.get("source") or ("user" if kind == "message" and not self.asked else "agent")
        if kind == "system":
            self._say("system", as_text(arguments.get("content")), event, key, time)
        elif kind == "message" and source != "agent":
            self._say("user", as_text(arguments.get("content")), event, key, time)
        elif kind == "message":
            self._reply(as_text(arguments.get("content")), event, key, time)
        elif kind in _SILENT or source == "environment":
            self._other(event, key, time, f"action {kind}")
        else:
            self._act(kind, arguments, event, key, time)

    def _act(self, kind: str, arguments: dict[str, Any], event: dict[str, Any], key: str, time: float) -> None:
        told = as_mapping(event.get("tool_call_metadata"))
        response = as_mapping(told.get("model_response"))
        id, thought = as_text(told.get("tool_call_id")), as_text(arguments.get("thought"))
        if event.get("source") != "user" and not (response.get("id") and response.get("id") == self.response):
            self._record_reply(thought, response, time)
        given = {name: value for name, value in arguments.items() if name not in _ABOUT}
        native = next((c for c in self._native if c["id"] == id), None)
        call = _call(kind, given, as_text(told.get("function_name")), native, id)
        place = self.draft.add(ActionTaken(step=self.draft.step, call=call, thought=thought), time)
        self.draft.anchor(place, key, event)
        self.last_call = (id, self.draft.step)
        for name in (str(event.get("id", "")), id):
            if name:
                self.open[name] = self.last_call
        if kind == "finish":
            self.finished = True

    def _record_reply(self, thought: str, response: dict[str, Any], time: float) -> int:
        self.response = as_text(response.get("id"))
        choice = as_mapping(next(iter(as_list(response.get("choices"))), None))
        message, usage = as_mapping(choice.get("message")), as_mapping(response.get("usage"))
        self._native = native_calls(message.get("tool_calls"))
        used = Usage(
            prompt_tokens=as_count(usage.get("prompt_tokens")),
            completion_tokens=as_count(usage.get("completion_tokens")),
            cached_tokens=as_count(as_mapping(usage.get("prompt_tokens_details")).get("cached_tokens")),
        )
        self.spent = self.spent + used
        finish = choice.get("finish_reason")
        return self.draft.add(
            ModelReplied(
                step=self.draft.next_step(),
                content=as_text(message.get("content")) or thought,
                reasoning=as_text(message.get("reasoning_content")),
                tool_calls=self._native,
                finish_reason=finish if isinstance(finish, str) else "stop",
                model=as_text(response.get("model")) or self.model,
                usage=used,
            ),
            time,
        )

    def _reply(self, content: str, event: dict[str, Any], key: str, time: float) -> None:
        response = as_mapping(as_mapping(event.get("tool_call_metadata")).get("model_response"))
        self.draft.anchor(self._record_reply(content, response, time), key, event)

    def _observation(self, event: dict[str, Any], key: str, time: float) -> None:
        kind = as_text(event.get("observation"))
        told = as_text(as_mapping(event.get("tool_call_metadata")).get("tool_call_id"))
        cause = str(event.get("cause", ""))
        known = self.open.get(told) or self.open.get(cause)
        if kind in _NOISE or (known is None and self.last_call[1] == 0):
            if kind == "error":
                self.failure = as_text(event.get("content"))
            self._other(event, key, time, f"observation {kind}")
            return
        call_id, step = known or self.last_call
        extras = as_mapping(event.get("extras"))
        code = as_mapping(extras.get("metadata")).get("exit_code", event.get("exit_code"))
        failed = kind == "error" or event.get("success") is False or code not in (0, None)
        self._seen(step, call_id, as_text(event.get("content")), failed, code, extras, event, key, time, kind)

    def _seen(
        self,
        step: int,
        call_id: str,
        text: str,
        failed: bool,
        code: Any,
        facts: dict[str, Any],
        event: dict[str, Any],
        key: str,
        time: float,
        kind: str,
    ) -> None:
        data: dict[str, Any] = {"exit_code": code} if isinstance(code, int) and not isinstance(code, bool) else {}
        path, cwd = as_text(facts.get("path")), as_text(as_mapping(facts.get("metadata")).get("working_dir"))
        data.update({name: value for name, value in (("path", path), ("cwd", cwd)) if value})
        observed = Observed(
            step=step,
            call_id=call_id,
            text=text,
            ok=not failed,
            code="command-failed" if failed else "",
            data=data,
            changed=kind in ("edit", "write") and not failed,
        )
        self.draft.anchor(self.draft.add(observed, time), key, event)

    def _say(self, role: str, content: str, event: dict[str, Any], key: str, time: float) -> None:
        if role == "system":
            said = Message(role="system", purpose="system", content=content)
        else:
            purpose = "remark" if self.asked else "task"
            self.asked = True
            said = Message(role="user", purpose=purpose, content=content, step=self.draft.step)
        self.draft.anchor(self.draft.add(said, time), key, event)

    # SDK

    def _sdk(self, event: dict[str, Any], key: str, time: float) -> None:
        kind = as_text(event.get("kind"))
        message = as_mapping(event.get("llm_message"))
        if kind == "SystemPromptEvent":
            prompt = event.get("system_prompt")
            self._say("system", as_text(prompt) or as_text(as_mapping(prompt).get("text")), event, key, time)
        elif kind == "MessageEvent" and event.get("source") != "agent":
            self._say("user", as_text(message.get("content")), event, key, time)
        elif kind == "MessageEvent":
            place = self._record_reply(as_text(message.get("content")), {}, time)
            self.draft.anchor(place, key, event)
        elif kind == "ActionEvent":
            self._sdk_action(event, key, time)
        elif kind in ("ObservationEvent", "AgentErrorEvent", "UserRejectObservation"):
            self._sdk_observation(event, key, time, kind)
        else:
            if kind == "ConversationErrorEvent":
                self.failure = as_text(event.get("detail")) or as_text(event.get("code"))
            if event.get("key") == "stats":
                groups = as_mapping(as_mapping(event.get("value")).get("usage_to_metrics"))
                self.metrics = _summed([as_mapping(group) for group in groups.values()])
            self._other(event, key, time, kind or "events without a kind")

    def _sdk_action(self, event: dict[str, Any], key: str, time: float) -> None:
        thought = as_text(event.get("thought"))
        response, id = as_text(event.get("llm_response_id")), as_text(event.get("tool_call_id"))
        told = as_mapping(event.get("tool_call"))
        name = as_text(event.get("tool_name"))
        native = {"id": id, "name": as_text(told.get("name")) or name, "arguments": as_text(told.get("arguments"))}
        if not response or response != self.response:
            self.response = response
            self.draft.add(
                ModelReplied(
                    step=self.draft.next_step(),
                    content=thought,
                    reasoning=as_text(event.get("reasoning_content")),
                    tool_calls=[native],
                    finish_reason="tool_calls",
                    model=self.model,
                ),
                time,
            )
        action = {k: v for k, v in as_mapping(event.get("action")).items() if k != "kind"}
        call = known_call(name, action, id)
        place = self.draft.add(ActionTaken(step=self.draft.step, call=call, thought=thought), time)
        self.draft.anchor(place, key, event)
        self.last_call = (id, self.draft.step)
        for known in (as_text(event.get("id")), id):
            if known:
                self.open[known] = self.last_call
        self.finished = self.finished or name == "finish"

    def _sdk_observation(self, event: dict[str, Any], key: str, time: float, kind: str) -> None:
        seen = as_mapping(event.get("observation"))
        text = as_text(seen.get("content")) or as_text(event.get("error")) or as_text(event.get("rejection_reason"))
        known = self.open.get(as_text(event.get("action_id"))) or self.open.get(as_text(event.get("tool_call_id")))
        call_id, step = known or (as_text(event.get("tool_call_id")), self.draft.step)
        code = seen.get("exit_code")
        failed = kind != "ObservationEvent" or seen.get("is_error") is True or code not in (0, None)
        edited = seen.get("command") in ("create", "str_replace", "insert", "undo_edit")
        self._seen(step, call_id, text, failed, code, seen, event, key, time, "edit" if edited else "")


def _flat_arguments(event: dict[str, Any]) -> dict[str, Any]:
    """The arguments of an action whose fields stand beside its type, as the issue resolver wrote them."""
    return {k: v for k, v in event.items() if k not in ("action", "id", "timestamp", "source", "message")}


def _call(kind: str, given: dict[str, Any], function: str, native: dict[str, Any] | None, id: str) -> Call:
    if kind == "run" and isinstance(given.get("command"), str):
        return Call(id=id, name="bash", arguments={"command": given["command"]})
    if native is not None and function in ("str_replace_editor", "execute_bash", "finish"):
        try:
            arguments = json.loads(native["arguments"])
        except (ValueError, RecursionError):
            arguments = None
        if isinstance(arguments, dict):
            return known_call(function, arguments, id)
    if kind == "finish":
        return Call(id=id, name="submit")
    if kind == "read" and isinstance(given.get("path"), str):
        return Call(id=id, name="open", arguments={"path": given["path"]})
    if kind == "write" and isinstance(given.get("path"), str) and isinstance(given.get("content"), str):
        return Call(id=id, name="create", arguments={"path": given["path"], "text": given["content"]})
    return Call(id=id, name=kind or "action", arguments=given)


def _summed(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The metrics of all uses of models together."""
    tokens = [as_mapping(group.get("accumulated_token_usage")) for group in groups]
    names = ("prompt_tokens", "completion_tokens", "cache_read_tokens")
    return {
        "accumulated_cost": sum(as_number(group.get("accumulated_cost")) for group in groups),
        "accumulated_token_usage": {name: sum(as_count(usage.get(name)) for usage in tokens) for name in names},
    }
