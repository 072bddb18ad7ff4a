"""The kinds of rows that are read, each recognised by its columns.

To read another kind: write a module with ``recognises`` and ``read`` beside the others, and name it here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tasks.datasets import swe_bench, swe_bench_live, swe_bench_pro, swe_gym, swe_smith
from tasks.datasets.functions import apps, humaneval, humanevalfix, mbpp, quixbugs
from tasks.datasets.rows import Row
from tasks.task import Task

_LONGEST_NAME = 200  # bytes; file systems take 255, and what is kept for a task has longer names


@dataclass(frozen=True, slots=True)
class Flavour:
    """A kind of rows.

    Attributes:
        recognises: Whether columns are of this kind; the first kind that says so reads the row.
        read: Makes the task; raises `ValueError`, pydantic's among them, with a message that names the field.
    """

    recognises: Callable[[Mapping[str, Any]], bool]
    read: Callable[[Row], Task]


FLAVOURS = tuple(
    Flavour(module.recognises, module.read)
    for module in (
        humanevalfix,
        humaneval,
        mbpp,
        quixbugs,
        apps,
        swe_smith,
        swe_bench_pro,
        swe_bench_live,
        swe_gym,
        swe_bench,  # takes whatever is left, tasks written by hand among it
    )
)


def to_task(row: Row) -> Task:
    """The task of a row.

    Raises:
        ValueError: The row is no good; the message names the field.
    """
    fields = _without_nulls(row.fields)
    flavour = next(flavour for flavour in FLAVOURS if flavour.recognises(fields))
    task = flavour.read(Row(row.place, fields, row.file))
    _check_name(task.id)
    return task


def _check_name(name: str) -> None:
    """Attempts, verdicts and directories are kept by the names of their tasks."""
    wrong_part = any(part in ("", ".", "..") for part in name.split("/"))
    if wrong_part or not name.isprintable() or len(name.encode()) > _LONGEST_NAME:
        rule = f"printable, at most {_LONGEST_NAME} bytes, and no absolute path and none with . or .. in it"
        raise ValueError(f"instance_id: {name!a:.50} names no directory: an id is {rule}")


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that have a value: a table writes null for what another row has, in an environment as well."""
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None
    }
