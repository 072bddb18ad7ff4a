"""Forks share what came before, differ from there on, and say what a step is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from aci_tools.tools import TOOLS
from agent.fork import ForkRequest, StepValue, fork_attempt
from agent.fork.edit import changed, document
from agent.fork.write import reply_with
from agent.formats import make_format
from tasks.grading import Verdict
from tasks.task import Task
from tests.agent.conftest import SUBMIT, call, fix
from tests.agent.recorded import Quiet, bash, project, record, script
from tests.agent.test_provider import Server, answer, server
from trajectories.events import AttemptEnded, AttemptStarted, Event, Message, ModelReplied, Observed
from trajectories.forks import draw, forest
from trajectories.log import read_events

__all__ = ["server"]

SAID = (bash("echo one > new.txt; cat new.txt"), call("open", path="calc.py"), fix("return b"), SUBMIT)


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    place = tmp_path / "calc"
    place.mkdir()
    record(project(place), tmp_path / "out", list(SAID))
    return tmp_path / "out" / "trajectory.jsonl"


Fork = Callable[..., list[Event]]


@pytest.fixture
def forked(recorded: Path, tmp_path: Path) -> Fork:
    """Makes a fork that goes on with scripted replies, or with a model; gives its events."""

    def make(step: int, *after: dict[str, Any], flags: dict[str, Any] | None = None, **asked: Any) -> list[Event]:
        model = script(tmp_path / "script.jsonl", *SAID[:step], *after)
        request = ForkRequest(recorded, step, tmp_path / "fork", flags=flags or {"model.name": model}, **asked)
        fork_attempt(request, Quiet())
        return read_events(tmp_path / "fork" / "trajectory.jsonl")

    return make


def patch(events: list[Event]) -> str:
    ended = events[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended.status == "submitted", ended.detail
    return ended.patch


def seen(events: list[Event], step: int) -> list[str]:
    return [event.text for event in events if isinstance(event, Observed) and event.step == step]


def test_a_remark_reaches_the_prompt(forked: Fork, server: Server) -> None:
    calls = [{"id": "c", "type": "function", "function": {"name": "submit", "arguments": "{}"}}]
    server.queue.append((200, answer(content="", tool_calls=calls), {}))
    flags = {"model.name": "mine", "model.api_base": server.address, "model.tool_calls": True}
    events = forked(2, flags=flags, say="Look at subtraction.")
    (asked,) = server.asked
    assert asked["messages"][-1] == {"role": "user", "content": "Look at subtraction."}
    assert "def twice" in asked["messages"][-2]["content"], "what was seen before stands before it"
    assert "new.txt" in patch(events), "the files are as step 2 left them"
    ended = events[-1]
    assert isinstance(ended, AttemptEnded)
    assert ended.steps == 3


def test_another_action_is_executed_instead(forked: Fork, recorded: Path) -> None:
    action = {"name": "bash", "arguments": {"command": "echo two > new.txt; cat new.txt"}}
    events = forked(1, fix(), SUBMIT, action=json.dumps(action))
    assert seen(read_events(recorded), 1) == ["one"]
    assert seen(events, 1) == ["two"]
    assert "+two" in patch(events)
    started = events[0]
    assert isinstance(started, AttemptStarted)
    assert started.parent is not None
    assert started.parent["changed"] == ["action"]


def test_another_observation_is_seen_and_the_files_stay(forked: Fork) -> None:
    events = forked(1, fix(), SUBMIT, observation="There is nothing here.")
    assert seen(events, 1) == ["There is nothing here."]
    assert "+one" in patch(events)


def test_another_prompt_opens_the_conversation_anew(forked: Fork, tmp_path: Path) -> None:
    prompt = tmp_path / "system.md"
    prompt.write_text("Be brief.")
    events = forked(1, fix(), SUBMIT, settings=[f"agent.system_prompt={prompt}"])
    contents = [event.content for event in events if isinstance(event, Message) and event.purpose == "system"]
    assert contents == ["Be brief.\n"]
    assert [event.seq for event in events] == list(range(len(events)))


def test_the_beginning_can_be_forked_and_so_can_the_end(forked: Fork, tmp_path: Path) -> None:
    assert "new.txt" not in patch(forked(0, fix(), SUBMIT))
    (tmp_path / "fork" / "trajectory.jsonl").unlink()
    events = forked(4, fix(), SUBMIT, say="That is wrong.")
    assert "return a + b" in patch(events), "it goes on although the step had submitted"
    assert sum(isinstance(event, ModelReplied) for event in events) == 6


def test_the_value_of_a_step_is_the_share_of_forks_that_resolve(recorded: Path, tmp_path: Path) -> None:
    good, bad = script(tmp_path / "good.jsonl", *SAID[:2], fix(), SUBMIT), script(tmp_path / "bad.jsonl", *SAID)
    request = ForkRequest(recorded, 2, tmp_path / "forks", times=3, flags={"model.name": good})
    judged: list[str] = []

    def judge(task: Task, patch: str) -> Verdict:
        judged.append(patch)
        resolved = "a + b" in patch and len(judged) != 2
        return Verdict(task_id=task.id, model="m", status="resolved" if resolved else "unresolved", resolved=resolved)

    forks, value = fork_attempt(request, Quiet(), judge=judge)
    assert value is not None
    assert (len(forks), value.resolved, value.judged) == (3, 2, 3)
    assert json.loads((tmp_path / "forks" / "value.json").read_text())["value"] == pytest.approx(2 / 3)
    again = replace(request, output=tmp_path / "forks2", times=1, flags={"model.name": bad})
    _, worthless = fork_attempt(again, Quiet(), judge=judge)
    assert worthless is not None
    assert worthless.value == 0.0
    seeds = [read_events(made.output / "trajectory.jsonl")[0] for made in forks]
    assert len({started.config["model"]["seed"] for started in seeds if isinstance(started, AttemptStarted)}) == 3


def test_forks_of_forks_make_a_tree(recorded: Path, tmp_path: Path) -> None:
    model = script(tmp_path / "script.jsonl", *SAID[:2], fix(), SUBMIT)
    first, second = tmp_path / "a", tmp_path / "b"
    fork_attempt(ForkRequest(recorded, 2, first, flags={"model.name": model}), Quiet())
    fork_attempt(ForkRequest(first, 3, second, flags={"model.name": model}, say="Mind the tests."), Quiet())
    root, child, grandchild = (read_events(p)[0] for p in (recorded, first / recorded.name, second / recorded.name))
    lines = draw(forest([second])).splitlines()
    for line, event, begins in zip(lines, (root, child, grandchild), ("", "└─ at 2:  ", "   └─ at 3:  "), strict=True):
        assert isinstance(event, AttemptStarted)
        assert line.startswith(f"{begins}{event.attempt_id}  submitted")
    assert lines[2].endswith("[remark]")


@pytest.mark.parametrize("said", ["a\x85b", "one\ntwo\u2028three", "  blank\n\r\n\t# end ", "\x1b[31mred\udcff"])
def test_a_step_that_an_editor_left_alone_is_unchanged(tmp_path: Path, said: str) -> None:
    events = [ModelReplied(step=1, content=said), Observed(step=1, text=said)]
    file = tmp_path / "step.yaml"
    file.write_text(document(events, 1), encoding="utf-8", errors="backslashreplace")
    with pytest.raises(UsageError, match="nothing was changed"):
        changed(ForkRequest(tmp_path, 1, tmp_path), events, file.read_text(encoding="utf-8"))


def test_an_attempt_killed_in_its_first_line_is_none_of_a_tree(recorded: Path, tmp_path: Path) -> None:
    torn = tmp_path / "torn" / "trajectory.jsonl"
    torn.parent.mkdir()
    torn.write_bytes(recorded.read_bytes()[:50])
    assert len(forest([torn, recorded])) == 1
    with pytest.raises(UsageError, match="no trajectory in"):
        forest([torn])


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"say": "x", "action": '{"name": "submit"}'}, "a replaced action is executed first"),
        ({"settings": ["agent.action_format=xml"]}, "the shared steps are written as tool_calls"),
        ({"settings": ["aci.windw=3"]}, "did you mean aci.window"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_made(
    forked: Fork, tmp_path: Path, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=says):
        forked(2, SUBMIT, **asked)
    assert not (tmp_path / "fork").exists()


@pytest.mark.parametrize("format", ["tool_calls", "thought_action", "xml"])
@pytest.mark.parametrize(
    "action",
    [
        {"name": "bash", "arguments": {"command": "echo '```'\necho \"two\""}},
        {"name": "open", "arguments": {"path": "a file.py", "line": 3}},
        {"name": "replace", "arguments": {"path": "calc.py", "old": "a\n  b", "new": "c\nd"}},
        {"name": "submit", "arguments": {}},
    ],
)
def test_an_action_is_written_as_the_attempt_writes_its_own(format: str, action: dict[str, Any]) -> None:
    tools = list(TOOLS.values())
    made = make_format(format)
    edited = reply_with(ModelReplied(step=1, content="Hm."), json.dumps(action), made, tools)
    (parsed,) = made.parse(edited, tools).calls
    assert parsed.call.name == action["name"]
    for key, value in action["arguments"].items():
        assert str(parsed.call.arguments[key]).rstrip("\n") == str(value)


def test_an_interval_never_claims_more_than_the_forks_tell() -> None:
    value = StepValue.of("a", 3, [True, True, None])
    assert (value.value, value.judged) == (1.0, 2)
    assert value.interval[0] < 0.5
    assert StepValue.of("a", 3, []).value is None
