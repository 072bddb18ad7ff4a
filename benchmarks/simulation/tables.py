"""Tables of simulated runs, as text and as Markdown between markers of a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.simulation.check import Compared
from benchmarks.simulation.outcome import Outcome
from benchmarks.simulation.setup import Setup

Row = Sequence[str]


def table(rows: Sequence[Row]) -> str:
    """A Markdown table; the first row is its head, the first column is set to the left."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|".join(["", "-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:]), ""])
    return "\n".join([lines[0], rule, *lines[1:]])


def of_runs(runs: Sequence[tuple[Setup, int, Outcome]]) -> list[Row]:
    """Rows of simulated runs: each with its setup and its tasks."""
    head = ("tasks", "nodes", "time", "bottleneck", "provider used", "cpu used", "slots used", "refused calls",
            "failed", "pulled", "disk a node", "tokens cost", "nodes cost")  # fmt: skip
    rows: list[Row] = [head]
    for setup, tasks, outcome in runs:
        shares = outcome.shares
        rows.append(
            (
                f"{tasks:,}", str(setup.nodes), duration(outcome.seconds), outcome.bottleneck,
                f"{shares['provider']:.0%}", f"{shares['cpu']:.0%}", f"{shares['slots']:.0%}",
                f"{outcome.refused / max(1, outcome.accepted + outcome.refused):.0%}", f"{outcome.failed:,}",
                f"{outcome.use.pulled / 1000:,.0f} GB", f"{outcome.disk / 1000:,.0f} GB",
                f"${outcome.model_cost:,.0f}", f"${outcome.node_cost:,.0f}",
            )
        )  # fmt: skip
    return rows


def of_comparisons(found: Sequence[Compared]) -> list[Row]:
    """Rows of real runs beside their predictions."""
    rows: list[Row] = [("run", "workers", "real", "predicted", "off", "refused", "predicted", "failed", "predicted")]
    for one in found:
        rows.append(
            (
                one.case.name, str(one.case.workers), f"{one.real:.1f} s", f"{one.predicted:.1f} s", f"{one.off:+.0%}",
                str(one.real_refused), str(one.predicted_refused), str(one.real_failed), str(one.predicted_failed),
            )
        )  # fmt: skip
    return rows


def duration(seconds: float) -> str:
    """A time as people say it."""
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h" if seconds < 172_800 else f"{seconds / 86400:.1f} days"


def rewrite(page: Path, name: str, text: str) -> None:
    """Put a text between the markers of a name in a page.

    Raises:
        SystemExit: The page has no such markers.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    before, found, rest = page.read_text("utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise SystemExit(f"{page} has no lines '{begin}' and '{end}' to write between")
    page.write_text(f"{before}{begin}\n{text.strip()}\n{end}{after}", "utf-8")
