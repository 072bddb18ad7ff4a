"""mini-swe-agent's trajectories: version 1, version 2, and bare lists of messages."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Call, Message, ModelReplied, Observed, Usage
from trajectories.exchange.base import Imported
from trajectories.exchange.draft import Draft, guarded, native_calls, seconds
from trajectories.exchange.source import Source, as_count, as_list, as_mapping, as_number, as_patch, as_text

FORMAT = "mini-swe-agent"
_BLOCK = re.compile(r"```(?:mswea_bash_command|bash)[ \t]*\n(.*?)\n```", re.DOTALL)
_XML = re.compile(r"<mswea_bash_command>(.*?)</mswea_bash_command>", re.DOTALL)
_RETURN = re.compile(r"<returncode>(-?\d{1,9})</returncode>")
#: Its exit statuses, the names of exceptions, in our words.
_STATUS = {
    "Submitted": "submitted",
    "LimitsExceeded": "cost_limit",
    "TimeExceeded": "time_limit",
    "RepeatedFormatError": "format_limit",
    "UserInterruption": "interrupted",
    "KeyboardInterrupt": "interrupted",
    "ContextWindowExceededError": "context_overflow",
}
#: In the name of an exception that the sandbox raised.
_SANDBOX = re.compile("docker|container|process|environment|timeoutexpired", re.IGNORECASE)


class MiniSweAgentImporter:
    """Reads ``.traj.json`` files."""

    name = FORMAT
    summary = "mini-swe-agent .traj.json, versions 1 and 2"

    def detect(self, source: Source) -> bool:
        """By its list of messages."""
        data = source.data
        if isinstance(data, dict):
            named = str(data.get("trajectory_format", "")).startswith(FORMAT)
            return isinstance(data.get("messages"), list) and (named or "mini_version" in as_mapping(data.get("info")))
        return isinstance(data, list) and not source.lines and bool(data) and all(_is_message(m) for m in data)

    def read(self, source: Source) -> list[Imported]:
        """One attempt."""
        return guarded(source, lambda: [_Reading(Draft(FORMAT, source)).read()])


@dataclass
class _Reading:
    """An attempt on its way into events."""

    draft: Draft
    model: str = ""
    pending: list[str] = field(default_factory=list)
    acted: bool = False
    spent: Usage = field(default_factory=Usage)
    last_time: float = 0.0
    first_time: float = 0.0
    ending: bool = False

    def read(self) -> Imported:
        data = self.draft.source.data
        root = as_mapping(data)
        messages = data if isinstance(data, list) else root.get("messages")
        if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
            raise self.draft.source.fault("messages is not a list of objects")
        self._start(root, messages)
        for index, message in enumerate(messages):
            self._message(message, asked=self._is_task(messages, index))
        self._end(root, messages)
        name = as_text(root.get("instance_id")) or self.draft.source.stem
        return self.draft.finish(name)

    def _start(self, root: dict[str, Any], messages: Sequence[dict[str, Any]]) -> None:
        info = as_mapping(root.get("info"))
        config = as_mapping(info.get("config"))
        environment = as_mapping(config.get("environment"))
        self.model = as_text(as_mapping(config.get("model")).get("model_name"))
        task = next((as_text(m.get("content")) for i, m in enumerate(messages) if self._is_task(messages, i)), "")
        kind = as_text(config.get("environment_type")).lower()
        place = self.draft.add(
            AttemptStarted(
                attempt_id=self.draft.attempt_id,
                task={
                    "id": as_text(root.get("instance_id")) or self.draft.source.stem,
                    "problem_statement": _statement(task),
                    "source": {"kind": FORMAT, "file": self.draft.source.path.name},
                },
                model=self.model,
                sandbox={
                    "kind": "local" if "local" in kind else "docker",
                    "image": as_text(environment.get("image")) or None,
                    "workdir": as_text(environment.get("cwd")),
                },
                tools=["bash"],
                versions={FORMAT: as_text(info.get("mini_version"))},
            )
        )
        rest = {key: None if key == "messages" else value for key, value in root.items()}
        self.draft.anchor(place, "document", rest if isinstance(self.draft.source.data, dict) else None)

    @staticmethod
    def _is_task(messages: Sequence[dict[str, Any]], index: int) -> bool:
        before = messages[:index]
        return messages[index].get("role") == "user" and not any(m.get("role") in ("user", "assistant") for m in before)

    def _message(self, message: dict[str, Any], asked: bool) -> None:
        role, extra = message.get("role"), as_mapping(message.get("extra"))
        time = seconds(extra.get("timestamp")) or seconds(as_mapping(extra.get("response")).get("created"))
        self.last_time = time = time or self.last_time
        self.first_time = self.first_time or time
        content = as_text(message.get("content"))
        if role == "assistant" or (role is None and message.get("object") == "response"):
            self._reply(message, extra, time)
        elif role == "system" or asked:
            system = Message(role="system", purpose="system", content=content)
            said = Message(role="user", purpose="task", content=content) if asked else system
            self.draft.anchor(self.draft.add(said, time), "message", message)
        elif role == "exit":
            self.draft.other(message, "message", time)
        elif self.pending and (role in ("user", "tool") or message.get("type") == "function_call_output"):
            self._result(message, extra, time)
        elif role == "user":
            # Behind a reply with actions it is what a person says in between.
            code = "no-action" if self.draft.step and not self.acted else ""
            kind = "correction" if code else "remark"
            event = Message(role="user", purpose=kind, content=content, code=code, step=self.draft.step)
            self.draft.anchor(self.draft.add(event, time), "message", message)
        else:
            self.draft.other(message, "message", time)

    def _reply(self, message: dict[str, Any], extra: dict[str, Any], time: float) -> None:
        step = self.draft.next_step()
        content = as_text(message.get("content")) or _output_text(message.get("output"))
        response = as_mapping(extra.get("response"))
        choice = as_mapping(next(iter(as_list(response.get("choices"))), None))
        said = as_mapping(choice.get("message"))
        calls = native_calls(message.get("tool_calls"))
        usage = _usage(response, extra)
        self.spent = self.spent + usage
        finish = choice.get("finish_reason")
        reply = self.draft.add(
            ModelReplied(
                step=step,
                content=content,
                reasoning=as_text(said.get("reasoning")) or as_text(said.get("reasoning_content")),
                tool_calls=calls,
                finish_reason=finish if isinstance(finish, str) else "stop",
                model=as_text(response.get("model")) or self.model,
                usage=usage,
            ),
            time,
        )
        self.pending = []
        for command, id in _commands(content, extra, message):
            thought = _thought(content) if not self.pending else ""
            self.draft.add(
                ActionTaken(step=step, call=Call(id=id, name="bash", arguments={"command": command}), thought=thought),
                time,
            )
            self.pending.append(id)
        self.acted = bool(self.pending)
        self.draft.anchor(reply, "message", message, {"content": "reply"})

    def _result(self, message: dict[str, Any], extra: dict[str, Any], time: float) -> None:
        text = as_text(message.get("content")) or as_text(message.get("output"))
        answers = as_text(message.get("tool_call_id")) or as_text(message.get("call_id"))
        id = answers if answers in self.pending else self.pending[0]
        self.pending.remove(id)
        code = extra.get("returncode")
        if not isinstance(code, int) or isinstance(code, bool):
            shown = _RETURN.search(text[:2000])
            code = int(shown[1]) if shown else None
        failed = code not in (0, None)
        place = self.draft.add(
            Observed(
                step=self.draft.step,
                call_id=id,
                text=text,
                ok=not failed,
                code="command-failed" if failed else "",
                data={} if code is None else {"exit_code": code},
            ),
            time,
        )
        self.draft.anchor(place, "message", message)

    def _end(self, root: dict[str, Any], messages: Sequence[dict[str, Any]]) -> None:
        info = as_mapping(root.get("info"))
        last = messages[-1] if messages else {}
        extra = as_mapping(last.get("extra")) if last.get("role") == "exit" else {}
        status = as_text(info.get("exit_status")) or as_text(extra.get("exit_status"))
        submitted = info.get("submission") or extra.get("submission")
        if not root and not status and last.get("role") == "user":
            status, submitted = "Submitted", last.get("content")
        stats = as_mapping(info.get("model_stats"))
        cost = as_number(stats.get("instance_cost")) if "instance_cost" in stats else self.spent.cost
        kind = _STATUS.get(status) or ("sandbox_lost" if _SANDBOX.search(status) else "model_error")
        if status == "LimitsExceeded" and not _over_cost(info, cost or 0.0):
            kind = "step_limit"
        self.draft.add(
            AttemptEnded(
                status=kind if status else "interrupted",
                detail=f"mini-swe-agent: {status}" if status else "mini-swe-agent did not say how it ended",
                patch=as_patch(submitted),
                steps=as_count(stats.get("api_calls")) or self.draft.step,
                usage=self.spent.model_copy(update={"cost": cost}),
                duration=max(0.0, self.last_time - self.first_time),
            ),
            self.last_time,
        )


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("role"), str) and "content" in value


def _commands(content: str, extra: dict[str, Any], message: dict[str, Any]) -> list[tuple[str, str]]:
    """The commands of a reply with the identifiers of their calls."""
    actions = extra.get("actions")
    if isinstance(actions, list):
        found = [as_mapping(action) for action in actions]
        return [(as_text(a.get("command")), as_text(a.get("tool_call_id"))) for a in found if "command" in a]
    if message.get("tool_calls"):
        return []  # calls that were not taken for actions were malformed
    blocks = _BLOCK.findall(content) or _XML.findall(content)
    return [(blocks[0].strip(), "")] if len(blocks) == 1 else []


def _thought(content: str) -> str:
    text = _XML.sub("", _BLOCK.sub("", content)).strip()
    return text.removeprefix("THOUGHT:").strip()


def _output_text(output: Any) -> str:
    """The text of a reply in the form of OpenAI's Responses API."""
    parts = [as_text(as_mapping(item).get("content")) for item in as_list(output)]
    return "\n".join(part for part in parts if part)


def _usage(response: dict[str, Any], extra: dict[str, Any]) -> Usage:
    usage = as_mapping(response.get("usage"))
    details = as_mapping(usage.get("prompt_tokens_details")) or as_mapping(usage.get("input_tokens_details"))
    cost = extra.get("cost", usage.get("cost"))
    return Usage(
        prompt_tokens=as_count(usage.get("prompt_tokens")) or as_count(usage.get("input_tokens")),
        completion_tokens=as_count(usage.get("completion_tokens")) or as_count(usage.get("output_tokens")),
        cached_tokens=as_count(details.get("cached_tokens")),
        cost=as_number(cost) if isinstance(cost, int | float) else None,
    )


def _statement(task: str) -> str:
    """The problem statement within the task's message."""
    inner = re.search(
        r"<pr_description>\s*(?:Consider the following PR description:\s*)?(.*?)</pr_description>", task, re.S
    )
    return inner[1].strip() if inner else task


def _over_cost(info: dict[str, Any], cost: float) -> bool:
    agent = as_mapping(as_mapping(info.get("config")).get("agent"))
    steps = as_count(agent.get("step_limit"))
    calls = as_count(as_mapping(info.get("model_stats")).get("api_calls"))
    return not (0 < steps <= calls)
