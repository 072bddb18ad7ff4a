"""Somebody at the terminal: confirms what runs, interrupts, says something, ends, and goes on later."""

from __future__ import annotations

import json
import os
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.terminal import CTRL_C, Terminal, on_terminal

RISKY = call("bash", command="rm -rf build; echo gone > gone.txt")
ASKED = "[y]es, [n]o, [e]dit, [w]hy? "


def solving(user: User, model: str, *more: str, sandbox: str = "local") -> AbstractContextManager[Terminal]:
    """``agent solve`` on a terminal; what it writes goes to ``out`` in the home."""
    command = user.command(*user.solving(model, "--output", "out", *more, sandbox=sandbox))
    return on_terminal(command, cwd=user.home, env=user.env | {"EDITOR": "sed -i s/build/dist/"})


def events(user: User, trajectory: str = "trajectory.jsonl") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (user.home / "out" / trajectory).read_text().splitlines()]


def of(kind: str, found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in found if event["type"] == kind]


def test_a_risky_command_runs_if_it_is_confirmed(user: User) -> None:
    with solving(user, user.script(LOOK, RISKY, FIX, SUBMIT), "--confirm", "risky") as terminal:
        asked = terminal.wait_for(ASKED)
        assert "rm -rf build; echo gone > gone.txt" in asked
        assert "rm -rf build: rule `rm`" in asked
        terminal.type("w\n")
        terminal.wait_for(ASKED)
        terminal.type("y\n")
        code, patch = terminal.end()
    assert code == 0
    assert "gone.txt" in patch
    assert [action["review"] for action in of("action", events(user))] == ["", "confirmed", "", ""]


def test_a_refusal_reaches_the_agent_with_its_reason(user: User) -> None:
    with solving(user, user.script(RISKY, FIX, SUBMIT), "--confirm", "risky") as terminal:
        terminal.wait_for(ASKED)
        terminal.type("n\n")
        terminal.wait_for("What should the agent know?")
        terminal.type("build is needed\n")
        code, patch = terminal.end()
    assert (code, patch) == (0, user.patch)
    observed = of("observation", events(user))[0]
    assert (observed["code"], observed["ok"]) == ("refused", False)
    assert observed["text"] == "The user did not let this run. The user says: build is needed"


def test_an_edited_command_runs_as_edited_and_the_agent_is_told(user: User) -> None:
    with solving(user, user.script(RISKY, FIX, SUBMIT), "--confirm", "risky") as terminal:
        terminal.wait_for(ASKED)
        terminal.type("e\n")
        assert "rm -rf dist; echo gone" in terminal.wait_for(ASKED)
        terminal.type("y\n")
        assert terminal.end()[0] == 0
    found = events(user)
    (action, *_) = of("action", found)
    assert (action["call"]["arguments"]["command"], action["review"]) == (
        "rm -rf dist; echo gone > gone.txt",
        "changed",
    )
    (remark,) = [message for message in of("message", found) if message["purpose"] == "remark"]
    assert "rm -rf dist; echo gone > gone.txt" in remark["content"]


def test_all_that_runs_or_changes_is_asked_about(user: User) -> None:
    looking = call("open", path="calc.py")
    script = user.script(looking, LOOK, FIX, SUBMIT)
    with solving(user, script, "--confirm", "all", "--set", "policy.allow=[cat]") as terminal:
        for shown in ("ls", "return a + b", "submit"):
            assert shown in terminal.wait_for(ASKED)
            terminal.type("y\n")
        assert terminal.end() == (0, user.patch)


@pytest.fixture
def gates(tmp_path: Path) -> tuple[Path, Path]:
    """Pipes at which a command says that it runs, and waits."""
    for name in ("runs", "waits"):
        os.mkfifo(tmp_path / name)
    return tmp_path / "runs", tmp_path / "waits"


def waiting(gates: tuple[Path, Path]) -> dict[str, Any]:
    runs, waits = gates
    return call("bash", command=f"echo > {runs}; cat {waits}")


def interrupt_and_say(words: str, terminal: Terminal, gates: tuple[Path, Path], printed: str = "\n") -> None:
    """Interrupt once the command that waits has begun, let it print and end, and speak before the next step."""
    gates[0].read_text()
    terminal.type(CTRL_C)
    terminal.wait_for("Pausing before the next step")
    gates[1].write_text(printed)
    terminal.wait_for("Say something to the agent")
    terminal.type(f"{words}\n")


def test_an_interrupt_lets_the_user_say_something(user: User, gates: tuple[Path, Path]) -> None:
    with solving(user, user.script(waiting(gates), FIX, SUBMIT), "--chat") as terminal:
        interrupt_and_say("mind the tests", terminal, gates, printed="as it should be\n")
        assert terminal.end() == (0, user.patch)
    found = events(user)
    kinds = [event["type"] for event in found]
    (remark,) = [message for message in of("message", found) if message["purpose"] == "remark"]
    assert (remark["content"], remark["code"]) == ("mind the tests", "user")
    assert kinds[kinds.index("observation") + 1] == "message"
    assert of("observation", found)[0]["text"] == "as it should be"


def test_an_interrupt_does_not_reach_the_command(user: User, kind: str) -> None:
    slow = call("bash", command="sleep 3; echo whole") | {"content": "Slowly."}
    with solving(user, user.script(slow, FIX, SUBMIT), "--chat", sandbox=kind) as terminal:
        terminal.wait_for("Slowly.")
        terminal.type(CTRL_C)
        terminal.wait_for("Say something")
        terminal.type("\n")
        assert terminal.end() == (0, user.patch)
    assert of("observation", events(user))[0]["text"] == "whole"


def test_what_is_said_before_an_action_stops_it(user: User, gates: tuple[Path, Path]) -> None:
    both = {"tool_calls": waiting(gates)["tool_calls"] + call("bash", command="echo x > x.txt")["tool_calls"]}
    with solving(user, user.script(both, FIX, SUBMIT), "--chat") as terminal:
        gates[0].read_text()
        terminal.type(CTRL_C)
        terminal.wait_for("Pausing")
        gates[1].write_text("\n")
        assert "echo x > x.txt" in terminal.wait_for("Say something instead of this")
        terminal.type("no new files\n")
        assert terminal.end() == (0, user.patch)
    found = events(user)
    assert of("observation", found)[1]["code"] == "refused"
    assert [message["content"] for message in of("message", found)][-1] == "no new files"


def test_a_second_interrupt_ends_at_once_and_the_attempt_goes_on_later(user: User, gates: tuple[Path, Path]) -> None:
    with solving(user, user.script(FIX, waiting(gates), SUBMIT), "--chat") as terminal:
        gates[0].read_text()
        terminal.type(CTRL_C)
        terminal.wait_for("Pausing")
        terminal.type(CTRL_C)
        assert terminal.end() == (130, user.patch)
    gates[1].unlink()
    gates[1].write_text("a file by now\n")
    gates[0].unlink()
    done = user.agent("solve", "--resume", "--output", "out")
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr


def test_what_was_refused_does_not_run_when_the_attempt_goes_on(user: User) -> None:
    script = user.script(LOOK, RISKY, RISKY, FIX, SUBMIT)
    with solving(user, script, "--confirm", "risky") as terminal:
        terminal.wait_for(ASKED)
        terminal.type("n\n\n")
        terminal.wait_for(ASKED)
        terminal.type(CTRL_C)
        # An interrupt in the very moment in which the line editor begins to wait is noticed with the next key.
        terminal.type("\n")
        code, patch = terminal.end()
    assert (code, patch) == (130, "")
    command = user.command("solve", "--resume", "--output", "out", "--confirm", "risky")
    with on_terminal(command, cwd=user.home, env=user.env) as terminal:
        terminal.wait_for(ASKED)
        terminal.type("n\n\n")
        assert terminal.end() == (0, user.patch)
    assert [action["review"] for action in of("action", events(user))] == ["", "refused", "refused", "", ""]


def test_trials_of_a_strategy_are_confirmed_too_and_remarks_outlive_them(user: User, gates: tuple[Path, Path]) -> None:
    wrong = call("rewrite_function", path="calc.py", name="add", code="def add(a, b):\n    return b\n")
    replies = [waiting(gates), wrong, SUBMIT, {"content": "Think of the sum."}, RISKY, FIX, SUBMIT]
    issue = ("--issue", "add is wrong:\n\n>>> from calc import add\n>>> add(2, 3)\n5\n")
    more = ("--strategy", "reflexion", "--chat", "--confirm", "risky", *issue)
    with solving(user, user.script(*replies), *more) as terminal:
        gates[0].read_text()
        terminal.type(CTRL_C)
        terminal.wait_for("Pausing")
        gates[1].write_text("\n")
        terminal.wait_for("Say something to the agent")
        terminal.type("keep the name\n")
        terminal.wait_for(ASKED)
        terminal.type("n\n\n")
        assert terminal.end() == (0, user.patch)
    second = events(user, "trials/2/trajectory.jsonl")
    assert any("keep the name" in message["content"] for message in of("message", second))
    assert of("observation", second)[0]["code"] == "refused"


def test_a_fork_asks_about_what_is_new_in_it(user: User) -> None:
    done = user.solve(RISKY, FIX, SUBMIT, more=("--output", "out"))
    assert done.returncode == 0, done.stderr
    again = user.script(LOOK, RISKY, FIX, SUBMIT)
    fork = (
        "fork",
        "out",
        "--at",
        "1",
        "--sandbox",
        "local",
        "--model",
        again,
        "--output",
        "fork",
        "--confirm",
        "risky",
    )
    with on_terminal(user.command(*fork), cwd=user.home, env=user.env) as terminal:
        terminal.wait_for(ASKED)
        terminal.type("n\n\n")
        assert terminal.end()[0] == 0
    found = [json.loads(line) for line in (user.home / "fork" / "trajectory.jsonl").read_text().splitlines()]
    assert [action["review"] for action in of("action", found)] == ["", "refused", "", ""]


def test_something_can_be_said_to_a_fork(user: User, gates: tuple[Path, Path]) -> None:
    assert user.solve(LOOK, FIX, SUBMIT, more=("--output", "out")).returncode == 0
    again = user.script(LOOK, waiting(gates), FIX, SUBMIT)
    fork = ("fork", "out", "--at", "1", "--sandbox", "local", "--model", again, "--output", "fork", "--chat")
    with on_terminal(user.command(*fork), cwd=user.home, env=user.env) as terminal:
        interrupt_and_say("mind the tests", terminal, gates)
        assert terminal.end()[0] == 0
    found = [json.loads(line) for line in (user.home / "fork" / "trajectory.jsonl").read_text().splitlines()]
    assert [message["content"] for message in of("message", found) if message["purpose"] == "remark"] == [
        "mind the tests"
    ]


@pytest.mark.parametrize("option", [("--chat",), ("--confirm", "all")])
def test_without_a_terminal_there_is_a_clear_word(user: User, option: tuple[str, ...]) -> None:
    done = user.solve(FIX, SUBMIT, more=option)
    assert done.returncode == 2
    assert one_line(done) == (
        f"agent: {option[0]} needs a terminal to ask on: standard input and standard error have to be one"
    )
    assert one_line(user.agent("fork", "out", "--at", "1", *option)) == one_line(done)


def test_where_nobody_confirms_the_policy_may_refuse(user: User) -> None:
    done = user.solve(RISKY, FIX, SUBMIT, more=("--set", "policy.unattended=refuse", "--output", "out"))
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    assert "Nothing was run. `rm -rf build` is refused here: rule `rm`." in of("observation", events(user))[0]["text"]
