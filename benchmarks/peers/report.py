"""The figures as a Markdown table, and where a peer does better."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.peers.measures import LEFT_AFTER, MEASURES

OURS = "ours"
BEGIN, END = "<!-- benchmarks/peers.py: begin -->", "<!-- benchmarks/peers.py: end -->"


@dataclass
class Entry:
    """What is known of one program.

    Attributes:
        title: Its name and version.
        unable: Measures that it cannot do, and why.
        notes: What a reader must know.
        figures: Values by measure.
    """

    title: str
    unable: dict[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    figures: dict[str, list[float]] = field(default_factory=dict)


@dataclass
class Report:
    """All that a run found.

    Attributes:
        settings: How it was measured, by the options' names.
        machine: What it was measured on.
        entries: Programs by name, ours first.
        left_out: Peers that could not be had, and why.
    """

    settings: dict[str, Any]
    machine: str
    entries: dict[str, Entry] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """As JSON takes it."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Report:
        """What :meth:`document` gave."""
        entries = {name: Entry(**entry) for name, entry in document["entries"].items()}
        return cls(**{**document, "entries": entries})


def quartiles(values: Sequence[float]) -> tuple[float, float]:
    """The first and the third."""
    if len(values) < 2:
        return values[0], values[0]
    first, _, third = statistics.quantiles(values, n=4, method="inclusive")
    return first, third


def markdown(report: Report, command: str) -> str:
    """The table, its footnotes, where a peer is better, and the command that does it again."""
    names = list(report.entries)
    notes: list[str] = []

    def mark(note: str) -> str:
        if note not in notes:
            notes.append(note)
        return f"<sup>{notes.index(note) + 1}</sup>"

    entries = report.entries.values()
    heads = [entry.title + "".join(mark(f"{entry.title}: {note}.") for note in entry.notes) for entry in entries]
    lines = [f"| | {' | '.join(heads)} |", f"|{' --- |' * (len(names) + 1)}"]
    for measure, (meaning, unit) in MEASURES.items():
        cells = []
        for name, entry in report.entries.items():
            values = entry.figures.get(measure)
            if values:
                cells.append(cell(values, unit, None if name == OURS else report.entries[OURS].figures.get(measure)))
            else:
                reason = entry.unable.get(measure, "not measured")
                cells.append("–" + mark(f"{entry.title}: {reason}."))
        lines.append(f"| {meaning.format(**report.settings)} | {' | '.join(cells)} |")
    lines += ["", f"Medians (first to third quartile); × is times ours. {method(report)}"]
    lines += ["", *(f"{number}. {note}" for number, note in enumerate(notes, 1))] if notes else []
    lines += ["", *(f"Left out: {name}: {why}." for name, why in report.left_out.items())] if report.left_out else []
    ahead = better(report)
    lines += ["", "Where a peer is better: " + ("; ".join(ahead) if ahead else "in none of these measures") + "."]
    lines += ["", f"Again: `{command}`", ""]
    return "\n".join(lines)


def method(report: Report) -> str:
    """How it was measured, in words."""
    s = report.settings
    return (
        f"{report.machine}; rounds: {s['rounds']}, ours before each peer; {s['steps']} steps that show about 4 KB each "
        f"and one edit, a model that takes {s['delay']:g} s. Memory is the peak of the proportional set size of the "
        "process, those below it and those in its containers; bytes are those handed to the disk by them; what is left "
        f"is counted {LEFT_AFTER:.0f} s after the driver was killed, during its third step."
    )


def cell(values: Sequence[float], unit: str, ours: Sequence[float] | None) -> str:
    """A median with its quartiles and what it is of ours."""
    median = statistics.median(values)
    if not unit:
        return f"{median:g}"
    first, third = quartiles(values)
    text = f"{number(median)} {unit} ({number(first)}–{number(third)})"
    if ours and (base := statistics.median(ours)):
        text += f", ×{number(median / base)}"
    return text


def number(value: float) -> str:
    """Two digits that count, no decimals from 100 on."""
    if value >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def better(report: Report) -> list[str]:
    """Each measure in which a peer's median is lower than ours."""
    ours = report.entries[OURS].figures
    found = []
    for name, entry in report.entries.items():
        for measure, (meaning, unit) in MEASURES.items():
            if name != OURS and entry.figures.get(measure) and ours.get(measure):
                theirs, own = statistics.median(entry.figures[measure]), statistics.median(ours[measure])
                if theirs < own:
                    what = meaning.format(**report.settings)
                    found.append(f"{entry.title}, {what}: {number(theirs)} {unit} to {number(own)} {unit}".strip())
    return found


def rewrite(file: Path, table: str) -> None:
    """Put a table between the markers in a file.

    Raises:
        SystemExit: The file has no markers.
    """
    text = file.read_text("utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"{file} has no lines '{BEGIN}' and '{END}' to write between")
    file.write_text(f"{before}{BEGIN}\n{table.strip()}\n{END}{after}", "utf-8")
