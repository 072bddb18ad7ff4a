"""What is asked for after each of many events takes a bounded share of the time, and is done in the end."""

from __future__ import annotations

from agent.batch.seldom import Seldom


def test_it_is_done_at_first_seldom_while_events_come_and_once_in_the_end() -> None:
    now, state = 0, 0
    seen: list[int] = []

    def slow() -> None:
        nonlocal now
        now += 2
        seen.append(state)

    seldom = Seldom(slow, lambda: now)
    while state < 1000:
        now, state = now + 1, state + 1
        seldom.ask()
    assert seen[0] == 1
    assert 2 * len(seen) <= now / 20 + 2
    seldom.at_last()
    assert seen[-1] == 1000


def test_nothing_is_done_in_the_end_that_was_done_already() -> None:
    done: list[int] = []
    seldom = Seldom(lambda: done.append(1))
    seldom.ask()
    seldom.at_last()
    assert done == [1]
