"""Rows of data files, each with the place that it was read from."""

from __future__ import annotations

import gzip
import json
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError

#: How the names of files that hold tasks end.
ENDINGS = (".jsonl", ".jsonl.gz", ".json", ".json.gz", ".parquet", ".yaml", ".yml", ".toml")

#: UTF-8, with or without the mark that some editors begin a file with.
_ENCODING = "utf-8-sig"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a data file.

    Attributes:
        place: Where it is, as told to a user: ``tasks.jsonl:12``, ``tasks.json[3]``.
        fields: Its columns.
        file: The file that it was read from.
    """

    place: str
    fields: dict[str, Any]
    file: Path


def holds_tasks(name: str) -> bool:
    """Whether a file of this name is read as tasks."""
    return name.endswith(ENDINGS)


def read_rows(file: Path, on_fault: Say) -> Iterator[Row]:
    """The rows of one file; what is no row is told to ``on_fault``, one line each, and the others go on.

    Raises:
        UsageError: The file cannot be read at all, or reading it takes a package that is not installed.
    """
    name = file.name.removesuffix(".gz")
    try:
        if name.endswith(".jsonl"):
            yield from _json_lines(file, on_fault)
        elif name.endswith(".parquet"):
            yield from _parquet(file)
        else:
            yield from _document(file, _load(file, name), on_fault)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from error


def _load(file: Path, name: str) -> object:
    text = _text(file)
    try:
        if name.endswith(".json"):
            return json.loads(text)
        if name.endswith(".toml"):
            return tomllib.loads(text)
        import yaml

        try:
            return yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise ValueError(" ".join(str(error).split())) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file}: not {name.rpartition('.')[2].upper()}: {error}") from error


def _text(file: Path) -> str:
    content = file.read_bytes()
    return (gzip.decompress(content) if file.suffix == ".gz" else content).decode(_ENCODING)


def _json_lines(file: Path, on_fault: Say) -> Iterator[Row]:
    with gzip.open(file, "rt", encoding=_ENCODING) if file.suffix == ".gz" else file.open(encoding=_ENCODING) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                fields = json.loads(line)
            except (ValueError, RecursionError) as error:
                on_fault(f"{file}:{number}: not JSON: {error}")
                continue
            yield from _row(f"{file}:{number}", fields, file, on_fault)


def _document(file: Path, document: object, on_fault: Say) -> Iterator[Row]:
    """A list of rows, an object of rows by id, or one row."""
    if isinstance(document, list):
        for index, fields in enumerate(document):
            yield from _row(f"{file}[{index}]", fields, file, on_fault)
    elif isinstance(document, dict) and document and all(isinstance(value, dict) for value in document.values()):
        for key, fields in document.items():
            yield Row(f"{file}[{key!r}]", {"instance_id": str(key), **fields}, file)
    else:
        yield from _row(str(file), document, file, on_fault)


def _row(place: str, fields: object, file: Path, on_fault: Say) -> Iterator[Row]:
    if isinstance(fields, dict):
        yield Row(place, fields, file)
    else:
        on_fault(f"{place}: a row has named fields, and this is {_kind(fields)}")


def _kind(value: object) -> str:
    kinds = {list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "a number")


def _parquet(file: Path) -> Iterator[Row]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise UsageError(f"{file}: reading Parquet needs pyarrow: pip install 'patchwright[datasets]'") from error
    index = 0
    try:
        for batch in parquet.ParquetFile(file).iter_batches(batch_size=256):
            for fields in batch.to_pylist():
                yield Row(f"{file}[{index}]", fields, file)
                index += 1
    except pyarrow.ArrowException as error:
        raise UsageError(f"{file}: not Parquet: {' '.join(str(error).split())}") from error
