"""What is asked for after each of many events takes a bounded share of the time, and is done in the end."""

from __future__ import annotations

import time

from agent.batch.seldom import Seldom


def test_it_is_done_at_first_seldom_while_events_come_and_once_in_the_end() -> None:
    state, seen, spent = 0, [], 0.0

    def slow() -> None:
        nonlocal spent
        began = time.monotonic()
        while time.monotonic() - began < 0.002:
            pass
        seen.append(state)
        spent += time.monotonic() - began

    seldom = Seldom(slow)
    began = time.monotonic()
    while time.monotonic() - began < 0.3:
        state += 1
        seldom.ask()
    passed = time.monotonic() - began
    seldom.at_last()
    assert seen[0] == 1
    assert seen[-1] == state
    assert spent < passed / 4


def test_nothing_is_done_in_the_end_that_was_done_already() -> None:
    done = []
    seldom = Seldom(lambda: done.append(1))
    seldom.ask()
    seldom.at_last()
    assert done == [1]
