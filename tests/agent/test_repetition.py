"""Going in circles is noticed, doing the same for a reason is not."""

from __future__ import annotations

from aci_tools.tools.base import Observation
from agent.repetition import Repetition
from trajectories.events import Call

LS = Call(name="bash", arguments={"command": "ls"})
OPEN = Call(name="open", arguments={"path": "a.py", "line": None})


def test_the_same_action_with_the_same_result_on_the_same_files_is_a_repeat() -> None:
    memory = Repetition()
    assert not memory.note(LS, Observation("a.py"), "s0")
    assert memory.note(LS, Observation("a.py"), "s0")
    assert memory.note(LS, Observation("a.py"), "s0")
    assert memory.in_a_row == 2


def test_a_new_result_or_a_changed_file_is_none() -> None:
    memory = Repetition()
    memory.note(LS, Observation("a.py"), "s0")
    assert not memory.note(LS, Observation("a.py b.py"), "s0")
    assert not memory.note(LS, Observation("a.py b.py"), "s1")
    assert memory.in_a_row == 0


def test_two_actions_in_turn_are_a_circle_too() -> None:
    memory = Repetition()
    for _ in range(3):
        memory.note(LS, Observation("a.py"), "s0")
        memory.note(OPEN, Observation("text"), "s0")
    assert memory.in_a_row == 4
    assert memory.tools == {"bash", "open"}
    memory.note(LS, Observation("b.py"), "s0")
    assert (memory.in_a_row, memory.tools) == (0, set())


def test_an_edit_that_is_taken_back_leads_into_the_circle_again() -> None:
    memory = Repetition()
    memory.note(LS, Observation("a.py"), "s0")
    memory.note(LS, Observation("a.py"), "s1")
    assert memory.note(LS, Observation("a.py"), "s0")


def test_the_order_of_arguments_does_not_matter() -> None:
    memory = Repetition()
    memory.note(OPEN, Observation("text"), "s0")
    assert memory.note(Call(name="open", arguments={"line": None, "path": "a.py"}), Observation("text"), "s0")


def test_the_advice_says_what_was_tried_and_what_was_not() -> None:
    memory = Repetition()
    memory.note(OPEN, Observation("There is no file a.py.\nMore.", ok=False, code="not-found"), "s0")
    memory.note(Call(name="bash", arguments={"command": "x" * 500}), Observation("\n\nfirst\nsecond"), "s0")
    advice = memory.advice(["open", "bash", "edit", "submit"])
    assert "- open('a.py'): failed: There is no file a.py.\n" in advice
    assert "x" * 41 not in advice
    assert ": first" in advice
    assert "Not used yet: edit, submit." in advice


def test_the_advice_stays_short() -> None:
    memory = Repetition()
    for number in range(100):
        memory.note(Call(name="bash", arguments={"command": f"echo {number}"}), Observation("x" * 1000), "s0")
    assert len(memory.advice(["bash"])) < 2000
    assert "echo 99" in memory.advice(["bash"])
