"""Images ahead of their use: what is there, what is made first, and what goes last."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tasks.images import Computers, ComputerSettings
from tasks.images.store import Store
from tasks.task import Task

from .conftest import SHARED

pytestmark = pytest.mark.docker
MakeTask = Callable[..., Task]
MEGABYTE = 1_000_000


def write(number: int) -> list[str]:
    return [SHARED, f"echo {number}; head -c 2000000 /dev/urandom >/data"]


@pytest.fixture
def queue(make_task: MakeTask) -> list[Task]:
    """Four tasks that share a layer, with images of two megabytes."""
    return [
        make_task(2 + number % 2, install=write(number)).model_copy(update={"id": f"owner__story-{number}"})
        for number in range(4)
    ]


def kept(store: Store) -> set[str]:
    return {item.task for item in store.kept() if item.task}


def use(computers: Computers, task: Task) -> None:
    computers.release(computers.ready(task))


def test_how_much_of_a_task_is_there(settings: ComputerSettings, queue: list[Task], store: Store) -> None:
    def present(task: Task) -> float:
        return Computers(settings, lambda line: None).present(task)

    assert present(queue[0]) == pytest.approx(1 / 3), "the base"
    use(Computers(settings, lambda line: None), queue[0])
    assert present(queue[0]) == 1
    assert present(queue[1]) == pytest.approx(2 / 3), "the base and the layer that both share"
    elsewhere = queue[0].model_copy(update={"environment": None, "image": "nobody/has:this"})
    assert present(elsewhere) == 0
    assert {item.task for item in store.kept() if item.task} == {queue[0].id}, "nothing was made"


def test_images_are_made_in_the_order_of_the_queue_as_far_as_there_is_room(
    settings: ComputerSettings, queue: list[Task], store: Store
) -> None:
    computers = Computers(replace(settings, disk_budget=5 * MEGABYTE), lambda line: None)
    assert computers.prefetch(queue) == 2
    assert kept(store) == {queue[0].id, queue[1].id}
    use(computers, queue[0])
    assert computers.prefetch(queue[1:]) == 2, "one is done, so there is room for one more"
    assert kept(store) == {queue[1].id, queue[2].id}
    unlimited = Computers(settings, lambda line: None)
    assert unlimited.prefetch(queue) == 4
    assert kept(store) == {task.id for task in queue}
    assert unlimited.prefetch(queue, halted=lambda: True) == 0


def test_what_the_queue_needs_soon_goes_last(settings: ComputerSettings, queue: list[Task], store: Store) -> None:
    computers = Computers(settings, lambda line: None)
    for task in queue:
        use(computers, task)
    driver = Computers(replace(settings, disk_budget=1000 * MEGABYTE), lambda line: None)
    driver.expect([queue[0], queue[1], queue[0]])
    removed = [item.task for item in store.prune(everything=True) if item.task]
    assert removed == [queue[2].id, queue[3].id, queue[1].id, queue[0].id]


def test_a_task_that_was_used_is_not_waited_for(settings: ComputerSettings, queue: list[Task], store: Store) -> None:
    computers = Computers(replace(settings, disk_budget=1000 * MEGABYTE), lambda line: None)
    computers.expect(queue[:2])
    for task in (queue[1], queue[0], queue[2]):
        use(computers, task)
    removed = [item.task for item in store.prune(everything=True) if item.task]
    assert removed == [queue[1].id, queue[0].id, queue[2].id], "only the order of use counts now"


def test_a_task_that_cannot_be_made_is_skipped(settings: ComputerSettings, queue: list[Task], store: Store) -> None:
    said: list[str] = []
    assert queue[1].environment is not None
    failing = queue[1].environment.model_copy(update={"install": ("false",)})
    broken = queue[1].model_copy(update={"environment": failing})
    assert Computers(settings, said.append).prefetch([broken, queue[0]]) == 2
    assert kept(store) == {queue[0].id}
    assert any(broken.id in line and "false" in line for line in said)
