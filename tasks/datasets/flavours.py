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
    return flavour.read(Row(row.place, fields, row.file))


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Columns that have a value: a table writes null for what another row has, in an environment as well."""
    return {
        name: _without_nulls(value) if isinstance(value, dict) else value
        for name, value in fields.items()
        if value is not None
    }
