"""``agent images``: what tasks run in, made ahead of a run, listed, and removed."""

from __future__ import annotations

import json as jsonlib
import re
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from aci_tools.errors import InfrastructureError, PatchwrightError, UsageError
from agent.cli.options import (
    BaseImage,
    Cache,
    ConfigFiles,
    Filter,
    Json,
    Kind,
    Repositories,
    Settings,
    Slice,
    Split,
    TaskSet,
    effective_config,
)

if TYPE_CHECKING:
    from tasks.images.store import Kept, Store
    from tasks.task import Task

app = typer.Typer(help="Make, list and remove what tasks run in.", no_args_is_help=True)

_UNITS = {"": 1, "K": 1000, "M": 1000**2, "G": 1000**3, "T": 1000**4}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 7 * 86_400}


@app.command()
def build(
    tasks: TaskSet,
    split: Split = "test",
    filter: Filter = "",
    slice: Slice = "",
    workers: Annotated[int, typer.Option("--workers", "-w", min=1, help="How many to build side by side.")] = 2,
    repositories: Repositories = None,
    base_image: BaseImage = None,
    sandbox: Kind = None,
    cache: Cache = None,
    config: ConfigFiles = None,
    set: Settings = None,
) -> None:
    """Have everything there that the tasks run in. The result is one line a task: its id, its image, the seconds."""
    from concurrent.futures import ThreadPoolExecutor

    from agent.computer import computer_settings
    from tasks.datasets import Selection, load_tasks
    from tasks.images import Computers

    wanted = load_tasks(tasks, split=split, selection=Selection(filter=filter, slice=slice), on_fault=_say)
    effective = effective_config(
        config,
        set,
        sandbox__kind=sandbox,
        tasks__repositories=repositories,
        tasks__base_image=base_image,
        tasks__cache=cache,
    )
    computers = Computers(computer_settings(effective), _say)
    faults: list[PatchwrightError] = []
    one_line = threading.Lock()

    def one(task: Task) -> None:
        began = time.monotonic()
        try:
            ready = computers.ready(task)
            computers.release(ready)
        except PatchwrightError as error:
            faults.append(error)
            _say(str(error) if task.id in str(error) else f"{task.id}: {error}")
            return
        with one_line:
            place = ready.spec.image or ready.spec.repository
            print(f"{task.id}\t{place}\t{time.monotonic() - began:.1f}", flush=True)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(one, wanted))
    if faults:
        _say(f"{len(faults)} of {len(wanted)} could not be made")
        raise typer.Exit(InfrastructureError.exit_code if isinstance(faults[-1], InfrastructureError) else 1)


@app.command("list")
def list_(cache: Cache = None, json: Json = False) -> None:
    """List the images and directories that are kept for tasks, those used last first."""
    from agent.tables import print_table

    kept = _store(cache).kept()
    if json:
        print(jsonlib.dumps([asdict(item) for item in kept], indent=2))
        return
    columns = ("name", "layer", "task", "size", "last used")
    print_table("", columns, [(i.name, i.layer, i.task or i.repo, _size(i.size), _when(i.last_used)) for i in kept])
    print(f"{len(kept)} kept, {_size(sum(item.size for item in kept))}")


@app.command()
def prune(
    budget: Annotated[
        str | None, typer.Option("--budget", help="Remove the least recently used down to that size.", metavar="20GB")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Remove all that no living run uses.")] = False,
    older_than: Annotated[
        str | None, typer.Option("--older-than", help="Remove what was not used for that long.", metavar="7d")
    ] = None,
    cache: Cache = None,
    json: Json = False,
) -> None:
    """Remove images and directories of tasks. What a living run uses stays."""
    if not (budget or all or older_than):
        raise UsageError("say what is to go: --budget 20GB, --older-than 7d or --all")
    removed = _store(cache).prune(
        older_than=None if older_than is None else _measure(older_than, _SECONDS, "--older-than", "7d"),
        everything=all,
        budget=None if budget is None else int(_measure(budget, _UNITS, "--budget", "20GB")),
    )
    if json:
        print(jsonlib.dumps([asdict(item) for item in removed], indent=2))
        return
    for item in removed:
        print(f"{item.name}  {_size(item.size)}  {item.task or item.layer}")
    print(_summary(removed))


def _store(cache: Cache) -> Store:
    from agent.computer import computer_settings
    from tasks.images.store import Store

    return Store(computer_settings(effective_config(None, None, tasks__cache=cache)).cache_directory)


def _summary(removed: Sequence[Kept]) -> str:
    freed = _size(sum(item.size for item in removed))
    return f"{len(removed)} removed, {freed} free again" if removed else "nothing to remove"


def _measure(text: str, units: dict[str, int], option: str, example: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([A-Za-z]?)(?:i?B)?", text.strip())
    unit = "" if found is None else found[2]
    factor = units.get(unit, units.get(unit.upper(), units.get(unit.lower())))
    if found is None or factor is None:
        raise UsageError(f"{option} {text}: write it as {example}")
    return float(found[1]) * factor


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"


def _when(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch))


def _say(line: str) -> None:
    print(f"agent: {line}", file=sys.stderr, flush=True)
