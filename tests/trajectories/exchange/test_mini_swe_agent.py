"""mini-swe-agent's trajectories, versions 1 and 2."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange import Imported

SYSTEM = {"role": "system", "content": "You can use a shell."}
TASK = {
    "role": "user",
    "content": "<pr_description>\nConsider the following PR description:\nIt breaks.\n</pr_description>\nGo.",
}
USAGE = {"prompt_tokens": 50, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 20}, "cost": 0.002}


def version_1() -> dict[str, Any]:
    response = {
        "created": 1763486000,
        "model": "m-1",
        "usage": USAGE,
        "choices": [{"finish_reason": "stop", "message": {}}],
    }
    return {
        "info": {
            "exit_status": "Submitted",
            "submission": "diff --git a/x b/x\n",
            "model_stats": {"instance_cost": 0.01, "api_calls": 3},
            "mini_version": "1.15.0",
            "config": {"model": {"model_name": "m"}, "environment": {"cwd": "/testbed", "image": "img:1"}},
        },
        "messages": [
            SYSTEM,
            TASK,
            {"role": "assistant", "content": "THOUGHT: Look.\n\n```bash\nls\n```", "extra": {"response": response}},
            {"role": "user", "content": "<returncode>2</returncode>\n<output>\nno\n</output>"},
            {"role": "assistant", "content": "I forgot the block.", "extra": {"response": response}},
            {"role": "user", "content": "Please always provide EXACTLY ONE action."},
            {"role": "assistant", "content": "```bash\necho COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT\n```", "extra": {}},
            {"role": "user", "content": "diff --git a/x b/x\n"},
        ],
        "trajectory_format": "mini-swe-agent-1",
        "instance_id": "x__x-1",
    }


def version_2() -> dict[str, Any]:
    calls = [
        {"id": id, "type": "function", "function": {"name": "bash", "arguments": json.dumps({"command": command})}}
        for id, command in (("c1", "ls"), ("c2", "pwd"))
    ]
    actions = [{"command": "ls", "tool_call_id": "c1"}, {"command": "pwd", "tool_call_id": "c2"}]
    result = {"raw_output": "x", "returncode": 0, "timestamp": 1784000002.5, "exception_info": None}
    return {
        "info": {
            "exit_status": "LimitsExceeded",
            "submission": "",
            "model_stats": {"instance_cost": 0.2, "api_calls": 1},
            "config": {"agent": {"step_limit": 1, "cost_limit": 3.0}},
            "mini_version": "2.4.6",
        },
        "messages": [
            SYSTEM,
            TASK,
            {
                "role": "assistant",
                "content": [{"type": "text", "text": "Both at once."}],
                "tool_calls": calls,
                "extra": {"actions": actions, "cost": 0.2, "timestamp": 1784000001.0},
            },
            {"role": "tool", "tool_call_id": "c2", "content": "/testbed", "extra": result},
            {"role": "tool", "tool_call_id": "c1", "content": "a.py", "extra": {**result, "returncode": 1}},
            {"role": "exit", "content": "LimitsExceeded", "extra": {"exit_status": "LimitsExceeded", "submission": ""}},
        ],
        "trajectory_format": "mini-swe-agent-1.1",
        "instance_id": "x__x-2",
    }


@pytest.mark.parametrize("document", [version_1(), version_2(), version_1()["messages"]])
def test_a_document_comes_back_as_it_was(
    document: Any, saved: Callable[..., Path], through: Callable[[Path], Any]
) -> None:
    assert through(saved(document, "t.traj.json")) == document


def test_version_1_says_what_happened(imported: Callable[..., list[Imported]]) -> None:
    events = imported(version_1())[0].events
    started, ended = events[0], events[-1]
    assert isinstance(started, AttemptStarted)
    assert isinstance(ended, AttemptEnded)
    assert (started.task["id"], started.task["problem_statement"]) == ("x__x-1", "It breaks.")
    assert (started.sandbox["image"], started.sandbox["workdir"]) == ("img:1", "/testbed")
    assert (ended.status, ended.patch, ended.steps, ended.usage.cost) == ("submitted", "diff --git a/x b/x\n", 3, 0.01)
    replies = [event for event in events if isinstance(event, ModelReplied)]
    assert (replies[0].usage.prompt_tokens, replies[0].usage.cached_tokens, replies[0].time) == (50, 20, 1763486000)
    action = next(event for event in events if isinstance(event, ActionTaken))
    assert (action.thought, action.call.arguments) == ("Look.", {"command": "ls"})
    seen = next(event for event in events if isinstance(event, Observed))
    assert (seen.ok, seen.code, seen.data) == (False, "command-failed", {"exit_code": 2})
    assert [e.purpose for e in events if isinstance(e, Message)] == ["system", "task", "correction"]


def test_version_2_matches_results_to_calls(imported: Callable[..., list[Imported]]) -> None:
    events = imported(version_2())[0].events
    seen = [(event.call_id, event.text, event.ok) for event in events if isinstance(event, Observed)]
    assert seen == [("c2", "/testbed", True), ("c1", "a.py", False)]
    ended = events[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.patch) == ("step_limit", "")


def test_what_a_person_says_in_between_is_no_correction(imported: Callable[..., list[Imported]]) -> None:
    document = version_1()
    place = next(i for i, m in enumerate(document["messages"]) if m["role"] == "assistant") + 2
    document["messages"].insert(place, {"role": "user", "content": "Look at the cache first."})
    messages = [event for event in imported(document)[0].events if isinstance(event, Message)]
    assert [(e.purpose, e.code) for e in messages[2:]] == [("remark", ""), ("correction", "no-action")]


def test_an_attempt_of_ours_is_read_back_as_it_was(
    attempt: Callable[..., list[Event]], exported: Callable[..., Any], imported: Callable[..., list[Imported]]
) -> None:
    document = exported("mini-swe-agent", attempt())
    assert document["trajectory_format"] == "mini-swe-agent-1.1"
    assert document["messages"][-1]["role"] == "exit"
    assert document["messages"][2]["extra"]["actions"] == [{"command": "ls", "tool_call_id": "c1"}]
    events = imported(document)[0].events
    assert [e.text for e in events if isinstance(e, Observed)] == ["calc.py", "Submitted."]
    assert [e.call.arguments["command"] for e in events if isinstance(e, ActionTaken)] == ["ls", "submit"]
    ended = events[-1]
    assert isinstance(ended, AttemptEnded)
    assert (ended.status, ended.usage.cost) == ("submitted", 0.03)
    assert "return a + b" in ended.patch
