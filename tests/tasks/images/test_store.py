"""What goes when room is needed, and what stays."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace

import pytest

from aci_tools.sandbox import open_sandbox
from tasks.images import Computers, ComputerSettings, Ready
from tasks.images.ledger import Ledger
from tasks.images.store import Store
from tasks.task import Task

from .conftest import SHARED

pytestmark = pytest.mark.docker
MakeTask = Callable[..., Task]


def made(computers: Computers, task: Task, *, release: bool = True) -> Ready:
    ready = computers.ready(task)
    if release:
        computers.release(ready)
    return ready


def write(megabytes: int) -> list[str]:
    return [SHARED, f"head -c {megabytes}000000 /dev/urandom >/data"]


def test_the_least_recently_used_goes_first_and_the_shared_last(
    computers: Computers, make_task: MakeTask, store: Store
) -> None:
    old, new = (make_task(number, install=write(2)) for number in (2, 3))
    for task in (old, new, old):  # so that `new` was used before `old`
        made(computers, task)
    assert [kept.task for kept in store.kept() if kept.task] == [old.id, new.id]
    assert all(kept.size >= 2_000_000 for kept in store.kept() if kept.task)
    total = sum(kept.size for kept in store.kept())
    assert [kept.task for kept in store.prune(budget=total - 1)] == [new.id]
    assert store.prune(budget=total) == []
    assert [(kept.layer, kept.task) for kept in store.prune(everything=True)] == [
        ("repository", old.id),
        ("environment", ""),
    ]
    assert store.kept() == []


def test_a_budget_holds_while_images_are_made(settings: ComputerSettings, make_task: MakeTask, store: Store) -> None:
    said: list[str] = []
    computers = Computers(replace(settings, disk_budget=3_000_000), said.append)
    first = made(computers, make_task(2, install=write(2)))
    second = made(computers, make_task(3, install=write(2)))
    assert [kept.name for kept in store.kept() if kept.task] == [second.spec.image]
    assert [line for line in said if str(first.spec.image) in line and "disk budget" in line]


def test_what_is_in_use_stays(computers: Computers, make_task: MakeTask, store: Store) -> None:
    ready = made(computers, make_task(install=[SHARED, "true"]), release=False)
    assert store.prune(everything=True) == []
    assert [kept.in_use for kept in store.kept() if kept.task] == [True]
    computers.release(ready)
    with closing(open_sandbox("docker", ready.spec)):
        assert store.prune(everything=True) == []
    assert len(store.prune(everything=True)) == 2


def test_what_a_dead_process_had_in_use_may_go(settings: ComputerSettings, store: Store) -> None:
    program = "import sys; from pathlib import Path; from tasks.images.ledger import Ledger\n"
    program += "Ledger(Path(sys.argv[1])).use(['thing']); print('taken', flush=True); sys.stdin.read()"
    argv = [sys.executable, "-c", program, str(settings.cache_directory)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert Ledger(settings.cache_directory).in_use() == {"thing"}
        process.kill()
    assert Ledger(settings.cache_directory).in_use() == set()


def test_only_what_is_old_goes_when_asked_for_what_is_old(
    computers: Computers, make_task: MakeTask, store: Store
) -> None:
    made(computers, make_task())
    assert store.prune(older_than=3600) == []
    assert len(store.prune(older_than=-1)) == 1


def test_images_of_another_prefix_are_not_seen(
    settings: ComputerSettings, computers: Computers, make_task: MakeTask, store: Store
) -> None:
    made(computers, make_task())
    other = Store(settings.cache_directory, prefix=f"{settings.prefix}-other")
    assert other.kept() == []
    assert other.prune(everything=True) == []
    assert len(store.kept()) == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [([], "say what is to go"), (["--budget", "much"], "write it as 20GB"), (["--older-than", "7x"], "write it as 7d")],
)
def test_pruning_by_the_command_line_says_what_is_wrong(options: list[str], said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent", "images", "prune", *options], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr


def test_the_command_line_lists_what_is_kept(docker_image: str, settings: ComputerSettings) -> None:
    argv = [sys.executable, "-m", "agent", "images", "list", "--json", "--cache", str(settings.cache_directory)]
    listed = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
    assert all({"name", "layer", "task", "size", "last_used"} <= entry.keys() for entry in listed)
