"""The rows as Parquet, for SQL and data frames."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from types import GenericAlias, UnionType
from typing import Any, get_args, get_type_hints

from aci_tools.errors import UsageError
from trajectories.stats.rows import AttemptFacts, StepFacts
from trajectories.stats.runs import Rows


def write_parquet(rows: Rows, path: Path) -> tuple[Path, Path]:
    """Write two tables, ``attempts`` and ``steps``, which join on ``trajectory``.

    Args:
        rows: What to write.
        path: ``x.parquet`` gives ``x.attempts.parquet`` and ``x.steps.parquet``.

    Returns:
        The two files.

    Raises:
        UsageError: pyarrow is not installed, or the files cannot be written.
    """
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise UsageError("--parquet needs pyarrow: pip install 'patchwright[analysis]'") from None
    stem = path.with_suffix("") if path.suffix == ".parquet" else path
    files = (stem.with_name(f"{stem.name}.attempts.parquet"), stem.with_name(f"{stem.name}.steps.parquet"))
    types = {str: arrow.string(), int: arrow.int64(), float: arrow.float64(), bool: arrow.bool_()}

    def column(hint: Any) -> Any:
        if isinstance(hint, UnionType):
            hint = next(part for part in get_args(hint) if part is not type(None))
        return arrow.list_(arrow.string()) if isinstance(hint, GenericAlias) else types[hint]

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for kind, members, file in ((AttemptFacts, rows.attempts, files[0]), (StepFacts, rows.steps, files[1])):
            hints = get_type_hints(kind)
            schema = arrow.schema([(field.name, column(hints[field.name])) for field in fields(kind)])
            parquet.write_table(arrow.Table.from_pylist([asdict(row) for row in members], schema=schema), file)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
    return files
