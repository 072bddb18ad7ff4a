"""What a user sees while an agent works."""

from __future__ import annotations

import pytest

from agent.progress import Progress, first_line, short_call
from trajectories.events import ActionTaken, Call, Condensed, Event, Message, ModelReplied, Observed, Usage

BASH = Call(name="bash", arguments={"command": "pytest -q\nsecond line"})


def told(capsys: pytest.CaptureFixture[str], *events: Event) -> list[str]:
    with Progress() as progress:
        for event in events:
            progress(event)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "\x1b" not in captured.err, "it is no terminal"
    return captured.err.splitlines()


def reply(cost: float | None = None) -> ModelReplied:
    return ModelReplied(step=3, usage=Usage(prompt_tokens=1200, completion_tokens=34, cost=cost), duration=2.0)


def test_a_step_is_thought_tool_and_one_line_of_observation(capsys: pytest.CaptureFixture[str]) -> None:
    thought, action, observation = told(
        capsys,
        reply(),
        ActionTaken(step=3, call=BASH, thought="Run the tests.\nThey should pass."),
        Observed(step=3, text="\n\n2 passed\nin 0.1 s", duration=1.5),
    )
    assert thought.split() == ["3", "Run", "the", "tests."]
    assert action.strip().startswith("bash pytest -q  [3.5 s; 1,234 tokens; ")
    assert observation.strip() == "→ 2 passed"


def test_a_failure_and_a_cost_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    action, observation = told(
        capsys,
        reply(0.25),
        reply(0.25),
        ActionTaken(step=3, call=BASH),
        Observed(step=3, text="1 failed", ok=False, code="tests-failed"),
    )
    assert action.startswith("   3 bash pytest -q  [")
    assert "2,468 tokens, $0.500" in action
    assert observation.strip() == "✗ 1 failed"


def test_an_action_that_an_earlier_process_began_is_told_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    action, _ = told(capsys, Observed(step=3, text="done", duration=6.0))
    assert action.startswith("   3 (the action that was begun)  [6.0 s;")


def test_a_spinner_is_not_for_files(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.doing("reading the repository")
        progress.doing("starting")
    assert capsys.readouterr().err == ""


def test_corrections_nudges_and_condensing_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(
        capsys,
        Message(role="user", purpose="correction", content="No command.\nMore.", step=4),
        Message(role="user", purpose="nudge", content="You did this before.", step=5),
        Condensed(seqs=[1, 2, 3]),
        Message(role="system", purpose="system", content="Rules."),
    )
    assert [line.strip() for line in lines] == [
        "4 malformed action: No command.",
        "5 repeated action: You did this before.",
        "3 old observations left the prompt to save room",
    ]


def test_text_of_a_model_cannot_drive_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    (line,) = told(capsys, ActionTaken(step=1, call=BASH, thought="\x1b[2Jgone \x07[bold red]not markup[/]"))
    assert "\x07" not in line
    assert "[bold red]not markup[/]" in line


def test_retries_say_how_long_it_waits(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress() as progress:
        progress.retry("mine: rate limit", 12.0)
        progress.retry("mine: rate limit; going on with other", 0.0)
    first, second = capsys.readouterr().err.splitlines()
    assert first.strip() == "mine: rate limit; trying again in 12 s"
    assert second.strip() == "mine: rate limit; going on with other"


def test_a_call_on_one_line() -> None:
    call = Call(name="open", arguments={"path": "a b.py", "line": None, "raw": False, "n": 0})
    assert short_call(call) == "open a b.py 0"
    assert short_call(Call(name="create", arguments={"text": "x" * 500})) == f"create {'x' * 59}…"
    assert first_line("\n \n  text \n") == "text"
    assert first_line("") == ""
