"""The prompt as a function of the events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import FORMATS, make_format
from agent.models.base import ChatMessage
from agent.view import View, condensed_text
from trajectories.events import ActionTaken, Call, Condensed, Event, Message, ModelReplied, Observed, Usage


class Story:
    """Numbers events as a log does and shows them to a view."""

    def __init__(self, format: str = "tool_calls", *, drop_failed: bool = False) -> None:
        self.view = View(make_format(format), drop_failed=drop_failed)
        self.events: list[Event] = []
        self.tell(Message(role="system", purpose="system", content="Rules."))
        self.tell(Message(role="user", purpose="task", content="Task."))

    def tell(self, event: Event) -> int:
        event = event.model_copy(update={"seq": len(self.events)})
        self.events.append(event)
        self.view.add(event)
        return event.seq

    def reply(self, *calls: str, content: str = "thought", tokens: int = 0) -> None:
        raw = [{"id": call, "name": "bash", "arguments": "{}"} for call in calls]
        self.tell(ModelReplied(step=1, content=content, tool_calls=raw, usage=Usage(prompt_tokens=tokens)))

    def observe(self, text: str, call: str = "", **facts: Any) -> int:
        self.tell(ActionTaken(step=1, call=Call(id=call, name="bash", arguments={})))
        return self.tell(Observed(step=1, call_id=call, text=text, **facts))

    def correct(self, text: str) -> None:
        self.tell(Message(role="user", purpose="correction", content=text))

    @property
    def shown(self) -> list[tuple[str, str]]:
        return [(message["role"], message["content"]) for message in self.view.messages]


OPENING = [("system", "Rules."), ("user", "Task.")]


@pytest.mark.parametrize(("format", "role"), [("tool_calls", "tool"), ("thought_action", "user"), ("xml", "user")])
def test_a_step_is_a_reply_and_its_observation(format: str, role: str) -> None:
    story = Story(format)
    call = "c1" if format == "tool_calls" else ""
    story.reply(*filter(None, [call]), content="I look.")
    story.observe("three files", call)
    assert story.shown == [*OPENING, ("assistant", "I look."), (role, "three files")]


def test_a_correction_answers_every_call_of_the_reply() -> None:
    story = Story()
    story.reply("c1", "c2")
    story.correct("no such tool")
    *_, first, second = story.view.messages
    assert first == {"role": "tool", "tool_call_id": "c1", "content": "no such tool"}
    assert second == {"role": "tool", "tool_call_id": "c2", "content": "no such tool"}


def test_a_call_behind_the_submission_is_answered_before_anything_more_is_said() -> None:
    story = Story()
    story.reply("c1", "c2")
    story.observe("Submitted.", "c1", done=True)
    story.tell(Message(role="user", purpose="remark", content="Not yet."))
    assert [(said["role"], said.get("tool_call_id")) for said in story.view.messages[-3:]] == [
        ("tool", "c1"), ("tool", "c2"), ("user", None)
    ]  # fmt: skip


def test_a_correction_of_a_reply_without_calls_is_a_message() -> None:
    story = Story()
    story.reply()
    story.correct("call a tool")
    assert story.shown[-1] == ("user", "call a tool")


def test_the_size_of_the_prompt_is_what_the_provider_says() -> None:
    story = Story()
    story.tell(ModelReplied(step=1, usage=Usage(prompt_tokens=1000, completion_tokens=50, cached_tokens=900)))
    assert story.view.prompt_tokens == 1050


def test_condensing_takes_long_old_observations_and_nothing_else() -> None:
    story = Story("xml")
    long = "\n".join(f"line {number} of a long observation" for number in range(100))
    seqs = []
    for text in ("short", long, long, long):
        story.reply()
        seqs.append(story.observe(text))
    before = story.shown
    assert story.view.condensable(keep_last=2) == [seqs[1]]
    story.tell(Condensed(seqs=[seqs[1]]))
    after = story.shown
    changed = [number for number, (old, new) in enumerate(zip(before, after, strict=True)) if old != new]
    assert [before[number] for number in changed] == [("user", long)]
    assert "left out to save room: 100 lines" in after[changed[0]][1]
    assert story.view.condensable(keep_last=2) == []


def test_a_condensed_native_result_still_answers_its_call() -> None:
    story = Story()
    story.reply("c1")
    seq = story.observe("x\n" * 500, "c1")
    story.tell(Condensed(seqs=[seq]))
    assert story.view.messages[-1]["tool_call_id"] == "c1"
    assert len(story.view.messages[-1]["content"]) < 200


def test_failed_tries_leave_the_prompt_and_become_a_list() -> None:
    story = Story("thought_action", drop_failed=True)
    story.reply(content="a malformed thing")
    story.correct("\nYour reply has no command. Write one.\nMore.")
    story.reply(content="a refused edit")
    story.observe("The edit is refused: syntax error", ok=False, code="guard-refused")
    roles = [role for role, _ in story.shown]
    assert roles == ["system", "user"]
    last = story.shown[-1][1]
    assert last.startswith("Task.")
    assert "1. Your reply has no command. Write one." in last
    assert "2. bash: The edit is refused: syntax error" in last
    assert "a refused edit" not in last
    assert "More." not in last


def test_tries_that_came_to_the_same_are_one() -> None:
    story = Story("thought_action", drop_failed=True)
    for text in ("Taken back: no gain.", "Taken back: it breaks.", "Taken back: no gain."):
        story.reply(content="an edit")
        story.observe(text, ok=False, code="ineffective")
    assert "1. bash: Taken back: it breaks.\n2. bash: Taken back: no gain.\n" in story.shown[-1][1]


def test_a_success_forgets_the_tries_and_a_failed_command_stays() -> None:
    story = Story("thought_action", drop_failed=True)
    story.reply()
    story.correct("no command")
    story.reply(content="edit")
    story.observe("edited", changed=True)
    assert "no command" not in str(story.shown)
    story.reply(content="test")
    story.observe("1 failed", ok=False, code="tests-failed")
    assert story.shown[-2:] == [("assistant", "test"), ("user", "1 failed")]


def test_the_list_of_tries_follows_a_native_result() -> None:
    story = Story("tool_calls", drop_failed=True)
    story.reply("c1")
    story.observe("seen", "c1")
    story.reply("c2")
    story.observe("no such file", "c2", ok=False, code="not-found")
    assert [role for role, _ in story.shown] == ["system", "user", "assistant", "tool", "user"]
    assert "1. bash: no such file" in story.shown[-1][1]


def complete(messages: list[ChatMessage]) -> bool:
    """Whether every native call is answered at once, as providers insist."""
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message["tool_call_id"] not in waiting:
                return False
            waiting.remove(message["tool_call_id"])
        elif waiting:
            return False
        waiting += [call["id"] for call in message.get("tool_calls", [])]
    return not waiting


STEP = st.tuples(
    st.sampled_from(["good", "failed", "malformed", "edited", "nudged"]), st.integers(1, 3), st.integers(0, 400)
)


def play(story: Story, step: tuple[str, int, int], number: int, format: str) -> None:
    kind, calls, length = step
    ids = [f"c{number}_{call}" for call in range(calls)] if format == "tool_calls" else []
    story.reply(*ids, content=f"thought {number}")
    if kind == "malformed":
        story.correct(f"wrong {number}")
        return
    for call in ids or [""]:
        ok = kind != "failed"
        story.observe("x" * length + call, call, ok=ok, code="" if ok else "not-found", changed=kind == "edited")
    if kind == "nudged":
        story.tell(Message(role="user", purpose="nudge", content="Do something else."))


@given(st.sampled_from(sorted(FORMATS)), st.lists(STEP, max_size=12))
def test_messages_are_only_appended(format: str, steps: list[tuple[str, int, int]]) -> None:
    story = Story(format)
    seen = list(story.view.messages)
    for number, step in enumerate(steps):
        play(story, step, number, format)
        now = list(story.view.messages)
        assert now[: len(seen)] == seen
        seen = now
    assert len(seen) >= 2 + len(steps)


@given(st.lists(STEP, max_size=12), st.booleans(), st.integers(1, 4))
def test_providers_accept_every_prompt(steps: list[tuple[str, int, int]], drop_failed: bool, keep_last: int) -> None:
    story = Story("tool_calls", drop_failed=drop_failed)
    for number, step in enumerate(steps):
        play(story, step, number, "tool_calls")
        assert complete(story.view.messages)
        if seqs := story.view.condensable(keep_last):
            story.tell(Condensed(seqs=seqs))
            assert complete(story.view.messages)
            assert story.view.condensable(keep_last) == []


def test_what_stands_in_for_an_observation_says_how_to_see_it_again() -> None:
    text = condensed_text(Observed(step=7, text="a\nb\nc"))
    assert "step 7" in text
    assert "3 lines" in text
    assert "Repeat the action" in text
