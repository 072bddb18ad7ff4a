"""``agent memory``: what was learnt between tasks, shown and forgotten."""

from __future__ import annotations

import json as jsonlib
import time
from typing import TYPE_CHECKING, Annotated

import typer

from aci_tools.errors import UsageError
from agent.cli.options import Json

if TYPE_CHECKING:
    from agent.memory import MemoryStore, Reflection

app = typer.Typer(help="Show and forget what was learnt between tasks.", no_args_is_help=True)

File = Annotated[
    str, typer.Option("--memory", help="The file; default: the one in the user's data directory.", metavar="FILE")
]
Repo = Annotated[str | None, typer.Option("--repo", "-r", help="Only what was learnt on this repository.")]


@app.command("list")
def list_(memory: File = "default", repo: Repo = None, json: Json = False) -> None:
    """List reflections, the newest first."""
    from agent.tables import print_table

    store = _store(memory)
    # Nothing was learnt yet where nobody named a file.
    known = store.reflections(repo) if memory != "default" or store.path.exists() else []
    if json:
        print(jsonlib.dumps([reflection.as_json() for reflection in known], indent=2, ensure_ascii=False))
        return
    if known:
        columns = ("id", "repository", "task", "learnt", "outcome", "used", "reflection")
        print_table("", columns, [_row(reflection) for reflection in known])
    print(f"{len(known)} in {store.path}")


@app.command()
def show(
    number: Annotated[int, typer.Argument(help="As `agent memory list` shows it.", metavar="ID")],
    memory: File = "default",
    json: Json = False,
) -> None:
    """Show one reflection in full."""
    from trajectories.inspector.plain import safe

    store = _store(memory)
    reflection = store.get(number)
    if reflection is None:
        raise UsageError(f"there is no reflection {number} in {store.path}; `agent memory list` shows those there are")
    if json:
        print(jsonlib.dumps(reflection.as_json(), indent=2, ensure_ascii=False))
        return
    last = f", last on {_day(reflection.last_used)}" if reflection.last_used else ""
    print(f"repository: {reflection.repo}")
    print(f"task:       {reflection.task_id}")
    print(f"learnt:     {_day(reflection.created)}")
    print(f"outcome:    {reflection.outcome}")
    print(f"used:       {reflection.used}{last}")
    print(f"\n{safe(reflection.text, colour=False)}")
    if reflection.about:
        print(f"\nabout:\n{safe(reflection.about, colour=False)}")


@app.command()
def forget(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="As `agent memory list` shows them.", metavar="ID")
    ] = None,
    memory: File = "default",
    repo: Repo = None,
    all: Annotated[bool, typer.Option("--all", help="Forget everything.")] = False,
) -> None:
    """Remove reflections: by number, all of one repository, or all there are."""
    if bool(numbers) + (repo is not None) + all != 1:
        raise UsageError("say what is to go: ids, --repo REPO or --all")
    store = _store(memory)
    removed = store.forget(numbers or [reflection.id for reflection in store.reflections(repo)])
    print(f"{removed} forgotten")
    raise typer.Exit(0 if removed or all else 1)


def _store(memory: str) -> MemoryStore:
    from agent.memory import MemoryStore, memory_path

    return MemoryStore(memory_path(memory))


def _row(reflection: Reflection) -> tuple[str | int, ...]:
    from trajectories.inspector.plain import one_line

    return (
        str(reflection.id),
        reflection.repo,
        reflection.task_id,
        _day(reflection.created),
        reflection.outcome,
        reflection.used,
        one_line(reflection.text, 80),
    )


def _day(epoch: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(epoch))
