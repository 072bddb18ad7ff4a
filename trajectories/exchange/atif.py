"""ATIF, the Agent Trajectory Interchange Format, versions 1.0 to 1.8: reading."""

from __future__ import annotations

import re
from typing import Any, TypeVar

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Condensed,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Usage,
)
from trajectories.exchange.base import Imported
from trajectories.exchange.commands import known_call
from trajectories.exchange.draft import Draft, guarded, seconds
from trajectories.exchange.source import Source, as_count, as_list, as_mapping, as_number, as_patch, as_text

FORMAT = "atif"
#: Key of the objects of ours within ATIF's ``extra``.
OURS = "patchwright"
_VERSION = re.compile(r"ATIF-v1\.[0-8]")
M = TypeVar("M", Message, ModelReplied)
_PURPOSES = ("system", "task", "correction", "nudge", "remark")


class AtifImporter:
    """Reads ATIF documents, and lists or JSON Lines of them."""

    name = FORMAT
    summary = "ATIF 1.0 to 1.8 (Harbor and others)"

    def detect(self, source: Source) -> bool:
        """By the schema's version."""
        data = source.data if isinstance(source.data, list) else [source.data]
        return bool(data) and str(as_mapping(data[0]).get("schema_version", "")).startswith("ATIF-")

    def read(self, source: Source) -> list[Imported]:
        """Each document's attempt, those of its embedded sub-agents behind it."""
        return guarded(source, lambda: self._read(source))

    def _read(self, source: Source) -> list[Imported]:
        documents = source.data if isinstance(source.data, list) else [source.data]
        container = "lines" if source.lines else "list" if isinstance(source.data, list) else "json"
        made: list[Imported] = []
        for index, document in enumerate(documents):
            draft = Draft(FORMAT, source, container, index, len(documents))
            made.append(_Reading(draft, as_mapping(document)).read())
            made.extend(_embedded(source, as_mapping(document), made[-1], draft.attempt_id))
        return made


def _embedded(source: Source, document: dict[str, Any], parent: Imported, id: str) -> list[Imported]:
    """The attempts of sub-agents. Their parent keeps their documents too, so they are for looking at."""
    made: list[Imported] = []
    for index, inner in enumerate(as_list(document.get("subagent_trajectories"))):
        if not isinstance(inner, dict):
            raise source.fault(f"sub-agent {index + 1} is not an object")
        draft = Draft(FORMAT, source, "embedded", index)
        reading = _Reading(draft, inner, parent=id, suffix=f"-sub{index + 1}")
        made.append(reading.read(f"{parent.name}.sub{index + 1}"))
        made.extend(_embedded(source, inner, made[-1], f"{id}-sub{index + 1}"))
    return made


class _Reading:
    """A document on its way into events."""

    def __init__(self, draft: Draft, document: dict[str, Any], parent: str = "", suffix: str = "") -> None:
        self.draft, self.document, self.parent, self.suffix = draft, document, parent, suffix
        self.asked = False
        self.spent = Usage()
        self.model = ""

    def read(self, name: str = "") -> Imported:
        version, steps = str(self.document.get("schema_version")), self.document.get("steps")
        if not _VERSION.fullmatch(version):
            raise self.draft.source.fault(f"schema_version {version[:30]!r} is not one of ATIF-v1.0 to ATIF-v1.8")
        if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
            raise self.draft.source.fault("steps is not a list of objects")
        extra = as_mapping(self.document.get("extra"))
        ours = as_mapping(extra.get(OURS))
        task = as_mapping(ours.get("task"))
        name = name or as_text(task.get("id")) or as_text(extra.get("instance_id")) or self.draft.source.stem
        self._start(name, version, steps, ours, task)
        for step in steps:
            self._step(step)
        self._end(steps, extra, ours)
        return self.draft.finish(name)

    def _start(self, name: str, version: str, steps: list[Any], ours: dict[str, Any], task: dict[str, Any]) -> None:
        agent = as_mapping(self.document.get("agent"))
        self.model = as_text(agent.get("model_name"))
        asked = next((as_text(step.get("message")) for step in steps if step.get("source") == "user"), "")
        definitions = [as_mapping(as_mapping(d).get("function")) for d in as_list(agent.get("tool_definitions"))]
        place = self.draft.add(
            AttemptStarted(
                attempt_id=as_text(ours.get("attempt_id")) or self.draft.attempt_id + self.suffix,
                parent={"attempt_id": self.parent, "relation": "sub-agent"} if self.parent else None,
                task={
                    "problem_statement": asked,
                    **task,
                    "id": as_text(task.get("id")) or name,
                    "source": {"kind": FORMAT, "file": self.draft.source.path.name},
                },
                model=self.model,
                sandbox=as_mapping(ours.get("sandbox")),
                tools=[t for t in (as_text(d.get("name")) for d in definitions) if t],
                versions={FORMAT: version, as_text(agent.get("name")) or "agent": as_text(agent.get("version"))},
            ),
            seconds(steps[0].get("timestamp")) if steps else 0.0,
        )
        rest = {key: None if key == "steps" else value for key, value in self.document.items()}
        self.draft.anchor(place, "document", rest)

    def _step(self, step: dict[str, Any]) -> None:
        time, ours = seconds(step.get("timestamp")), as_mapping(as_mapping(step.get("extra")).get(OURS))
        text = as_text(step.get("message"))
        if isinstance(step.get("message"), list) and any(as_mapping(p).get("source") for p in step["message"]):
            self.draft.notes.append(f"step {step.get('step_id')}: images and sounds are kept as references, not shown")
        if step.get("source") == "agent":
            self._agent(step, text, ours, time)
            return
        if isinstance(ours.get("condensed"), list):
            seqs = [seq for seq in ours["condensed"] if isinstance(seq, int)]
            place = self.draft.add(Condensed(seqs=seqs), time)
        elif step.get("source") == "system":
            said = Message(role="system", purpose="system", content=text, step=self.draft.step)
            place = self.draft.add(_marked(said, step), time)
        else:
            purpose = ours.get("purpose")
            if purpose not in _PURPOSES:
                purpose = "remark" if self.asked else "task"
            self.asked = True
            code, at = as_text(ours.get("code")), self.draft.step
            said = Message(role="user", purpose=purpose, content=text, code=code, step=at)
            place = self.draft.add(_marked(said, step), time)
        self.draft.anchor(place, "step", step, {"message": "content.0"})
        for result in as_list(as_mapping(step.get("observation")).get("results")):
            self._observe(as_mapping(result), {}, as_text(as_mapping(result).get("source_call_id")), time)

    def _agent(self, step: dict[str, Any], text: str, ours: dict[str, Any], time: float) -> None:
        calls = [as_mapping(call) for call in as_list(step.get("tool_calls"))]
        usage = _usage(as_mapping(step.get("metrics")))
        self.spent = self.spent + usage
        number = self.draft.next_step()
        native = ours.get("tool_calls")
        reply = ModelReplied(
            step=number,
            content=text,
            reasoning=as_text(step.get("reasoning_content")),
            tool_calls=[c for c in native if isinstance(c, dict)] if isinstance(native, list) else [],
            finish_reason=as_text(ours.get("finish_reason")) or ("tool_calls" if calls else "stop"),
            model=as_text(step.get("model_name")) or self.model,
            usage=usage,
            duration=as_number(ours.get("duration")),
            retries=as_count(ours.get("retries")),
        )
        place = self.draft.add(_marked(reply, step), time)
        self.draft.anchor(place, "step", step, {"message": "reply"})
        results = [as_mapping(result) for result in as_list(as_mapping(step.get("observation")).get("results"))]
        known = [as_mapping(fact) for fact in as_list(ours.get("results"))]
        thoughts = as_list(ours.get("thoughts"))
        facts = dict(enumerate(known))
        left = list(enumerate(results))
        for index, call in enumerate(calls):
            id = as_text(call.get("tool_call_id"))
            thought = as_text(thoughts[index]) if index < len(thoughts) else text if index == 0 else ""
            meant = known_call(as_text(call.get("function_name")) or "call", as_mapping(call.get("arguments")), id)
            self.draft.add(ActionTaken(step=number, call=meant, thought=thought), time)
            for pair in [pair for pair in left if as_text(pair[1].get("source_call_id")) == id]:
                self._observe(pair[1], facts.get(pair[0], {}), id, time)
                left.remove(pair)
        for at, result in left:
            self._observe(result, facts.get(at, {}), as_text(result.get("source_call_id")), time)
        if isinstance(ours.get("patch"), str):
            self.draft.add(PatchChanged(step=number, patch=ours["patch"]), time)

    def _observe(self, result: dict[str, Any], facts: dict[str, Any], call: str, time: float) -> None:
        text = as_text(result.get("content"))
        if not text and result.get("subagent_trajectory_ref"):
            text = "(a sub-agent's attempt)"
        code = as_text(facts.get("code"))
        self.draft.add(
            Observed(
                step=self.draft.step,
                call_id=call,
                text=text,
                ok=facts.get("ok") is not False,
                code=code,
                data=as_mapping(facts.get("data")),
                duration=as_number(facts.get("duration")),
                changed=facts.get("changed") is True,
            ),
            time,
        )

    def _end(self, steps: list[Any], extra: dict[str, Any], ours: dict[str, Any]) -> None:
        totals = as_mapping(self.document.get("final_metrics"))
        times = [t for t in (seconds(step.get("timestamp")) for step in steps) if t]
        cost = totals.get("total_cost_usd")
        total = Usage(
            prompt_tokens=as_count(totals.get("total_prompt_tokens")) or self.spent.prompt_tokens,
            completion_tokens=as_count(totals.get("total_completion_tokens")) or self.spent.completion_tokens,
            cached_tokens=as_count(totals.get("total_cached_tokens")) or self.spent.cached_tokens,
            cost=as_number(cost) if isinstance(cost, int | float) else self.spent.cost,
        )
        patch = next((ours[k] for k in ("patch",) if isinstance(ours.get(k), str)), None)
        patch = patch if patch is not None else as_patch(extra.get("patch") or extra.get("submission"))
        if ours.get("ended") is False:
            return
        status = as_text(ours.get("status"))
        self.draft.add(
            AttemptEnded(
                status=status or "submitted",
                detail=as_text(ours.get("detail")) or ("" if status else "ATIF does not say how it ended"),
                patch=patch,
                steps=as_count(ours.get("steps")) or self.draft.step,
                usage=total,
                duration=as_number(ours.get("duration")) or (max(times) - min(times) if times else 0.0),
            ),
            times[-1] if times else 0.0,
        )


def _marked(event: M, step: dict[str, Any]) -> M:
    """An event of a step that an earlier trajectory had already says so: it must not be learnt from twice."""
    return event.model_copy(update={"copied": True}) if step.get("is_copied_context") is True else event


def _usage(metrics: dict[str, Any]) -> Usage:
    cost = metrics.get("cost_usd")
    return Usage(
        prompt_tokens=as_count(metrics.get("prompt_tokens")),
        completion_tokens=as_count(metrics.get("completion_tokens")),
        cached_tokens=as_count(metrics.get("cached_tokens")),
        cost=as_number(cost) if isinstance(cost, int | float) else None,
    )
