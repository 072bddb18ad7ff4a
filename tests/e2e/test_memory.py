"""``agent memory`` as a user drives it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.memory import MemoryStore, Reflection
from tests.e2e.batches import CANARY, batch, tasks_of
from tests.e2e.conftest import FIX, SUBMIT, User, call

LESSON = "The sign was wrong.\nTry the issue's example \x1b]0;owned\x07before submitting."


@pytest.fixture
def memory(user: User) -> Path:
    path = user.home / "memory.sqlite"
    store = MemoryStore(path)
    store.add(Reflection("shop/cart", "shop-1", LESSON, "Totals are negative", "solved"))
    store.add(Reflection("shop/cart", "shop-2", "Look at the callers."))
    store.add(Reflection("other/till", "till-1", "Another lesson."))
    return path


def test_what_was_learnt_is_listed_and_shown(user: User, memory: Path) -> None:
    listed = user.agent("memory", "list", "--memory", str(memory))
    assert listed.returncode == 0, listed.stderr
    assert "The sign was wrong. Try the issue's example before submitting." in listed.stdout
    assert f"3 in {memory}" in listed.stdout
    shown = user.agent("memory", "show", "1", "--memory", str(memory))
    assert "outcome:    solved" in shown.stdout
    assert "The sign was wrong.\nTry" in shown.stdout
    assert "\x1b" not in listed.stdout + shown.stdout
    one = json.loads(user.agent("memory", "show", "1", "--memory", str(memory), "--json").stdout)
    assert (one["id"], one["task_id"], one["text"], one["used"]) == (1, "shop-1", LESSON, 0)
    few = json.loads(user.agent("memory", "list", "--repo", "shop/cart", "--json", "--memory", str(memory)).stdout)
    assert [r["id"] for r in few] == [2, 1]


def test_it_is_forgotten_by_number_by_repository_and_wholly(user: User, memory: Path) -> None:
    assert user.agent("memory", "forget", "2", "--memory", str(memory)).stdout == "1 forgotten\n"
    assert user.agent("memory", "forget", "2", "--memory", str(memory)).returncode == 1
    assert user.agent("memory", "forget", "--repo", "shop/cart", "--memory", str(memory)).stdout == "1 forgotten\n"
    assert user.agent("memory", "forget", "--all", "--memory", str(memory)).stdout == "1 forgotten\n"
    assert user.agent("memory", "list", "--memory", str(memory)).stdout == f"0 in {memory}\n"


def test_wrong_questions_are_one_line(user: User, memory: Path) -> None:
    text = user.home / "notes.txt"
    text.write_text("A shopping list, which is no memory.")
    for arguments, said in (
        (("forget",), "say what is to go: ids, --repo REPO or --all"),
        (("forget", "1", "--all"), "say what is to go"),
        (("show", "99", "--memory", str(memory)), "there is no reflection 99"),
        (("list", "--memory", str(user.home / "absent")), "there is no memory"),
        (("list", "--memory", str(text)), "not a memory"),
    ):
        done = user.agent("memory", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1


def test_where_nothing_was_learnt_nothing_is_listed_or_made(user: User) -> None:
    done = user.agent("memory", "list")
    assert done.returncode == 0
    assert done.stdout.startswith("0 in ")
    assert list(user.home.rglob("*.sqlite")) == []


ISSUE = "add subtracts:\n\n>>> from calc import add\n>>> add(1, 2)\n-1\n\nIt should give 3."
REFLEXION = ("--strategy", "reflexion", "--set", "strategy.evaluators=[examples]")
WRONG = call("rewrite_function", path="calc.py", name="add", code="def add(a, b):\n    return a * b\n")
SIGN = "The operator in add must be plus."


def solve(user: User, *replies: dict[str, Any], more: tuple[str, ...]) -> Any:
    """Solve an issue that says what ``add`` should give."""
    issue = user.home / "issue.md"
    issue.write_text(ISSUE)
    return user.solve(*replies, more=(*more, "--issue", str(issue)))


def test_what_one_attempt_learns_is_told_to_the_next(user: User) -> None:
    file = user.home / "memory.sqlite"
    learning = (*REFLEXION, "--memory", file.name)  # as seen from the directory that it is called in
    done = solve(user, WRONG, SUBMIT, {"content": SIGN}, FIX, SUBMIT, more=learning)
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    (kept,) = json.loads(user.agent("memory", "list", "--memory", str(file), "--json").stdout)
    assert (kept["text"], kept["outcome"], kept["repo"]) == (SIGN, "solved", str(user.repository))
    output = user.home / "out"
    done = solve(user, FIX, SUBMIT, more=(*learning, "--output", str(output)))
    assert (done.returncode, done.stdout) == (0, user.patch), done.stderr
    trial = (output / "trials" / "1" / "trajectory.jsonl").read_text()
    assert f"Learnt from an earlier task on this repository: {SIGN}" in trial


def test_a_memory_that_cannot_be_used_is_said_before_anything_is_tried(user: User) -> None:
    text = user.home / "notes.txt"
    text.write_text("A shopping list, which is no memory.")
    for more, said in (
        ((*REFLEXION, "--memory", str(text)), "not a memory"),
        (("--memory", str(user.home / "new")), "only reflexion learns; add --strategy reflexion"),
        (("--strategy", "reflexoin"), "did you mean reflexion?"),
    ):
        done = solve(user, FIX, SUBMIT, more=more)
        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (user.home / "new").exists()


def test_a_batch_learns_too(user: User) -> None:
    tasks = tasks_of(user, 2)
    rows = [json.loads(line) | {"problem_statement": ISSUE} for line in tasks.read_text().splitlines()]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    scripts = user.home / "scripts"
    scripts.mkdir()
    plays = {"mine__calc-1": [WRONG, SUBMIT, {"content": SIGN}, FIX, SUBMIT], "mine__calc-2": [FIX, SUBMIT]}
    for name, replies in plays.items():
        (scripts / f"{name}.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies))
    learning = (*REFLEXION, "--memory", str(user.home / "memory"), "--workers", "1")
    done = user.agent(*batch(user, tasks, user.home / "run", f"scripted:{scripts}", *learning))
    assert done.returncode == 0, done.stderr
    later = user.home / "run" / "attempts" / "mine__calc-2" / "1" / "trials" / "1" / "trajectory.jsonl"
    assert SIGN in later.read_text()
    assert [
        p.name for p in user.home.rglob("*") if p.is_file() and p != tasks and CANARY.encode() in p.read_bytes()
    ] == []
