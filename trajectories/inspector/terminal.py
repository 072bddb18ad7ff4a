"""Attempts as text: a table of several, the whole of one; for a terminal, a pager or a file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from trajectories.inspector.collection import Attempt, Collection, parse_lines
from trajectories.inspector.course import COURSE, Line, course
from trajectories.inspector.plain import RESET, one_line, safe
from trajectories.inspector.summary import UNFINISHED, number, patch_size, table, text

_BOLD, _DIM, _ITALIC = "\x1b[1m", "\x1b[2m", "\x1b[3m"
_RED, _GREEN, _YELLOW, _CYAN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[36m"
#: Of a longer observation, the head and the tail are shown.
_HEAD, _TAIL = 24, 10
#: Characters of one line that are shown.
_LONGEST_LINE = 2_000


def as_text(collection: Collection, *, colour: bool, width: int) -> Iterator[str]:
    """The lines to print, without their ends: a table where there are several attempts, else the one step by step.

    An attempt that a strategy spent is one, with the steps of its trials where they were made.

    Args:
        collection: What to show.
        colour: Whether to write colours.
        width: Columns of the terminal.
    """
    attempts = collection.whole
    writer = _Writer(collection, colour, width)
    if len(attempts) == 1:
        yield from writer.attempt(attempts[0])
    elif collection.attempts:
        yield from writer.listing()


class _Writer:
    def __init__(self, collection: Collection, colour: bool, width: int) -> None:
        self._collection = collection
        self._colour = colour
        self._width = max(width, 40)

    def listing(self) -> Iterator[str]:
        """A line an attempt, trials and forks below what they belong to."""
        collection = self._collection
        rows = {row["id"]: row for row in collection.rows()}
        yield self._paint(
            f"{'outcome':18} {'steps':>6} {'tokens':>11} {'cost':>8} {'time':>8} {'patch':>11}  attempt", _BOLD
        )
        shown: set[str] = set()
        roots = [attempt for attempt in collection.attempts.values() if collection.parent(attempt) is None]
        for root in [*roots, *collection.attempts.values()]:  # the latter for parents that form a circle
            waiting = [(root, 0)]
            while waiting:
                attempt, depth = waiting.pop()
                if attempt.id not in shown:
                    shown.add(attempt.id)
                    yield self._row(rows[attempt.id], depth)
                    waiting += [(child, depth + 1) for child in reversed(collection.children(attempt))]
        own = [row for row in rows.values() if not row["part_of"]]
        resolved = sum(row["verdict"] == "resolved" for row in own)
        yield self._paint(f"{len(own)} attempts, {resolved} resolved; name a file to see it step by step", _DIM)

    def _row(self, row: dict[str, Any], depth: int) -> str:
        outcome = row["verdict"] or row["status"]
        patch = row["patch"]
        size = f"+{patch['added']} -{patch['removed']}" if patch["files"] else "-"
        tokens = row["prompt_tokens"] + row["completion_tokens"]
        cost = "-" if row["cost"] is None else f"${row['cost']:.3f}"
        figures = f"{row['steps']:6} {tokens:11,} {cost:>8} {_time(row['duration']):>8} {size:>11}"
        origin = f"{'  ' * (depth - 1)}└ {_whence(row)}: " if depth else ""
        failure = f" ({row['failure']})" if row["failure"] else ""
        model = f"{row['model']}, {row['strategy']}" if row["strategy"] else row["model"]
        name = f"{row['task']}{failure}  {model}  {row['file']}"
        return (
            self._paint(f"{one_line(outcome, 18):18} ", _outcome_colour(outcome)) + f"{figures}  {origin}"
        ) + one_line(name, 400)

    def attempt(self, attempt: Attempt) -> Iterator[str]:
        """Everything of one attempt."""
        summary = self._collection.figures(attempt)
        yield self._paint(one_line(summary.task or attempt.name, self._width), _BOLD)
        yield self._paint(one_line(f"{summary.model}  {summary.repo}  {attempt.name}", self._width), _DIM)
        yield from self._events(attempt)
        outcome = f"{summary.status}{f', {attempt.outcome.verdict}' if attempt.outcome.verdict else ''}"
        tokens = summary.prompt_tokens + summary.completion_tokens
        cost = "" if summary.cost is None else f"; ${summary.cost:.3f}"
        yield ""
        yield self._paint(one_line(outcome, self._width), _BOLD + _outcome_colour(attempt.outcome.verdict or outcome))
        if summary.detail:
            yield one_line(summary.detail, 400)
        yield self._paint(f"{summary.steps} steps; {tokens:,} tokens{cost}; {_time(summary.duration)}", _DIM)
        if summary.patch:
            size = patch_size(summary.patch)
            yield self._rule(f"patch: {size['files']} files, +{size['added']} -{size['removed']}")
            yield from self._diff(summary.patch)

    def _events(self, attempt: Attempt) -> Iterator[str]:
        trials = self._collection.trials(attempt)
        for event in parse_lines(attempt.lines()):
            if event is not None and text(event.get("type")) in COURSE:
                yield from map(self._styled, course(event))
            else:
                yield from self._event({"type": "damaged line"} if event is None else event)
            begun = text(event.get("name")) if event and event.get("type") == "trial_started" else ""
            if begun in trials:
                yield from self._events(trials[begun])

    def _styled(self, line: Line) -> str:
        if line.style == "rule":
            return self._rule(line.text)
        styles = {"good": _GREEN, "bad": _RED, "dim": _DIM, "head": _YELLOW}
        return self._paint(safe(line.text.replace("\n", " "), colour=False), styles.get(line.style, ""))

    def _event(self, event: dict[str, Any]) -> Iterator[str]:
        """The lines of one event; nothing for those that the head and the end tell."""
        kind = text(event.get("type"))
        if kind == "model_replied":
            usage = table(event.get("usage"))
            tokens = int(number(usage.get("prompt_tokens")) + number(usage.get("completion_tokens")))
            yield self._rule(f"step {event.get('step')}  {_time(number(event.get('duration')))}  {tokens:,} tokens")
            reasoning = text(event.get("reasoning")) if event.get("reasoning") != event.get("content") else ""
            yield from self._block(reasoning, _DIM + _ITALIC)
            yield from self._block(text(event.get("content")))
        elif kind == "action":
            yield from self._call(table(event.get("call")))
        elif kind == "observation":
            if event.get("ok") is False:
                yield self._paint(f"✗ {one_line(text(event.get('code')) or 'failed', 60)}", _RED + _BOLD)
            yield from self._block(text(event.get("text")), indent="  ")
        elif kind == "message":
            mark = text(event.get("purpose"))
            yield self._paint(f"▌ {one_line(mark, 40)}", _YELLOW)
            yield from self._block(text(event.get("content")), indent="▌ ")
        elif kind == "condensed":
            seqs = event.get("seqs")
            count = len(seqs) if isinstance(seqs, list) else 0
            yield self._paint(f"▌ {count} old observations left the prompt to save room", _DIM)
        elif kind == "patch_changed":
            size = patch_size(text(event.get("patch")))
            yield self._paint(f"  patch now: {size['files']} files, +{size['added']} -{size['removed']}", _DIM)
        elif kind not in ("attempt_started", "attempt_ended"):
            yield self._paint(f"▌ {one_line(kind, 60)}", _YELLOW)
            rest = {key: value for key, value in event.items() if key not in ("type", "seq", "time")}
            yield from self._block(json.dumps(rest, indent=1) if rest else "", indent="▌ ")

    def _call(self, call: dict[str, Any]) -> Iterator[str]:
        said = {key: value for key, value in table(call.get("arguments")).items() if value not in (None, "", False)}
        short = {key: value for key, value in said.items() if "\n" not in str(value)}
        line = " ".join([text(call.get("name")), *(f"{key}={value}" for key, value in short.items())])
        yield self._paint(f"$ {one_line(line, _LONGEST_LINE)}", _CYAN + _BOLD)
        for key in said.keys() - short.keys():
            yield self._paint(f"  {one_line(key, 40)}:", _CYAN)
            yield from self._block(str(said[key]), indent="  │ ")

    def _block(self, content: str, style: str = "", indent: str = "") -> Iterator[str]:
        lines = content.rstrip("\n").split("\n") if content.strip() else []
        left_out = len(lines) - _HEAD - _TAIL
        for place, line in enumerate(lines):
            if left_out <= 1 or place < _HEAD or place >= len(lines) - _TAIL:
                cut = f"{line[:_LONGEST_LINE]} … {len(line):,} characters" if len(line) > _LONGEST_LINE else line
                yield indent + self._paint(safe(cut, colour=self._colour), style)
            elif place == _HEAD:
                yield indent + self._paint(f"… {left_out:,} more lines …", _DIM)

    def _diff(self, patch: str) -> Iterator[str]:
        for line in patch.rstrip("\n").split("\n"):
            begins = {"+": _GREEN, "-": _RED, "@": _CYAN, "d": _BOLD}
            yield self._paint(safe(line[:_LONGEST_LINE], colour=False), begins.get(line[:1], ""))

    def _rule(self, title: str) -> str:
        return "\n" + self._paint(f"── {one_line(title, 80)} ".ljust(min(self._width, 100), "─"), _DIM)

    def _paint(self, content: str, style: str) -> str:
        return f"{style}{content}{RESET}" if self._colour and style and content else content


def _whence(row: dict[str, Any]) -> str:
    """How an attempt goes with the one above it."""
    return f"trial {one_line(row['trial'], 20)}" if row["trial"] else f"from step {row['parent']['step']}"


def _outcome_colour(outcome: str) -> str:
    if outcome == "resolved":
        return _GREEN
    return {"submitted": "", UNFINISHED: _YELLOW}.get(outcome, _RED)


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s" if seconds < 3600 else f"{seconds / 3600:.1f} h"
