"""``agent memory`` as a user drives it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent.memory import MemoryStore, Reflection
from tests.e2e.conftest import User

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
