"""OpenHands' runs, of version 0 and of its SDK."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange import Context, Imported, Trajectory, exporter, find_trajectories, import_file, store


def called(id: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    call = {"id": id, "type": "function", "function": {"name": name, "arguments": json.dumps(arguments)}}
    response = {
        "id": f"r-{id}",
        "model": "m-1",
        "choices": [{"finish_reason": "tool_calls", "message": {"content": "I edit it.", "tool_calls": [call]}}],
        "usage": {"prompt_tokens": 40, "completion_tokens": 4},
    }
    return {"function_name": name, "tool_call_id": id, "model_response": response, "total_calls_in_response": 1}


EDIT = {"command": "str_replace", "path": "/w/a.py", "old_str": "a", "new_str": "b"}
HISTORY: list[dict[str, Any]] = [
    {"id": 0, "source": "agent", "action": "system", "args": {"content": "You are OpenHands."}},
    {
        "id": 1,
        "source": "user",
        "action": "message",
        "args": {"content": "Fix a.py"},
        "timestamp": "2025-04-30T16:32:54",
    },
    {"id": 2, "source": "environment", "observation": "agent_state_changed", "content": "", "extras": {}},
    {
        "id": 3,
        "source": "agent",
        "action": "edit",
        "tool_call_metadata": called("t1", "str_replace_editor", EDIT),
        "args": {"path": "/w/a.py", "thought": "I edit it.", "impl_source": "oh_aci"},
    },
    {
        "id": 4,
        "source": "agent",
        "cause": 3,
        "observation": "edit",
        "content": "Edited.",
        "extras": {"path": "/w/a.py"},
    },
    {"id": 5, "source": "agent", "action": "run", "args": {"command": "make", "thought": "Build it."}},
    {
        "id": 6,
        "cause": 5,
        "observation": "run",
        "content": "no rule",
        "success": False,
        "extras": {"metadata": {"exit_code": 2, "working_dir": "/w"}},
    },
    {"id": 7, "source": "agent", "action": "finish", "args": {"outputs": {}, "thought": "Done."}},
]
RUN: dict[str, Any] = {
    "instance_id": "x__x-1",
    "test_result": {"git_patch": "diff --git a/a.py b/a.py\n"},
    "metadata": {"llm_config": {"model": "m-1"}},
    "history": HISTORY,
    "metrics": {"accumulated_cost": 0.25},
    "error": None,
}
PAIRS = [[HISTORY[1], HISTORY[2]], [HISTORY[5], HISTORY[6]], [HISTORY[7]]]
SDK: list[dict[str, Any]] = [
    {"id": "e0", "source": "agent", "kind": "SystemPromptEvent", "system_prompt": {"type": "text", "text": "Rules."}},
    {
        "id": "e1",
        "source": "user",
        "kind": "MessageEvent",
        "llm_message": {"role": "user", "content": [{"type": "text", "text": "Fix it"}]},
    },
    {
        "id": "e2",
        "source": "agent",
        "kind": "ActionEvent",
        "thought": [{"type": "text", "text": "Look."}],
        "reasoning_content": "Hm.",
        "action": {"command": "ls", "kind": "TerminalAction"},
        "tool_name": "terminal",
        "tool_call_id": "t1",
        "tool_call": {"id": "t1", "name": "terminal", "arguments": '{"command": "ls"}'},
        "llm_response_id": "r1",
    },
    {
        "id": "e3",
        "source": "environment",
        "kind": "ObservationEvent",
        "tool_name": "terminal",
        "tool_call_id": "t1",
        "action_id": "e2",
        "observation": {"content": [{"type": "text", "text": "a.py"}], "is_error": False, "exit_code": 0},
    },
]


@pytest.mark.parametrize(
    ("document", "name"),
    [
        (HISTORY, "t.json"),
        (RUN, "t.json"),
        ([RUN, {**RUN, "instance_id": "x__x-2"}], "t.jsonl"),
        ([RUN, {**RUN, "instance_id": "x__x-2"}], "t.json"),
        ({**RUN, "history": PAIRS}, "t.json"),
        (SDK, "t.jsonl"),
        (
            {"issue": {"owner": "o", "repo": "r", "number": 1}, "git_patch": "", "history": [], "error": "it broke"},
            "t.json",
        ),
    ],
)
def test_a_document_comes_back_as_it_was(
    document: Any, name: str, saved: Callable[..., Path], through: Callable[[Path], Any]
) -> None:
    assert through(saved(document, name)) == document


def test_a_run_says_what_happened(imported: Callable[..., list[Imported]]) -> None:
    attempt = imported(RUN)[0]
    events = attempt.events
    started, ended = events[0], events[-1]
    assert isinstance(started, AttemptStarted)
    assert isinstance(ended, AttemptEnded)
    assert (started.task["id"], started.task["problem_statement"], started.model) == ("x__x-1", "Fix a.py", "m-1")
    assert (ended.status, ended.patch, ended.usage.cost) == ("submitted", "diff --git a/a.py b/a.py\n", 0.25)
    assert [e.purpose for e in events if isinstance(e, Message)] == ["system", "task"]
    calls = [e.call for e in events if isinstance(e, ActionTaken)]
    assert [call.name for call in calls] == ["replace", "bash", "submit"]
    assert calls[0].arguments == {"path": "/w/a.py", "old": "a", "new": "b"}
    seen = [e for e in events if isinstance(e, Observed)]
    assert [(e.call_id, e.ok, e.changed) for e in seen] == [("t1", True, True), ("", False, False)]
    assert seen[1].data == {"exit_code": 2, "cwd": "/w"}
    reply = next(e for e in events if isinstance(e, ModelReplied))
    assert (reply.content, reply.usage.prompt_tokens) == ("I edit it.", 40)
    assert attempt.notes == (
        "kept for exporting and not shown, as they are no part of the conversation: observation agent_state_changed",
    )


def test_an_event_log_of_the_sdk_says_what_happened(imported: Callable[..., list[Imported]]) -> None:
    events = imported(SDK, "events.jsonl")[0].events
    action = next(e for e in events if isinstance(e, ActionTaken))
    assert (action.thought, action.call.name, action.call.arguments) == ("Look.", "bash", {"command": "ls"})
    assert next(e for e in events if isinstance(e, ModelReplied)).reasoning == "Hm."
    assert next(e for e in events if isinstance(e, Observed)).text == "a.py"
    assert events[-1].model_dump()["status"] == "interrupted"


@pytest.mark.parametrize(
    ("error", "status"),
    [
        ("RuntimeError: Agent reached maximum iteration in headless mode.", "step_limit"),
        ("litellm.RateLimitError", "model_error"),
    ],
)
def test_why_a_run_ended_is_told_from_its_error(
    error: str, status: str, imported: Callable[..., list[Imported]]
) -> None:
    run = {**RUN, "history": HISTORY[:-1], "error": error}
    assert imported(run)[0].events[-1].model_dump()["status"] == status


def test_a_part_of_a_file_is_written_by_itself(saved: Callable[..., Path], tmp_path: Path) -> None:
    _, attempts = import_file(saved([RUN, {**RUN, "instance_id": "x__x-2"}], "t.jsonl"))
    store(attempts, tmp_path / "out")
    second = [t for t in find_trajectories(tmp_path / "out") if t.task == "x__x-2"]
    (document,) = exporter("openhands").write(second, Context())
    assert json.loads(document.content)["instance_id"] == "x__x-2"


def test_an_attempt_of_ours_becomes_a_list_of_events(
    attempt: Callable[..., list[Event]], imported: Callable[..., list[Imported]]
) -> None:
    (document,) = exporter("openhands").write([Trajectory(attempt())], Context())
    events = imported(json.loads(document.content))[0].events
    assert [e.text for e in events if isinstance(e, Observed)] == ["calc.py", "Submitted."]
    assert [e.call.name for e in events if isinstance(e, ActionTaken)] == ["bash", "submit"]
