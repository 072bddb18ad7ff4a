"""The loop on a real repository in a real sandbox: however it ends, an attempt keeps its patch and says why."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agent.loop import Attempt
from agent.models.base import ContextOverflow, Query, Reply
from agent.models.scripted import ScriptedModel
from agent.status import Status
from tests.agent.conftest import SUBMIT, MakeAttempt, call, fix, git, scripted, types
from trajectories.events import (
    ActionTaken,
    AttemptEnded,
    Condensed,
    Event,
    Message,
    ModelReplied,
    Observed,
    PatchChanged,
    Usage,
)
from trajectories.log import read_events

MINUS = "-    return a - b\n"
PLUS = "+    return a + b\n"
LOOK = call("bash", command="ls")


E = TypeVar("E", bound=Event)


def of(kind: type[E], events: list[Event]) -> list[E]:
    return [event for event in events if isinstance(event, kind)]


def test_a_fix_is_submitted_and_its_patch_applies(attempt: MakeAttempt, repository: Path, tmp_path: Path) -> None:
    ended = attempt(LOOK, fix(), SUBMIT).run()
    assert (ended.status, ended.steps) == (Status.SUBMITTED, 3)
    assert MINUS + PLUS in ended.patch
    (tmp_path / "it.diff").write_text(ended.patch)
    assert "return a - b" in (repository / "calc.py").read_text(), "the user's own files stay as they are"
    git(repository, "apply", "--index", str(tmp_path / "it.diff"))
    assert (repository / "calc.py").read_text().startswith("def add(a, b):\n    return a + b\n")


def test_everything_is_recorded_in_order_before_the_next_thing_happens(attempt: MakeAttempt, tmp_path: Path) -> None:
    told: list[Event] = []

    def listener(event: Event) -> None:
        told.append(event)
        assert read_events(tmp_path / "trajectory.jsonl") == told, "it was on the disk when it was told"

    attempt(fix(), {"content": "Hm."}, SUBMIT, listener=listener).run()
    step = ["model_replied", "action", "observation"]
    assert types(told) == [
        *["attempt_started", "message", "message"],
        *step,
        "patch_changed",
        *["model_replied", "message"],
        *step,
        "attempt_ended",
    ]
    assert [event.seq for event in told] == list(range(len(told)))
    assert [event.step for event in of(ModelReplied, told)] == [1, 2, 3]


def test_native_results_answer_their_calls(attempt: MakeAttempt) -> None:
    both = {"tool_calls": [LOOK["tool_calls"][0], {"name": "bash", "arguments": {"command": "echo second"}}]}
    made = attempt(both, SUBMIT)
    ended = made.run()
    assert ended.steps == 2
    actions, seen = of(ActionTaken, made.log.events), of(Observed, made.log.events)
    assert (
        [event.call.id for event in actions]
        == [event.call_id for event in seen]
        == ["call_1_1", "call_1_2", "call_2_1"]
    )
    assert [seen[0].text, seen[1].text] == ["calc.py", "second"]


def test_of_alternatives_the_first_that_changes_something_counts(attempt: MakeAttempt) -> None:
    line = "calc.py, line 2 is:\n```python\nreturn a - b\n```\nIt must be:\n"
    wrong, right, other = (f"```python\nreturn {code}\n```\n" for code in ("a +* b", "a + b", "b + a"))
    made = attempt(
        {"content": f"{line}{wrong}Or else:\n{right}Or else:\n{other}"},
        settings=("limits.steps=1", 'agent.tools=["replace_line", "rewrite", "submit"]'),
        format="line_or_block",
    )
    ended = made.run()
    assert MINUS + PLUS in ended.patch
    assert [(event.ok, event.changed) for event in of(Observed, made.log.events)] == [(False, False), (True, True)]


SPENT = Usage(prompt_tokens=900, completion_tokens=100, cached_tokens=500, cost=0.02).model_dump()


@pytest.mark.parametrize(
    ("settings", "replies", "status", "says"),
    [
        (["limits.steps=1"], [], Status.STEP_LIMIT, "1 steps (limits.steps)"),
        (["limits.tokens=500"], [], Status.TOKEN_LIMIT, "500 tokens (limits.tokens)"),
        (["limits.cost=0.02"], [], Status.COST_LIMIT, "$0.02 (limits.cost)"),
        (["limits.time=2"], [{**LOOK, "delay": 2}], Status.TIME_LIMIT, "seconds (limits.time)"),
        (["limits.format_errors=2"], [{}, {}], Status.FORMAT_LIMIT, "2 malformed actions in a row"),
        (["limits.repeats=2"], [LOOK, LOOK, LOOK], Status.REPETITION_LIMIT, "2 repeated actions in a row"),
        ([], [], Status.MODEL_ERROR, "the script has only 1 replies"),
    ],
)
def test_every_limit_ends_with_its_status_and_the_patch_so_far(
    attempt: MakeAttempt, settings: list[str], replies: list[dict[str, Any]], status: Status, says: str
) -> None:
    made = attempt({**fix(), "usage": SPENT}, *replies, settings=tuple(settings))
    ended = made.run()
    assert (ended.status, says in ended.detail) == (status, True), ended
    assert MINUS + PLUS in ended.patch
    assert read_events(made.log.path)[-1] == ended
    assert ended.usage.prompt_tokens == 900


def test_cached_tokens_do_not_count_and_an_unknown_cost_is_no_limit(attempt: MakeAttempt) -> None:
    cached = Usage(prompt_tokens=1000, cached_tokens=1000, completion_tokens=10).model_dump()
    steps = [{**call("bash", command=f"echo {number}"), "usage": cached} for number in range(5)]
    ended = attempt(*steps, SUBMIT, settings=("limits.tokens=100", "limits.cost=0.01")).run()
    assert ended.status == Status.SUBMITTED
    assert ended.usage.cost is None


def test_a_format_error_in_between_does_not_end_it(attempt: MakeAttempt) -> None:
    made = attempt({}, LOOK, {}, fix(), {}, SUBMIT, settings=("limits.format_errors=2",))
    assert made.run().status == Status.SUBMITTED
    corrections = [event for event in of(Message, made.log.events) if event.purpose == "correction"]
    assert [event.code for event in corrections] == ["no-action"] * 3


def test_a_repeated_action_gets_another_answer_and_a_higher_temperature(attempt: MakeAttempt) -> None:
    made = attempt(
        LOOK, LOOK, call("bash", command="cat calc.py"), SUBMIT, settings=("agent.after_repeat_temperature=1.1",)
    )
    made.run()
    (nudge,) = [event for event in of(Message, made.log.events) if event.purpose == "nudge"]
    assert "bash('ls'): calc.py" in nudge.content
    assert "Not used yet: open, rewrite_function, submit" in nudge.content
    assert [reply.settings for reply in of(ModelReplied, made.log.events)] == [{}, {}, {"temperature": 1.1}, {}]


class Bound(ScriptedModel):
    """A model that keeps the tools of which the grammars of its queries have a rule."""

    takes_grammar = True

    def __init__(self, *replies: dict[str, Any]) -> None:
        super().__init__(scripted(*replies).replies)
        self.offered: list[set[str]] = []

    def query(self, query: Query) -> Reply:
        self.offered.append(set(re.findall(r"call-([a-z-]+) ::=", query.grammar or "")))
        return super().query(query)


def test_a_tool_that_was_just_repeated_is_not_offered_as_long_as_one_that_edits_is(
    attempt: MakeAttempt,
) -> None:
    view, again = ({"content": f"THOUGHT: Look.\n```\n{command}\n```\n"} for command in ("open calc.py", "bash ls"))
    fixed = {"content": "THOUGHT: Add.\n```\nedit 2 2 calc.py\n    return a + b\n```\n"}
    end = {"content": "THOUGHT: Done.\n```\nsubmit\n```\n"}
    tools = {"open", "edit", "submit"}

    def offered(log: str, settings: tuple[str, ...], *replies: dict[str, Any]) -> list[set[str]]:
        model = Bound(*replies)
        attempt(settings=settings, model=model, format="thought_action", log=log).run()
        return model.offered

    on, names = "agent.bar_repeated=true", f"agent.tools={json.dumps(sorted(tools))}"
    assert offered("on", (on, names), view, view, fixed, end) == [tools, tools, tools - {"open"}, tools]
    assert offered("off", (names,), view, view, fixed, end) == [tools] * 4
    few = {"open", "bash", "submit"}
    names = f"agent.tools={json.dumps(sorted(few))}"
    assert offered("few", (on, names), view, view, again, again, end) == [few, few, few - {"open"}, few, few]


def test_repeats_are_counted_only_while_the_files_stay_the_same(attempt: MakeAttempt) -> None:
    replies = [LOOK, fix(), LOOK, fix("return a + b + 0"), LOOK, SUBMIT]
    assert attempt(*replies, settings=("limits.repeats=1",)).run().status == Status.SUBMITTED


class Narrow(ScriptedModel):
    """A model whose window is a number of characters."""

    def __init__(self, window: int, *replies: dict[str, Any]) -> None:
        super().__init__(scripted(*replies).replies)
        self.window = window
        self.asked: list[int] = []

    def query(self, query: Query) -> Reply:
        size = sum(len(message["content"]) for message in query.messages)
        self.asked.append(size)
        if size > self.window:
            raise ContextOverflow
        return super().query(query)


FLOOD = [call("bash", command=f"seq {number} 400") for number in range(1, 9)]


def test_an_overflow_condenses_once_and_goes_on(attempt: MakeAttempt) -> None:
    model = Narrow(6000, fix(), *FLOOD[:6], SUBMIT)
    made = attempt(model=model, settings=("context.keep_last=2",))
    assert made.run().status == Status.SUBMITTED
    condensed = of(Condensed, made.log.events)
    assert condensed
    observed = {event.seq for event in of(Observed, made.log.events)}
    assert all(set(event.seqs) <= observed for event in condensed)
    assert max(size for size in model.asked if size <= 6000) > 3000


def test_an_overflow_that_condensing_cannot_mend_ends_it_with_the_patch(attempt: MakeAttempt) -> None:
    ended = attempt(model=Narrow(3000, fix(), *FLOOD, SUBMIT), settings=("context.keep_last=6",)).run()
    assert ended.status == Status.CONTEXT_OVERFLOW
    assert MINUS + PLUS in ended.patch


def test_the_prompt_is_condensed_before_the_window_is_full(attempt: MakeAttempt) -> None:
    used = [
        {**reply, "usage": Usage(prompt_tokens=1000 * number).model_dump()} for number, reply in enumerate(FLOOD, 1)
    ]
    made = attempt(
        *used, SUBMIT, settings=("model.context_window=10000", "context.condense_at=0.5", "context.keep_last=2")
    )
    assert made.run().status == Status.SUBMITTED
    first, *_ = of(Condensed, made.log.events)
    assert first.prompt_tokens == 5000
    assert len(first.seqs) == 3


def at(kind: type[Event], number: int, do: Callable[[], object]) -> Callable[[Event], None]:
    """A listener that does something at the nth event of a kind."""
    left = [number]

    def listener(event: Event) -> None:
        if isinstance(event, kind):
            left[0] -= 1
            if left[0] == 0:
                do()

    return listener


def test_a_lost_sandbox_ends_it_with_the_patch_of_the_last_edit(attempt: MakeAttempt) -> None:
    made: list[Attempt] = []
    lose = at(ActionTaken, 2, lambda: made[0].session.sandbox.close())
    made.append(attempt(fix(), LOOK, SUBMIT, listener=lose))
    ended = made[0].run()
    assert ended.status == Status.SANDBOX_LOST
    assert ended.detail
    assert MINUS + PLUS in ended.patch
    assert made[0].log.events[-2].type == "action", "it has no result, so that it can be run again"


def test_a_sandbox_lost_at_the_end_still_gives_the_patch(attempt: MakeAttempt) -> None:
    made: list[Attempt] = []
    lose = at(PatchChanged, 1, lambda: made[0].session.sandbox.close())
    made.append(attempt(fix(), listener=lose, settings=("limits.steps=1",)))
    ended = made[0].run()
    assert ended.status == Status.STEP_LIMIT
    assert "the patch is that of the last edit" in ended.detail
    assert MINUS + PLUS in ended.patch


def test_an_interrupt_during_a_command_keeps_the_patch(attempt: MakeAttempt) -> None:
    interrupting = call("bash", command=f"kill -INT {os.getpid()}; sleep 600")
    ended = attempt(fix(), interrupting, SUBMIT).run()
    assert ended.status == Status.INTERRUPTED
    assert MINUS + PLUS in ended.patch


def test_an_edit_by_a_command_is_part_of_the_patch(attempt: MakeAttempt) -> None:
    ended = attempt(call("bash", command="sed -i 's/a - b/a + b/' calc.py; echo new > 'a file.txt'"), SUBMIT).run()
    assert MINUS + PLUS in ended.patch
    assert "b/a file.txt" in ended.patch


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        ("rm -rf .git", "not a git repository"),
        ("rm -rf .git; git init -q; git add .; git -c user.name=a -c user.email=a@b.c commit -qm new", "bad object"),
        ("echo nothing > .git/index; echo new > new.txt", "index file smaller than expected"),
        ("head -c 70000000 /dev/zero | tr '\\0' x > big", "more than 64 MiB"),
    ],
)
def test_what_the_agent_does_to_git_is_no_loss_of_the_sandbox(attempt: MakeAttempt, damage: str, says: str) -> None:
    made = attempt(fix(), call("bash", command=f"{damage}; echo done"), SUBMIT)
    made.session.base = made.session.sandbox.run("git rev-parse HEAD").text.strip()
    ended = made.run()
    assert (ended.status, ended.steps) == (Status.SUBMITTED, 3)
    assert MINUS + PLUS in ended.patch
    assert "the patch is that of the last edit" in ended.detail
    _, told, submitted = of(Observed, made.log.events)
    assert (told.ok, told.text.splitlines()[0]) == (True, "done")
    assert says in told.text
    assert says in submitted.text


def test_git_that_works_again_loses_nothing(attempt: MakeAttempt) -> None:
    away = call("bash", command="mv .git ../kept; echo new > new.txt")
    back = call("bash", command="mv ../kept .git")
    ended = attempt(away, fix(), back, SUBMIT).run()
    assert (ended.status, ended.detail) == (Status.SUBMITTED, "")
    assert MINUS + PLUS in ended.patch
    assert "b/new.txt" in ended.patch


def test_a_patch_keeps_bytes_that_are_not_text(attempt: MakeAttempt, repository: Path, tmp_path: Path) -> None:
    ended = attempt(call("bash", command=r"printf 'caf\351\n' > latin.txt"), SUBMIT).run()
    patch = tmp_path / "it.diff"
    patch.write_bytes(ended.patch.encode("utf-8", "surrogateescape"))
    git(repository, "apply", str(patch))
    assert (repository / "latin.txt").read_bytes() == b"caf\xe9\n"


def test_what_an_attempt_spends_is_spent_from_its_parent_too(attempt: MakeAttempt) -> None:
    from agent.budget import Budget
    from agent.config import LimitsConfig

    parent = Budget(LimitsConfig(steps=3))
    ended: AttemptEnded = attempt(fix(), *FLOOD, SUBMIT, budget=Budget(LimitsConfig(steps=100), parent)).run()
    assert (ended.status, ended.steps, parent.steps) == (Status.STEP_LIMIT, 3, 3)
