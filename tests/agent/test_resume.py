"""An attempt that was cut off anywhere goes on as if it had not been: same calls, same files, same end."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from aci_tools.guard import Guard
from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session
from agent.config import Config, LimitsConfig
from agent.config_files import laid_over
from agent.models.base import Query, Reply
from agent.models.scripted import ScriptedModel
from agent.reopen import recorded_config
from agent.resume import read_attempt, resumed_config
from agent.status import Status
from tests.agent.conftest import SUBMIT, MakeAttempt, call, fix, scripted
from trajectories.events import AttemptEnded, ModelReplied, Observed, PatchChanged, Resumed
from trajectories.log import read_events

LOOK = call("bash", command="ls")


@pytest.fixture
def fresh(repository: Path) -> Iterator[Any]:
    """Makes sessions on new computers."""
    with contextlib.ExitStack() as stack:

        def make() -> Session:
            sandbox = stack.enter_context(contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))))
            return Session(sandbox, guard=Guard.for_sandbox(sandbox))

        yield make


class Counting(ScriptedModel):
    """A scripted model that knows which of its replies were asked for."""

    def __init__(self, *replies: dict[str, Any]) -> None:
        super().__init__(scripted(*replies).replies)
        self.asked: list[tuple[int, float | None]] = []

    def query(self, query: Query) -> Reply:
        self.asked.append((query.index, query.temperature))
        self.prompt = [dict(message) for message in query.messages]
        return super().query(query)


#: Something of everything: reads, a command that moves, an edit, a malformed reply, several calls, a repeat, an undo.
EVERYTHING = (
    call("open", path="calc.py"),
    call("bash", command="mkdir -p sub && cd sub && echo one > a.txt"),
    {"content": "Let me think."},
    fix("return a + b + 1"),
    {
        "tool_calls": [
            {"name": "bash", "arguments": {"command": "pwd | sed 's,.*/,,'; echo two >> a.txt"}},
            {"name": "bash", "arguments": {"command": "cat a.txt"}},
        ]
    },
    LOOK,
    LOOK,
    call("rewrite_function", path="calc.py", name="add", code="def add(a, b:\n"),
    fix(),
    call("bash", command="rm a.txt; echo three > b.txt"),
    SUBMIT,
)
SETTINGS = ("agent.after_repeat_temperature=0.9", "agent.after_failure_temperature=0.4")


@pytest.mark.kills
def test_a_cut_after_any_event_leads_to_the_same_end(attempt: MakeAttempt, fresh: Any, tmp_path: Path) -> None:
    whole = Counting(*EVERYTHING)
    undisturbed = attempt(model=whole, settings=SETTINGS, log="whole.jsonl").run()
    assert undisturbed.status == Status.SUBMITTED
    lines = (tmp_path / "whole.jsonl").read_bytes().splitlines(keepends=True)
    events = read_events(tmp_path / "whole.jsonl")
    for cut in range(len(lines)):
        path = tmp_path / f"cut{cut}.jsonl"
        path.write_bytes(b"".join(lines[:cut]) + lines[cut][: len(lines[cut]) // 2])
        made = sum(isinstance(event, ModelReplied) for event in events[:cut])
        model = Counting(*EVERYTHING)
        resumed = attempt(model=model, settings=SETTINGS, log=path.name, session=fresh()).run()
        assert (resumed.status, resumed.patch) == (undisturbed.status, undisturbed.patch), cut
        assert (resumed.steps, resumed.usage) == (undisturbed.steps, undisturbed.usage), cut
        assert model.asked == whole.asked[made:], cut
        if model.asked:
            assert model.prompt == whole.prompt, cut
        after = [event for event in read_events(path) if not isinstance(event, Resumed)]
        assert [event.type for event in after] == [event.type for event in events], cut
        assert [e.text for e in after if isinstance(e, Observed)] == [
            e.text for e in events if isinstance(e, Observed)
        ], cut


def test_kills_upon_kills_end_too(attempt: MakeAttempt, fresh: Any, tmp_path: Path) -> None:
    undisturbed = attempt(*EVERYTHING, settings=SETTINGS, log="whole.jsonl").run()
    path = tmp_path / "cut.jsonl"

    class Killed(BaseException):
        pass

    for number in itertools.count():
        left = [4]

        def listener(event: Any, left: list[int] = left) -> None:
            left[0] -= 1
            if left[0] == 0:
                raise Killed

        made = attempt(*EVERYTHING, settings=SETTINGS, log=path.name, session=fresh(), listener=listener)
        try:
            ended = made.run()
            break
        except Killed:
            made.log.close()
            assert number < 40
    assert ended.patch == undisturbed.patch
    events = read_events(path)
    assert [e.step for e in events if isinstance(e, ModelReplied)] == list(range(1, len(EVERYTHING) + 1))
    assert sum(isinstance(e, Resumed) for e in events) == number


def cut_at_end(path: Path) -> None:
    """Leave out the last two steps: the end, and the submit before it."""
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-4]))


def test_what_a_command_did_by_chance_is_set_right_by_the_patch(
    attempt: MakeAttempt, fresh: Any, tmp_path: Path
) -> None:
    chance = call("bash", command="head -c 8 /dev/urandom | od -An -tx1 > r.txt; cp r.txt 'é \"x\".txt'; rm -f calc.py")
    attempt(chance, call("bash", command="echo more >> r.txt; printf '\\351' > l"), SUBMIT).run()
    path = tmp_path / "trajectory.jsonl"
    cut_at_end(path)
    patch = [e.patch for e in read_events(path) if isinstance(e, PatchChanged)][-1]
    ended = attempt(chance, LOOK, SUBMIT, session=fresh()).run()
    assert ended.patch == patch
    (resumed,) = [e for e in read_events(path) if isinstance(e, Resumed)]
    assert (resumed.actions, resumed.corrected, resumed.lost, resumed.steps) == (2, True, [], 2)


def test_a_mask_never_gets_into_a_file(attempt: MakeAttempt, fresh: Any, tmp_path: Path) -> None:
    token = "ghp_" + "A1b2C3d4E5" * 4
    secret = call("bash", command=f"echo {token} > key.txt; echo kept > other.txt")
    replies = (fix(), secret, SUBMIT, SUBMIT)
    attempt(*replies).run()
    path = tmp_path / "trajectory.jsonl"
    assert token not in path.read_text()
    cut_at_end(path)
    model = Counting(*replies)
    session = fresh()
    ended = attempt(model=model, session=session).run()
    assert "[secret removed]" not in ended.patch
    assert "return a + b" in ended.patch
    assert "other.txt" in ended.patch
    assert "key.txt" not in ended.patch
    (resumed,) = [e for e in read_events(path) if isinstance(e, Resumed)]
    assert (resumed.corrected, resumed.lost) == (True, ["key.txt"])
    assert "key.txt" in model.prompt[-1]["content"], "the agent is told"


def test_a_masked_action_that_was_not_run_is_not_run(attempt: MakeAttempt, fresh: Any, tmp_path: Path) -> None:
    secret = call("bash", command="echo ghp_" + "A1b2C3d4E5" * 4 + " > key.txt")
    attempt(secret, SUBMIT).run()
    path = tmp_path / "trajectory.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:5]))  # the start, two messages, the reply, its action
    ended = attempt(secret, SUBMIT, session=fresh()).run()
    assert (ended.status, ended.patch) == (Status.SUBMITTED, "")
    (seen, _) = [e for e in read_events(path) if isinstance(e, Observed)]
    assert (seen.ok, seen.code) == (False, "not-kept")


def test_a_fault_is_gone_on_with_after_its_end(attempt: MakeAttempt, fresh: Any, tmp_path: Path) -> None:
    first = attempt(LOOK, fix())
    assert first.run().status == Status.MODEL_ERROR
    first.log.close()
    recorded = read_attempt(tmp_path / "trajectory.jsonl")
    assert recorded is not None
    assert not recorded.finished
    model = Counting(LOOK, fix(), SUBMIT)
    ended = attempt(model=model, session=fresh()).run()
    assert (ended.status, ended.steps, model.asked) == (Status.SUBMITTED, 3, [(2, None)])
    events = read_events(tmp_path / "trajectory.jsonl")
    assert [e.status for e in events if isinstance(e, AttemptEnded)] == ["model_error", "submitted"]
    again = read_attempt(tmp_path / "trajectory.jsonl")
    assert again is not None
    assert again.finished


def test_limits_hold_over_all_processes_of_an_attempt(attempt: MakeAttempt, fresh: Any, tmp_path: Path) -> None:
    usage = {"prompt_tokens": 1000, "cost": 0.4}
    first = attempt({**LOOK, "usage": usage, "delay": 0.2}, {**fix(), "usage": usage})
    first.run()
    first.log.close()
    more = [{**LOOK, "usage": usage}] * 3
    ended = attempt(LOOK, fix(), *more, session=fresh(), settings=("limits.cost=1.0",)).run()
    assert (ended.status, ended.steps) == (Status.COST_LIMIT, 3)
    assert ended.duration >= 0.2


def test_recorded_settings_are_taken_as_they_were() -> None:
    settings = {"sandbox.env": {"A": "\U0001f600"}, "model.extra": {"min_p": 1e-5}, "sandbox.startup": "1"}
    config = laid_over(Config(), settings, "test")
    recorded = json.loads(json.dumps(config.model_dump(mode="json")))
    assert resumed_config(recorded, [], {}) == config
    assert recorded_config({**recorded, "of a later version": {"x": 1}}) == config


def test_only_model_and_limits_may_be_given_anew() -> None:
    recorded = Config().model_dump(mode="json")
    changed = resumed_config(recorded, ["limits.steps=7"], {"model.name": "scripted:x", "sandbox.kind": None})
    assert (changed.limits, changed.model.name) == (LimitsConfig(steps=7), "scripted:x")
    with pytest.raises(UsageError, match=r"sandbox\.kind cannot change"):
        resumed_config(recorded, [], {"sandbox.kind": "local"})
    recorded["model"]["extra"] = {"api_key": "[secret removed]"}
    with pytest.raises(UsageError, match=r"model\.extra holds a secret"):
        resumed_config(recorded, [], {})
    assert resumed_config(recorded, ["model.extra={api_key: mine}"], {}).model.extra == {"api_key": "mine"}
