"""Forks of other agents' attempts: their steps are executed and told as ours, then it goes on with our tools."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from aci_tools.sandbox import available_kinds
from agent.fork import ForkRequest, fork_attempt
from agent.fork.adopt import issue_of
from agent.reopen import Where
from agent.replay import ReplayRequest, replay
from tests.agent.conftest import SUBMIT, call, fix, git
from tests.agent.recorded import Quiet, bash, project, record, script
from tests.agent.test_provider import Server, answer, server
from trajectories.events import AttemptEnded, AttemptStarted, Event, ModelReplied
from trajectories.exchange import Context, exporter, find_trajectories, import_file, store
from trajectories.log import read_events

__all__ = ["server"]

#: What others recorded runs in no sandbox that isolates nothing.
KIND = "namespace"
STATE = {"open_file": "/project/calc.py", "working_dir": "/project"}


@pytest.fixture(autouse=True)
def _namespace() -> None:
    (found,) = [known for known in available_kinds() if known.kind == KIND]
    if not found.usable:
        pytest.skip(f"namespaces do not work here: {found.reason}")


@pytest.fixture
def calc(tmp_path: Path) -> Path:
    place = tmp_path / "calc"
    place.mkdir()
    return project(place)


def commit(repository: Path) -> str:
    return git(repository, "rev-parse", "HEAD").strip()


def swe_agent(base: str, issue: str = "add subtracts.") -> dict[str, Any]:
    """An attempt that opens a file, edits it with a blank line at the end of the text, and submits."""
    template = (
        f"We're solving this issue.\nISSUE:\n{issue}\n\nINSTRUCTIONS:\nUse the special commands." if issue else ""
    )
    steps = [
        ("I look at the file.", "open calc.py\n", "[File: /project/calc.py (6 lines total)]\n1:def add(a, b):"),
        (
            "The sign is wrong.",
            "edit 2:3\n    return a + b\n\n\nend_of_edit\n",
            "[File: /project/calc.py]\nFile updated.",
        ),
        ("Nothing to run.", "pwd\n", "/project\n"),
    ]
    history = [
        {"role": "system", "content": "You have special commands.", "agent": "main"},
        {"role": "user", "content": "A demonstration.", "agent": "main", "is_demo": True},
        {"role": "user", "content": template, "agent": "main"},
    ]
    trajectory = []
    for thought, action, seen in steps:
        said = {"thought": thought, "action": action, "content": f"{thought}\n```\n{action}```"}
        history += [{"role": "assistant", "agent": "main", **said}, {"role": "user", "content": seen, "agent": "main"}]
        trajectory.append(
            {"action": action, "observation": seen, "response": said["content"], "state": STATE, "thought": thought}
        )
    config = {"env": {"repo": {"base_commit": base}}, "problem_statement": {"text": ""}}
    info = {"exit_status": "submitted", "submission": ""}
    return {"trajectory": trajectory, "history": history, "info": info, "replay_config": json.dumps(config)}


def mini_swe_agent() -> dict[str, Any]:
    """An attempt of version 2 with two commands in a reply, a malformed reply, and one that ends it."""
    said: list[dict[str, Any]] = [
        {"role": "system", "content": "You can use a shell."},
        {
            "role": "user",
            "content": "<pr_description>\nadd subtracts.\n</pr_description>\nRead the rules of our shell.",
        },
    ]
    count = 0

    def reply(text: str, *commands: tuple[str, str]) -> None:
        nonlocal count
        ids = [f"m{count + number}" for number in range(len(commands))]
        count += len(commands)
        calls = [
            {"id": id, "type": "function", "function": {"name": "bash", "arguments": json.dumps({"command": command})}}
            for id, (command, _) in zip(ids, commands, strict=True)
        ]
        actions = [{"command": command, "tool_call_id": id} for id, (command, _) in zip(ids, commands, strict=True)]
        said.append({"role": "assistant", "content": text, "tool_calls": calls, "extra": {"actions": actions}})
        for id, (_, output) in zip(ids, commands, strict=True):
            content = f"<returncode>0</returncode>\n<output>\n{output}</output>"
            said.append({"role": "tool", "tool_call_id": id, "content": content, "extra": {"returncode": 0}})

    reply("I look.", ("cd tools && ls", "text.py\n"), ("sed -i 's/a - b/a + b/' calc.py", ""))
    reply("I forgot the call.")
    said.append({"role": "user", "content": "Please write EXACTLY ONE action.", "extra": {}})
    reply("I note it.", ("echo fixed > /testbed/done.txt", ""))
    final = [{"command": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT", "tool_call_id": "end"}]
    said.append({"role": "assistant", "content": "Done.", "tool_calls": [], "extra": {"actions": final}})
    said.append({"role": "exit", "content": "", "extra": {"exit_status": "Submitted", "submission": ""}})
    environment = {"cwd": "/testbed"}
    info = {"exit_status": "Submitted", "submission": "", "mini_version": "2.4.6"}
    info |= {"config": {"model": {"model_name": "m"}, "environment": environment}}  # type: ignore[dict-item]
    return {"info": info, "messages": said, "trajectory_format": "mini-swe-agent-1.1", "instance_id": "calc__calc-1"}


def openhands(base: str) -> list[dict[str, Any]]:
    """An attempt with a tool of which we have none."""
    thinking = {"action": "think", "source": "agent", "args": {"thought": "Hm. It's the sign."}}
    told = {"tool_call_id": "t1", "function_name": "think"}
    return [
        {"id": 0, "source": "user", "action": "message", "args": {"content": "add subtracts."}},
        {"id": 1, **thinking, "tool_call_metadata": told},
        {"id": 2, "source": "agent", "observation": "think", "content": "Logged.", "cause": 1},
        {"id": 3, "source": "agent", "action": "run", "args": {"command": "sed -i 's/a - b/a + b/' calc.py"}},
        {"id": 4, "source": "agent", "observation": "run", "content": "", "cause": 3, "extras": {}},
    ]


@pytest.fixture
def forked(calc: Path, tmp_path: Path) -> Callable[..., list[Event]]:
    """Imports a document and forks it; gives the fork's events."""

    def make(document: Any, step: int, flags: dict[str, Any], **asked: Any) -> list[Event]:
        file = tmp_path / "calc__calc-1.traj"
        file.write_text(json.dumps(document))
        ((trajectory, _),) = store(import_file(file)[1], tmp_path / "imported")
        where = Where(repo=str(calc), base=commit(calc), sandbox=KIND)
        given = {"aci.review_submit": False, "sandbox.memory": None, **flags}
        request = ForkRequest(trajectory, step, tmp_path / "fork", where=where, flags=given, **asked)
        fork_attempt(request, Quiet())
        return read_events(tmp_path / "fork" / "trajectory.jsonl")

    return make


Fork = Callable[..., list[Event]]


def scripted(tmp_path: Path, shared: int, *after: dict[str, Any]) -> dict[str, Any]:
    """A model that goes on with these replies after some that were shared."""
    return {"model.name": script(tmp_path / "script.jsonl", *[SUBMIT] * shared, *after)}


def patch(events: list[Event]) -> str:
    ended = events[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended.status == "submitted", ended.detail
    return ended.patch


NEW = call("create", path="new.txt", text="new\n")


def test_an_attempt_of_swe_agent_goes_on_with_our_tools(forked: Fork, calc: Path, tmp_path: Path) -> None:
    events = forked(swe_agent(commit(calc)), 2, scripted(tmp_path, 2, NEW, SUBMIT))
    made = patch(events)
    assert "-    return a - b\n+    return a + b\n" in made
    assert "+new" in made
    started = events[0]
    assert isinstance(started, AttemptStarted)
    assert started.parent is not None
    assert (started.parent["relation"], started.parent["step"]) == ("fork", 2)
    assert started.task["problem_statement"] == "add subtracts."
    replayed = replay(ReplayRequest(tmp_path / "fork", Where(repo=str(calc), sandbox=KIND)), Quiet())
    assert replayed.equal, replayed.as_json()


def test_a_command_that_printed_nothing_here_and_there_came_out_the_same(calc: Path, tmp_path: Path) -> None:
    document = swe_agent(commit(calc))
    said = {"observation": "Your command ran successfully and did not produce any output."}
    document["trajectory"][2] |= {"action": "touch new.txt\n", **said}
    file = tmp_path / "calc__calc-1.traj"
    file.write_text(json.dumps(document))
    ((trajectory, _),) = store(import_file(file)[1], tmp_path / "imported")
    where = Where(repo=str(calc), base=commit(calc), sandbox=KIND)
    replayed = replay(ReplayRequest(trajectory, where), Quiet())
    assert [result.kind for result in replayed.results] == ["equal", "equal", "equal"]


def test_an_imported_attempt_says_nothing_of_its_patch_before_the_end(calc: Path, tmp_path: Path) -> None:
    file = tmp_path / "calc__calc-1.traj"
    file.write_text(json.dumps(swe_agent(commit(calc))))
    ((trajectory, _),) = store(import_file(file)[1], tmp_path / "imported")
    request = ReplayRequest(trajectory, Where(repo=str(calc), base=commit(calc), sandbox=KIND), until=2)
    replayed = replay(request, Quiet())
    assert any(result.changed for result in replayed.results)
    assert (replayed.patch, replayed.equal) == (None, True)


def test_lines_that_were_let_through_elsewhere_stay_indented_as_they_were(
    forked: Fork, calc: Path, tmp_path: Path
) -> None:
    recorded = json.dumps(swe_agent(commit(calc))).replace("    return a + b\\n\\n\\n", "return a + b\\n\\n\\n")
    made = patch(forked(json.loads(recorded), 2, scripted(tmp_path, 2, NEW, SUBMIT)))
    assert "-    return a - b\n+return a + b\n" in made
    replayed = replay(ReplayRequest(tmp_path / "fork", Where(repo=str(calc), sandbox=KIND)), Quiet())
    assert replayed.patch == "equal"
    assert [result.reason for result in replayed.results if "our guard refuses" in result.reason]


def test_an_attempt_of_mini_swe_agent_goes_on_with_our_tools(forked: Fork, tmp_path: Path) -> None:
    events = forked(mini_swe_agent(), 3, scripted(tmp_path, 2, NEW, SUBMIT))
    made = patch(events)
    assert "+    return a + b" in made, "each of its commands starts at the top, though the one before went elsewhere"
    assert "+fixed" in made
    assert "+new" in made
    steps = [event.step for event in events if isinstance(event, ModelReplied)]
    assert steps == [1, 2, 3, 4], "the malformed reply is left out"


def ask(server: Server) -> dict[str, Any]:
    calls = [{"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]
    server.queue.append((200, answer(content="", tool_calls=calls), {}))
    return {"model.name": "mine", "model.api_base": server.address, "model.tool_calls": True}


def test_the_model_is_shown_the_imported_steps_as_calls_of_our_tools(forked: Fork, calc: Path, server: Server) -> None:
    flags = {**ask(server), "sandbox.workdir": "/project"}
    forked(swe_agent(commit(calc)), 2, flags, say="Look at subtraction.")
    (asked,) = server.asked
    system, task, first, opened, second, edited, remark = asked["messages"]
    assert "special commands" not in json.dumps(asked), "neither its prompts nor its demonstration are shown"
    assert (system["role"], task["role"]) == ("system", "user")
    assert "<issue>\nadd subtracts.\n</issue>" in task["content"]
    assert first["content"] == "I look at the file."
    assert first["tool_calls"][0]["function"] == {"name": "open", "arguments": '{"path": "calc.py"}'}
    assert opened["tool_call_id"] == first["tool_calls"][0]["id"]
    assert opened["content"].startswith("[File: /project/calc.py (6 lines total)]")
    edit = json.loads(second["tool_calls"][0]["function"]["arguments"])
    assert edit == {"start": 2, "end": 3, "path": "calc.py", "text": "    return a + b\n\n\n"}
    assert edited["content"].endswith("File updated.")
    assert remark == {"role": "user", "content": "Look at subtraction."}


def test_several_calls_of_a_reply_stay_together_or_become_replies_of_one(
    forked: Fork, server: Server, tmp_path: Path
) -> None:
    forked(mini_swe_agent(), 1, ask(server))
    messages = server.asked[0]["messages"][2:]
    assert [message["role"] for message in messages] == ["assistant", "tool", "tool"]
    assert "text.py" in messages[1]["content"]
    (tmp_path / "fork" / "trajectory.jsonl").unlink()
    server.queue.append((200, answer(content="```\nsubmit\n```"), {}))
    forked(mini_swe_agent(), 1, {**ask(server), "agent.action_format": "thought_action"})
    contents = [message["content"] for message in server.asked[1]["messages"][2:]]
    assert contents[0] == "THOUGHT: I look.\n```\nbash cd tools && ls\n```"
    assert contents[2] == "```\nbash cd /testbed\nsed -i 's/a - b/a + b/' calc.py\n```"


def test_an_action_that_no_tool_of_ours_can_do_is_shown_and_not_executed(
    forked: Fork, calc: Path, server: Server
) -> None:
    events = forked(openhands(commit(calc)), 2, ask(server))
    said = [m["tool_calls"][0]["function"] for m in server.asked[0]["messages"] if m.get("tool_calls")]
    assert [function["name"] for function in said] == ["bash", "bash"]
    assert json.loads(said[0]["arguments"])["command"].startswith(": think")
    assert "+    return a + b" in patch(events)


def test_an_attempt_that_went_through_atif_can_be_forked(forked: Fork, calc: Path, tmp_path: Path) -> None:
    record(calc, tmp_path / "out", [bash("echo one > one.txt; cat one.txt"), fix(), SUBMIT], kind=KIND)
    (document,) = exporter("atif").write(find_trajectories(tmp_path / "out"), Context())
    made = patch(forked(json.loads(document.content), 2, scripted(tmp_path, 2, NEW, SUBMIT)))
    assert "+one" in made
    assert "+    return a + b" in made
    assert "+new" in made


def test_another_action_of_an_imported_step_is_executed_instead(forked: Fork, tmp_path: Path) -> None:
    action = json.dumps({"name": "bash", "arguments": {"command": "echo other > other.txt"}})
    made = patch(forked(mini_swe_agent(), 3, scripted(tmp_path, 2, SUBMIT), action=action))
    assert "+other" in made
    assert "+fixed" not in made


@pytest.mark.parametrize(
    ("document", "step", "asked", "says"),
    [
        (swe_agent("", issue=""), 1, {}, "no issue is recorded .* --tasks"),
        (mini_swe_agent(), 4, {"action": '{"name": "submit"}'}, "nothing came of the actions of this step"),
        (mini_swe_agent(), 9, {}, "the attempt has the steps 1 to 4"),
        (mini_swe_agent(), 1, {"reply": ModelReplied(step=1)}, "name another action with --replace-action"),
    ],
)
def test_what_cannot_be_forked_is_refused(
    forked: Fork, tmp_path: Path, document: dict[str, Any], step: int, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        forked(document, step, scripted(tmp_path, 0, SUBMIT), **asked)
    assert not (tmp_path / "fork").exists()


@pytest.mark.parametrize(
    "message",
    [
        "We're solving it.\nISSUE:\nIt breaks.\n\nTwice.\n\nINSTRUCTIONS:\nNow go.",
        "<pr_description>\nConsider the following PR description:\nIt breaks.\n\nTwice.\n</pr_description>\nGo.",
        "<issue_description>\nIt breaks.\n\nTwice.\n</issue_description>",
        "It breaks.\n\nTwice.\n",
    ],
)
def test_the_issue_is_taken_out_of_the_first_message(message: str) -> None:
    assert issue_of(message) == "It breaks.\n\nTwice."
