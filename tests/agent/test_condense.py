"""What is kept of a trial for the model that looks back at it."""

from __future__ import annotations

import pytest

from agent.strategies.condense import condense
from trajectories.events import ActionTaken, AttemptEnded, Call, Event, Message, Observed


def acted(step: int, tool: str, text: str, *, ok: bool = True, code: str = "", **arguments: object) -> list[Event]:
    changed = ok and tool == "rewrite_function"
    thought = f"I try {tool} now."
    return [
        ActionTaken(step=step, call=Call(name=tool, arguments=arguments), thought=thought),
        Observed(step=step, text=text, ok=ok, code=code, changed=changed),
    ]


ENDED = AttemptEnded(status="step_limit", detail="3 steps (limits.steps)", steps=3)


def test_every_action_is_a_line_with_its_thought_and_what_came_of_it() -> None:
    told = condense(
        [
            *acted(1, "open", "[File: calc.py]\n1:def add\n2:    return", path="calc.py"),
            *acted(2, "rewrite_function", "Edited calc.py.\n1:def add\n\nBut 2 tests fail now.", path="calc.py"),
            Message(role="user", purpose="correction", content="One command a reply.\nSay it so: …", step=3),
            ENDED,
        ]
    )
    assert told.splitlines() == [
        '1. "I try open now." open(path=calc.py) -> [File: calc.py]',
        '2. "I try rewrite_function now." rewrite_function(path=calc.py) -> Edited calc.py. … But 2 tests fail now.',
        "3. a malformed action: One command a reply.",
        "It ended after 3 steps: step limit (3 steps (limits.steps)).",
    ]


def test_the_last_failures_that_tell_about_the_code_stay_in_full() -> None:
    told = condense(
        [
            *acted(1, "run_tests", "1 failed\nassert add(1, 2) == 3\nE  -1 == 3", ok=False, code="tests-failed"),
            *acted(2, "bash", "boom at line 7\nin the middle\n[exit code 1]", ok=False, code="command-failed"),
            *acted(3, "replace", "Not found.\nNothing was changed.", ok=False, code="not-found", old="a\nb"),
        ]
    )
    assert "Step 1 in full:\nrun_tests()\nled to:\n1 failed\nassert add(1, 2) == 3\nE  -1 == 3" in told
    assert "in the middle" in told
    assert "Step 3 in full" not in told
    assert "Then it was cut off." in told


def test_where_nothing_else_failed_a_refused_edit_is_shown_with_what_was_tried() -> None:
    code = "def add(a, b):\n    return a - b"
    told = condense(acted(1, "rewrite_function", "Not edited: no change.", ok=False, code="no-change", code_=code))
    assert f"Step 1 in full:\nrewrite_function()\n{code}\nled to:\nNot edited: no change." in told


def test_the_same_again_is_said_once() -> None:
    told = condense([event for step in (1, 2, 3) for event in acted(step, "open", "[File: calc.py]", path="calc.py")])
    assert told.splitlines()[1:3] == [f"{n}. the same as step 1, with the same result" for n in (2, 3)]


@pytest.mark.parametrize("most", [300, 1000, 4000])
def test_it_keeps_to_its_bound_and_says_what_is_left_out(most: int) -> None:
    events = [
        event
        for step in range(1, 200)
        for event in acted(
            step, "bash", f"line {step}\n" * 150, ok=step % 7 > 0, code="command-failed", command="x " * 90
        )
    ]
    told = condense([*events, ENDED], most)
    assert len(told) <= most
    assert "actions left out]" in told
    assert told.startswith("1. ")
    if most >= 1000:
        assert "199. " in told
        assert "It ended after 3 steps" in told
        assert "Step 196 in full:" in told
        assert "[…]" in told


def test_nothing_done_is_said() -> None:
    assert condense([ENDED]) == "It ended after 3 steps: step limit (3 steps (limits.steps))."
