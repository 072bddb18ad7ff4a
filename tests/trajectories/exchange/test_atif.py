"""ATIF: every version is read, what is written is valid, and nothing is lost between."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    AttemptStarted,
    Call,
    Condensed,
    Event,
    Message,
    ModelReplied,
    Observed,
    Resumed,
    SubagentReplied,
    UnknownEvent,
)
from trajectories.exchange import Context, Imported, Trajectory, Verdict, Verdicts, exporter, import_file
from trajectories.log import TrajectoryError, read_events

GOLDEN = sorted((Path(__file__).resolve().parents[1] / "golden").glob("*.jsonl"))


def document(version: str = "1.8") -> dict[str, Any]:
    return {
        "schema_version": f"ATIF-v{version}",
        "session_id": "s1",
        "agent": {
            "name": "terminus",
            "version": "2.0",
            "model_name": "m-1",
            "tool_definitions": [{"type": "function", "function": {"name": "bash", "parameters": {}}}],
        },
        "steps": [
            {"step_id": 1, "source": "system", "message": "Rules."},
            {"step_id": 2, "source": "user", "message": [{"type": "text", "text": "Fix it, please."}]},
            {
                "step_id": 3,
                "timestamp": "2025-10-16T14:30:00Z",
                "source": "agent",
                "message": "Two at once.",
                "reasoning_content": "Hm.",
                "tool_calls": [
                    {"tool_call_id": "a", "function_name": "bash", "arguments": {"command": "ls"}},
                    {"tool_call_id": "b", "function_name": "web_search", "arguments": {"q": "x"}},
                ],
                "observation": {
                    "results": [{"source_call_id": "b", "content": "found"}, {"source_call_id": "a", "content": "a.py"}]
                },
                "metrics": {"prompt_tokens": 90, "completion_tokens": 9, "cached_tokens": 40, "cost_usd": 0.5},
                "extra": {"mine": 1},
            },
            {"step_id": 4, "source": "agent", "message": "Done."},
        ],
        "final_metrics": {"total_prompt_tokens": 90, "total_cost_usd": 0.5, "extra": {"turns": 2}},
        "extra": {"reward": 1.0},
    }


def with_sub_agent() -> dict[str, Any]:
    sub = {**document(), "trajectory_id": "sub-1"}
    parent = document()
    parent["subagent_trajectories"] = [sub]
    parent["steps"][3]["observation"] = {"results": [{"subagent_trajectory_ref": [{"trajectory_id": "sub-1"}]}]}
    return parent


def write(events: list[Event], context: Context | None = None) -> dict[str, Any]:
    (written,) = exporter("atif").write([Trajectory(events)], context or Context())
    data: dict[str, Any] = json.loads(written.content)
    return data


def valid(data: dict[str, Any]) -> None:
    pytest.importorskip("atif").Trajectory.model_validate(data)


@pytest.mark.parametrize("version", [f"1.{n}" for n in range(9)])
def test_every_version_is_read_and_comes_back_as_it_was(
    version: str, saved: Callable[..., Path], through: Callable[[Path], Any]
) -> None:
    assert through(saved(document(version))) == document(version)


@pytest.mark.parametrize(("data", "name"), [([document(), document("1.2")], "t.jsonl"), (with_sub_agent(), "t.json")])
def test_several_documents_and_sub_agents_come_back_as_they_were(
    data: Any, name: str, saved: Callable[..., Path], through: Callable[[Path], Any]
) -> None:
    assert through(saved(data, name)) == data


def test_a_later_version_is_refused_in_one_line(imported: Callable[..., list[Imported]]) -> None:
    with pytest.raises(TrajectoryError, match=r"some\.json: schema_version 'ATIF-v2.0' is not one of"):
        imported(document("2.0"))


def test_a_document_says_what_happened(imported: Callable[..., list[Imported]]) -> None:
    events = imported(document())[0].events
    started, ended = events[0], events[-1]
    assert isinstance(started, AttemptStarted)
    assert isinstance(ended, AttemptEnded)
    assert (started.model, started.tools, started.task["problem_statement"]) == ("m-1", ["bash"], "Fix it, please.")
    assert [(m.purpose, m.content) for m in events if isinstance(m, Message)] == [
        ("system", "Rules."),
        ("task", "Fix it, please."),
    ]
    reply = next(event for event in events if isinstance(event, ModelReplied))
    assert (reply.reasoning, reply.usage.cached_tokens, reply.usage.cost, reply.time) == ("Hm.", 40, 0.5, 1760625000)
    assert [(e.call.id, e.call.name) for e in events if isinstance(e, ActionTaken)] == [
        ("a", "bash"),
        ("b", "web_search"),
    ]
    assert [(e.call_id, e.text) for e in events if isinstance(e, Observed)] == [("a", "a.py"), ("b", "found")]
    assert (ended.usage.prompt_tokens, ended.usage.completion_tokens, ended.usage.cost) == (90, 9, 0.5)


def test_a_sub_agent_is_an_attempt_of_its_own(imported: Callable[..., list[Imported]]) -> None:
    parent, sub = imported(with_sub_agent())
    first, inner = parent.events[0], sub.events[0]
    assert isinstance(first, AttemptStarted)
    assert isinstance(inner, AttemptStarted)
    assert inner.parent == {"attempt_id": first.attempt_id, "relation": "sub-agent"}
    assert inner.attempt_id != first.attempt_id


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_trajectories_of_ours_are_valid_atif(path: Path) -> None:
    events = read_events(path)
    data = write(events)
    valid(data)
    assert data["schema_version"] == "ATIF-v1.8"
    assert len([step for step in data["steps"] if step["source"] == "agent"]) == len(
        [event for event in events if isinstance(event, ModelReplied | SubagentReplied)]
    )
    assert data["extra"]["patchwright"]["status"] == events[-1].model_dump()["status"]


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_trajectories_of_ours_pass_harbors_own_models(path: Path) -> None:
    models = pytest.importorskip("harbor.models.trajectories.trajectory", reason="harbor is not installed")
    models.Trajectory.model_validate(write(read_events(path)))


def test_a_verdict_goes_along(attempt: Callable[..., list[Event]]) -> None:
    data = write(attempt(), Context(Verdicts([Verdict("calc-1", True, "resolved")])))
    valid(data)
    assert data["extra"]["patchwright"]["verdict"] == {"resolved": True, "status": "resolved"}


def test_an_attempt_that_was_killed_stays_without_an_end(
    attempt: Callable[..., list[Event]], imported: Callable[..., list[Imported]]
) -> None:
    data = write(attempt()[:5])
    valid(data)
    assert not any(isinstance(event, AttemptEnded) for event in imported(data)[0].events)


def test_an_attempt_that_went_on_after_an_end_stays_without_one(
    attempt: Callable[..., list[Event]], imported: Callable[..., list[Imported]]
) -> None:
    cut_off = AttemptEnded(status="model_error", detail="The provider is down.")
    data = write([*attempt()[:6], cut_off, Resumed(steps=1), *attempt()[7:-1]])
    valid(data)
    assert not any(isinstance(event, AttemptEnded) for event in imported(data)[0].events)


def test_what_atif_has_no_place_for_is_said(attempt: Callable[..., list[Event]]) -> None:
    events = [*attempt(), UnknownEvent(type="dreamt")]
    (written,) = exporter("atif").write([Trajectory(events, "one")], Context())
    assert written.notes == ("one: ATIF has no place for events of type dreamt",)


def test_an_observation_without_an_action_goes_along(
    attempt: Callable[..., list[Event]], imported: Callable[..., list[Imported]]
) -> None:
    events = attempt()
    refused = Observed(step=1, call_id="c9", text="There is no such tool.", ok=False, code="unknown-tool")
    data = write([*events[:6], refused, *events[6:]])
    valid(data)
    seen = [event for event in imported(data)[0].events if isinstance(event, Observed)]
    assert [(event.text, event.ok) for event in seen[:2]] == [("calc.py", True), ("There is no such tool.", False)]


texts = st.text(max_size=60)
names = st.sampled_from(["bash", "edit", "my_tool"])


@st.composite
def attempts(draw: st.DrawFn) -> list[Event]:
    events: list[Event] = [AttemptStarted(attempt_id="a", model=draw(texts), task={"id": "t"})]
    events.append(Message(role="system", purpose="system", content=draw(texts)))
    events.append(Message(role="user", purpose="task", content=draw(texts)))
    for step in range(1, draw(st.integers(1, 4)) + 1):
        events.append(ModelReplied(step=step, content=draw(texts), reasoning=draw(texts)))
        for number in range(draw(st.integers(0, 3))):
            id = draw(st.sampled_from(["", f"c{number}", "same"]))
            call = Call(id=id, name=draw(names), arguments={"text": draw(texts)})
            events.append(ActionTaken(step=step, call=call, thought=draw(texts)))
            seen = {"ok": draw(st.booleans()), "code": draw(texts), "changed": draw(st.booleans())}
            events.append(Observed(step=step, call_id=id, text=draw(texts), **seen))
        if draw(st.booleans()):
            purpose = draw(st.sampled_from(["correction", "nudge", "remark"]))
            events.append(Message(role="user", purpose=purpose, content=draw(texts), code=draw(texts)))
        if draw(st.booleans()):
            events.append(Condensed(seqs=[draw(st.integers(0, 9))]))
    events.append(AttemptEnded(status=draw(st.sampled_from(["submitted", "step_limit"])), patch=draw(texts)))
    return [event.model_copy(update={"seq": seq, "time": 1.7e9}) for seq, event in enumerate(events)]


def told(events: list[Event]) -> list[tuple[Any, ...]]:
    """Who said and did what."""
    said: list[tuple[Any, ...]] = []
    for event in events:
        match event:
            case Message():
                said.append(("message", event.role, event.purpose, event.content, event.code))
            case ModelReplied():
                said.append(("reply", event.step, event.content, event.reasoning))
            case ActionTaken():
                said.append(("action", event.call.name, event.call.arguments, event.thought))
            case Observed():
                said.append(("observation", event.text, event.ok, event.code, event.changed))
            case Condensed():
                said.append(("condensed", event.seqs))
            case AttemptEnded():
                said.append(("ended", event.status, event.patch))
    return said


@settings(max_examples=60)
@given(attempts())
def test_thoughts_actions_and_observations_survive(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event]
) -> None:
    data = write(events)
    valid(data)
    path = tmp_path_factory.mktemp("atif") / "t.json"
    path.write_text(json.dumps(data))
    (back,) = import_file(path)[1]
    assert told(back.events) == told(events)
    assert write(back.events) == data
