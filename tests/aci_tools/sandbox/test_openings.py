"""A program that ends at once leaves nothing open, not even what was being opened."""

from __future__ import annotations

import threading

import pytest

from aci_tools.errors import InfrastructureError
from aci_tools.sandbox.openings import Openings


class Thing:
    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def test_what_is_open_and_what_is_being_opened_is_closed_when_the_program_ends() -> None:
    openings: Openings[Thing] = Openings()
    first, second = openings.open(Thing), Thing()
    begun, go_on, refused = threading.Event(), threading.Event(), threading.Event()

    def slowly() -> Thing:
        begun.set()
        go_on.wait(60)
        return second

    def worker() -> None:
        try:
            openings.open(slowly)
        except InfrastructureError:
            refused.set()

    opening = threading.Thread(target=worker)
    opening.start()
    begun.wait(60)
    ending = threading.Thread(target=openings.abandon, args=(60,))
    ending.start()
    assert first.closed.wait(60)
    assert not second.closed.is_set()
    go_on.set()
    ending.join(60)
    assert second.closed.is_set()
    opening.join(60)
    assert refused.is_set()
    with pytest.raises(InfrastructureError):
        openings.open(Thing)


def test_something_that_could_not_be_opened_is_not_waited_for() -> None:
    openings: Openings[Thing] = Openings()

    def fail() -> Thing:
        raise InfrastructureError("no engine")

    with pytest.raises(InfrastructureError, match="no engine"):
        openings.open(fail)
    ended = threading.Thread(target=openings.abandon, args=(60,))
    ended.start()
    ended.join(30)
    assert not ended.is_alive()
