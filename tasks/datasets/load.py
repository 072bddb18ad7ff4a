"""From a reference to tasks: what it names, its rows, the tasks that are good, the ones that are wanted."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from aci_tools.errors import UsageError
from tasks.datasets import hub
from tasks.datasets.flavours import to_task
from tasks.datasets.rows import ENDINGS, Say, holds_tasks, read_rows
from tasks.datasets.selection import EVERYTHING, Selection
from tasks.task import Task


def load_tasks(reference: str, *, split: str = "test", selection: Selection = EVERYTHING, on_fault: Say) -> list[Task]:
    """Read tasks.

    Args:
        reference: A file (JSONL, JSON, Parquet, YAML, TOML; JSON also gzipped), a directory of such files, or the name
            of a data set on the Hugging Face hub: ``owner/name``, ``owner/name:configuration``, or a short name such
            as ``verified``. A file or directory of that name comes first.
        split: Split of a data set on the hub.
        selection: Which tasks are wanted.
        on_fault: Told, in one line each, of rows that are left out and why.

    Returns:
        At least one task, in the data's order unless the selection shuffles.

    Raises:
        UsageError: The reference names nothing, no row of it is good, or the selection leaves none.
        InfrastructureError: The hub does not answer.
    """
    selection.check()
    faults: list[str] = []

    def left_out(fault: str) -> None:
        faults.append(fault)
        on_fault(fault)

    good: dict[str, str] = {}
    wanted: list[Task] = []
    for file in _files(reference, split, on_fault):
        for row in read_rows(file, left_out):
            try:
                task = to_task(row)
            except ValueError as error:
                left_out(f"{row.place}: {_reason(error)}")
                continue
            first = good.setdefault(task.id, row.place)
            if first != row.place:
                on_fault(f"{row.place}: instance_id: {task.id} is taken, the first is {first}")
            elif selection.matches(task):
                wanted.append(task)
    if not good:
        reason = f"; {faults[0]}" if faults else ""
        raise UsageError(f"{reference}: no task in it can be read{reason}")
    chosen = selection.apply(wanted, on_fault)
    if not chosen:
        raise UsageError(f"{reference}: none of its {len(good)} tasks is selected")
    return chosen


def _files(reference: str, split: str, on_fault: Say) -> list[Path]:
    path = Path(reference).expanduser()
    if path.is_dir():
        return _inside(path, split, on_fault)
    if path.exists():
        if not holds_tasks(path.name):
            raise UsageError(f"{reference}: not a file of tasks; their names end with {', '.join(ENDINGS)}")
        return [path]
    if hub.is_name(reference) and not holds_tasks(reference):
        return hub.download(reference, split, on_fault)
    raise UsageError(f"{reference}: no such file or directory, and not the name of a data set")


def _inside(directory: Path, split: str, on_fault: Say) -> list[Path]:
    """The files of tasks in a directory; else, as in a copy of the hub's repository, those of one split below it."""
    files = sorted(path for path in directory.iterdir() if holds_tasks(path.name) and path.is_file())
    if files:
        return files
    below = [path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()]
    names = [name for name in below if holds_tasks(name) and not any(part[0] == "." for part in name.split("/"))]
    if not names:
        raise UsageError(f"{directory}: holds no file of tasks; their names end with {', '.join(ENDINGS)}")
    return [directory / name for name in hub.choose(str(directory), names, split, "", on_fault)]


def _reason(error: ValueError) -> str:
    if not isinstance(error, ValidationError):
        return " ".join(str(error).split())
    faults = [
        f"{'.'.join(map(str, fault['loc'])) or 'row'}: {fault['msg'].removeprefix('Value error, ')}"
        for fault in error.errors(include_url=False, include_input=False)
    ]
    return "; ".join(" ".join(fault.split()) for fault in faults)
