"""SWE-agent's .traj: versions, retries, what the model was shown, and attempts of ours in its form."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.exchange import Imported, find_trajectories
from trajectories.exchange.source import load

SYSTEM = {"role": "system", "content": "You are an engineer.", "agent": "main", "message_type": "system_prompt"}
DEMO = {"role": "user", "content": "Here is a demonstration.", "agent": "main", "is_demo": True}
TASK = {"role": "user", "content": "ISSUE: it is broken", "agent": "main", "message_type": "observation"}
SEEN = "calc.py\nREADME.md and a long enough line to be looked for in the other list as well, word for word\n"


def old() -> dict[str, Any]:
    state = json.dumps({"open_file": "n/a", "working_dir": "/calc"})
    answer = {
        "role": "assistant",
        "content": "Look.\n```\nls\n```",
        "thought": "Look.\n",
        "action": "ls\n",
        "agent": "main",
    }
    shown = {"role": "user", "content": f"{SEEN}\n(Open file: n/a)\nbash-$", "agent": "main"}
    return {
        "environment": "swe_main",
        "trajectory": [
            {
                "action": "ls\n",
                "observation": SEEN,
                "response": answer["content"],
                "state": state,
                "thought": "Look.\n",
            },
            {"action": "exit_cost", "observation": "Exited", "response": "Exit", "state": state, "thought": "Exit"},
        ],
        "history": [SYSTEM, DEMO, TASK, answer, shown],
        "info": {
            "exit_status": "submitted (exit_cost)",
            "submission": "\ndiff --git a/x b/x\n",
            "model_stats": {"instance_cost": 3.1, "tokens_sent": 900, "tokens_received": 90, "api_calls": 2},
        },
    }


def new(steps: int = 3) -> dict[str, Any]:
    history: list[dict[str, Any]] = [SYSTEM, TASK]
    trajectory = []
    for number in range(steps):
        arguments = json.dumps({"command": "view", "path": f"/testbed/{number}.py"})
        calls = [
            {
                "id": f"call_{number}",
                "type": "function",
                "function": {"name": "str_replace_editor", "arguments": arguments},
            }
        ]
        elided = [
            {**m, "content": "Old environment output: (1 lines omitted)"} if m["role"] == "tool" else m for m in history
        ]
        query = [*elided[:-1], {**history[-1], "cache_control": {"type": "ephemeral"}}]
        text, action = f"I look at file {number}.", f"str_replace_editor view /testbed/{number}.py"
        shown = f"OBSERVATION: lines of file {number}, " + "and more of them " * 6
        trajectory.append(
            {
                "action": action,
                "observation": shown,
                "response": text,
                "thought": text,
                "execution_time": 0.25,
                "state": {"working_dir": "/testbed"},
                "query": query,
                "extra_info": {},
            }
        )
        answer = {"role": "assistant", "content": text, "thought": text, "action": action, "agent": "main"}
        history.append({**answer, "tool_calls": calls, "message_type": "action", "thinking_blocks": None})
        history.append({"role": "tool", "content": shown, "agent": "main", "tool_call_ids": [f"call_{number}"]})
    return {
        "trajectory": trajectory,
        "history": history,
        "info": {
            "exit_status": "submitted",
            "submission": "diff --git a/x b/x\n",
            "model_stats": {"instance_cost": 0.5},
        },
        "replay_config": json.dumps(
            {"agent": {"model": {"name": "gpt-x"}}, "problem_statement": {"text": "broken", "id": "t"}}
        ),
        "environment": "main",
    }


def retried() -> dict[str, Any]:
    first, second = old(), new()
    info = {**second["info"], "best_attempt_idx": 1, "rloop_model_stats": {}}
    return {"attempts": [first, second], **second, "info": info}


def events_of(attempt: Imported, kind: type) -> list[Any]:
    return [event for event in attempt.events if isinstance(event, kind)]


@pytest.mark.parametrize(
    "document", [old(), new(), retried(), {"history": new()["history"]}, {**new(), "history": None}]
)
def test_a_document_comes_back_as_it_was(
    document: dict[str, Any], saved: Callable[..., Path], through: Callable[[Path], Any]
) -> None:
    assert through(saved(document, "t.traj")) == document


def test_an_old_file_says_what_happened(imported: Callable[..., list[Imported]]) -> None:
    (attempt,) = imported(old(), "calc__calc-1.traj")
    started, ended = attempt.events[0], attempt.events[-1]
    assert isinstance(started, AttemptStarted)
    assert isinstance(ended, AttemptEnded)
    assert (started.task["id"], started.sandbox["workdir"]) == ("calc__calc-1", "/calc")
    assert started.task["problem_statement"] == "ISSUE: it is broken"
    assert [m.purpose for m in events_of(attempt, Message)] == ["system", "remark", "task"]
    assert (ended.status, ended.patch) == ("cost_limit", "diff --git a/x b/x\n")
    assert (ended.usage.prompt_tokens, ended.usage.cost, ended.steps) == (900, 3.1, 2)
    assert events_of(attempt, ActionTaken)[0].call.arguments == {"command": "ls\n"}
    assert events_of(attempt, Observed)[0].text == SEEN


def test_a_new_file_has_native_calls_and_stays_small(
    imported: Callable[..., list[Imported]], saved: Callable[..., Path], tmp_path: Path
) -> None:
    from trajectories.exchange import store

    (attempt,) = imported(new(60), "t.traj")
    reply, action = events_of(attempt, ModelReplied)[1], events_of(attempt, ActionTaken)[1]
    assert (reply.model, reply.tool_calls[0]["id"]) == ("gpt-x", "call_1")
    assert (action.call.id, action.call.name, action.call.arguments) == ("call_1", "open", {"path": "/testbed/1.py"})
    ((path, _),) = store([attempt], tmp_path / "out")
    # What each call was shown is not repeated with every step.
    assert path.stat().st_size < saved(new(60)).stat().st_size / 4


def test_a_retried_run_is_as_many_attempts(imported: Callable[..., list[Imported]]) -> None:
    attempts = imported(retried(), "t.traj")
    assert [a.name for a in attempts] == ["t.1", "t.2"]
    assert [events_of(a, AttemptEnded)[0].status for a in attempts] == ["cost_limit", "submitted"]
    assert {events_of(a, AttemptStarted)[0].task["id"] for a in attempts} == {"t"}


def test_a_single_attempt_of_a_retried_run_is_a_file_of_its_own(
    imported: Callable[..., list[Imported]], exported: Callable[..., Any]
) -> None:
    assert exported("swe-agent", imported(retried(), "t.traj")[1].events) == new()


def test_a_refused_edit_is_known(imported: Callable[..., list[Imported]]) -> None:
    document = old()
    document["trajectory"][0] |= {
        "action": "edit 1:1\nx = (\nend_of_edit\n",
        "observation": "Your proposed edit has introduced new syntax error(s).",
    }
    seen = events_of(imported(document)[0], Observed)[0]
    assert (seen.ok, seen.code, seen.changed) == (False, "guard-refused", False)


def test_what_is_edited_is_edited_in_the_export(
    imported: Callable[..., list[Imported]], exported: Callable[..., Any]
) -> None:
    (attempt,) = imported(old())
    edited: list[Event] = []
    for event in attempt.events:
        if isinstance(event, Observed) and event.step == 1:
            event = event.model_copy(update={"text": "nothing here"})
        if isinstance(event, ActionTaken) and event.step == 1:
            event = event.model_copy(update={"call": event.call.model_copy(update={"arguments": {"command": "ls -a"}})})
        edited.append(event)
    document = exported("swe-agent", edited)
    assert document["trajectory"][0]["observation"] == "nothing here"
    assert document["trajectory"][0]["action"] == "ls -a"
    assert document["history"][4]["content"] == "nothing here\n(Open file: n/a)\nbash-$"


def test_steps_after_a_fork_are_written_beside_the_imported_ones(
    imported: Callable[..., list[Imported]], exported: Callable[..., Any], attempt: Callable[..., list[Event]]
) -> None:
    (mine,) = imported(old())
    ours = [event for event in attempt() if event.type in ("model_replied", "action", "observation")]
    document = exported("swe-agent", [*mine.events[:-1], *ours, mine.events[-1]])
    assert [step["action"] for step in document["trajectory"]] == ["ls\n", "exit_cost", "ls", "", "submit"]
    assert document["info"] == old()["info"]


def test_an_attempt_of_ours_is_read_back_as_it_was(
    attempt: Callable[..., list[Event]], exported: Callable[..., Any], imported: Callable[..., list[Imported]]
) -> None:
    events = attempt()
    document = exported("swe-agent", events)
    assert document["info"]["exit_status"] == "submitted"
    assert document["history"][2]["tool_calls"][0]["function"]["name"] == "bash"
    (back,) = imported(document, "calc-1.traj")
    for kind, fields in (
        (ActionTaken, ("thought",)),
        (Observed, ("text", "call_id")),
        (ModelReplied, ("content", "reasoning")),
    ):
        mine = [[getattr(e, f) for f in fields] for e in events if isinstance(e, kind)]
        assert mine == [[getattr(e, f) for f in fields] for e in events_of(back, kind)]
    assert [e.call for e in events_of(back, ActionTaken)] == [e.call for e in events if isinstance(e, ActionTaken)]
    assert events_of(back, AttemptEnded)[0].patch == events[-1].model_dump()["patch"]


def test_the_input_is_read_without_changing_it(saved: Callable[..., Path], through: Callable[[Path], Any]) -> None:
    path = saved(new(), "t.traj")
    before = path.read_bytes()
    through(path)
    assert path.read_bytes() == before
    assert load(path).data == new()
    assert len(find_trajectories(path.parent)) == 1
