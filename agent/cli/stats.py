"""``agent stats``: what many attempts came to, and how they worked."""

from __future__ import annotations

import json as jsonlib
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from agent.cli.options import Json

if TYPE_CHECKING:
    from tasks.metrics import Summary
    from trajectories.stats import Rows, Table
    from trajectories.stats.runs import Gold


class By(StrEnum):
    """What attempts are grouped by."""

    REPO = "repo"
    MODEL = "model"
    STATUS = "status"
    TOOL = "tool"


def stats(
    paths: Annotated[list[Path], typer.Argument(help="Trajectories, or directories of runs and evaluations.")],
    tasks: Annotated[
        str | None, typer.Option("--tasks", help="Their tasks, for how near the attempts came.", metavar="REF")
    ] = None,
    by: Annotated[By | None, typer.Option("--by", help="Print one table only, by this.")] = None,
    parquet: Annotated[
        Path | None, typer.Option("--parquet", help="Also write two Parquet tables.", metavar="FILE")
    ] = None,
    json: Json = False,
) -> None:
    """Count what attempts came to: resolved, cost, time, how they failed, how they used their tools."""
    from agent.summary import outcomes, print_groups, print_summary
    from agent.tables import print_table
    from tasks.metrics import summarize
    from trajectories.stats import gather, tables, write_parquet

    rows = gather(paths, known_solutions(tasks) if tasks else lambda task: None)
    for fault in rows.faults:
        print(f"agent: left out: {fault}", file=sys.stderr)
    summary = summarize(outcomes(rows.attempts))
    made = tables(rows.attempts, rows.steps)
    if parquet is not None:
        for written in write_parquet(rows, parquet):
            print(f"agent: wrote {written}", file=sys.stderr)
    if json:
        print(jsonlib.dumps(_as_json(rows, summary, made), indent=2, ensure_ascii=True))
    elif by is By.TOOL:
        for table in made:
            if table.name in ("tools", "codes"):
                print_table(table.title, table.columns, table.rows)
    elif by is not None:
        print_groups("", {By.REPO: summary.repositories, By.MODEL: summary.models, By.STATUS: summary.statuses}[by])
    else:
        print_summary(summary)
        for table in made:
            if table.name != "endings":  # the summary has it
                print_table(table.title, table.columns, table.rows)


def known_solutions(reference: str) -> Gold:
    """What the solution of each task of a data set touches, by the task's id."""
    from tasks.datasets import load_tasks
    from trajectories.stats import touched

    def say(fault: str) -> None:
        print(f"agent: {fault}", file=sys.stderr)

    known = {task.id: task for task in load_tasks(reference, on_fault=say)}

    def gold(task: str) -> Any:
        found = known.get(task)
        return touched(found.patch, found.files) if found and found.patch else None

    return gold


def _as_json(rows: Rows, summary: Summary, made: list[Table]) -> dict[str, Any]:
    return {
        "summary": summary.as_dict(),
        "tables": {table.name: table.as_dicts() for table in made},
        "attempts": [asdict(row) for row in rows.attempts],
        "faults": rows.faults,
    }
