"""The attempts below some paths, kept up to date while their files grow."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from trajectories.inspector.files import find_trajectories
from trajectories.inspector.outcomes import Outcome, Outcomes
from trajectories.inspector.summary import UNFINISHED, Summary, number, patch_size, text
from trajectories.trees import root_place


@dataclass
class Attempt:
    """A trajectory file and what has been read of it.

    Attributes:
        id: Names it in links; the attempt's own identifier, made unique among the attempts shown.
        name: Name of the file as it is shown.
        size: Bytes read so far; always whole lines.
        damaged: Lines that are no events.
    """

    path: Path
    name: str
    id: str = ""
    size: int = 0
    damaged: int = 0
    summary: Summary = field(default_factory=Summary)
    outcome: Outcome = field(default_factory=Outcome)

    def lines(self, start: int = 0, most: int | None = None) -> bytes:
        """The whole lines from a byte on; without a torn last one.

        Args:
            start: Offset in bytes, where a line begins.
            most: Bytes after which it is enough; one longer line is given whole.
        """
        with open(self.path, "rb", opener=_open_no_link) as stream:
            stream.seek(start)
            read = stream.read() if most is None else stream.read(most)
            if most is not None and b"\n" not in read:
                read += stream.readline()
        return read[: read.rfind(b"\n") + 1]

    def refresh(self) -> None:
        """Read what was written since the last time; a file that became shorter is read anew."""
        if self.path.stat().st_size < self.size:
            self.size, self.damaged, self.summary = 0, 0, Summary()
        fresh = self.lines(self.size)
        self.size += len(fresh)
        for event in parse_lines(fresh):
            if event is None:
                self.damaged += 1
            else:
                self.summary.add(event)


class Collection:
    """The attempts that paths name.

    Args:
        paths: Trajectory files and directories; see :func:`find_trajectories`.

    Raises:
        TrajectoryError: A path is not there or is no trajectory.
        UsageError: There is no trajectory at all, and ``may_be_empty`` is not set.
    """

    def __init__(self, paths: list[Path], *, may_be_empty: bool = False) -> None:
        self.paths = paths
        self.attempts: dict[str, Attempt] = {}
        self._by_path: dict[Path, Attempt] = {}
        self._children: dict[str, list[Attempt]] = {}
        self._outcomes = Outcomes()
        self.refresh()
        if not self.attempts and not may_be_empty:
            raise UsageError(f"no trajectories below {', '.join(map(str, paths))}")

    def refresh(self) -> None:
        """Look for new files and read what was added to the known ones."""
        found = dict(find_trajectories(self.paths))
        for gone in self._by_path.keys() - found.keys():
            del self.attempts[self._by_path.pop(gone).id]
        for path, name in found.items():
            attempt = self._by_path.get(path) or Attempt(path, name)
            try:
                attempt.refresh()
            except OSError as error:
                raise UsageError(f"cannot read {path}: {error.strerror}") from None
            if not attempt.id:
                attempt.id = self._unique(attempt.summary.attempt_id or name)
            self._by_path[path] = self.attempts[attempt.id] = attempt
        self._children = {}
        for attempt in self.attempts.values():
            if (parent := self.parent(attempt)) is not None:
                self._children.setdefault(parent.id, []).append(attempt)
        self._outcomes.refresh(self.paths, found)
        for attempt in self.attempts.values():
            summary, attempt.outcome = attempt.summary, Outcome()
            if summary.status != UNFINISHED:
                attempt.outcome = self._outcomes.of(attempt.path, attempt.size, summary.task, summary.patch)

    def figures(self, attempt: Attempt) -> Summary:
        """What is known of an attempt, the figures of its trials included."""
        return attempt.summary.with_trials(trial.summary for trial in self.trials(attempt).values())

    def trials(self, attempt: Attempt) -> dict[str, Attempt]:
        """The trials that a strategy made of an attempt, by name, as far as their files are there."""
        children = self.children(attempt) if attempt.summary.trials else []
        return {child.summary.trial: child for child in children if child.summary.trial in attempt.summary.trials}

    def rows(self) -> list[dict[str, Any]]:
        """What the list shows of every attempt, as JSON values; in the order of the files."""
        return [self._row(attempt) for attempt in self.attempts.values()]

    @property
    def whole(self) -> list[Attempt]:
        """The attempts without those that are trials of another one here."""
        return [each for each in self.attempts.values() if not each.summary.trial or self.parent(each) is None]

    def children(self, attempt: Attempt) -> list[Attempt]:
        """The attempts that go on from this one, serve it, or are its trials."""
        return self._children.get(attempt.id, [])

    def parent(self, attempt: Attempt) -> Attempt | None:
        """The attempt that this one goes on from, or is a trial of, if it is shown too."""
        if attempt.summary.trial and (beside := self._by_path.get(root_place(attempt.path))) is not None:
            return beside
        named = text((attempt.summary.parent or {}).get("attempt_id"))
        known = self.attempts.get(named)
        return known if known is not attempt else None

    def _row(self, attempt: Attempt) -> dict[str, Any]:
        summary, outcome = self.figures(attempt), attempt.outcome
        return {
            "id": attempt.id,
            "file": attempt.name,
            "size": attempt.size,
            "damaged": attempt.damaged,
            "task": summary.task,
            "repo": summary.repo,
            "model": summary.model,
            "status": summary.status,
            "detail": summary.detail,
            "verdict": outcome.verdict,
            "failure": outcome.failure,
            "tests": [outcome.passed, outcome.tests],
            "steps": summary.steps,
            "prompt_tokens": summary.prompt_tokens,
            "completion_tokens": summary.completion_tokens,
            "cost": summary.cost,
            "duration": round(summary.duration, 3),
            "started": summary.started,
            "patch": patch_size(summary.patch),
            "failed": summary.failed,
            "refused": summary.refused,
            "corrected": summary.corrected,
            "strategy": summary.strategy if summary.trials else "",
            "trials": self._trial_rows(attempt),
            "trial": summary.trial,
            "part_of": parent.id if summary.trial and (parent := self.parent(attempt)) is not None else "",
            "parent": None if summary.trial else self._origin(attempt),
        }

    def _trial_rows(self, attempt: Attempt) -> list[dict[str, str]]:
        """The trials of an attempt: name, status, and the id of those whose files are shown."""
        there = self.trials(attempt)
        return [
            {"name": name, "id": there[name].id if name in there else "", "status": ended.status}
            for name, ended in attempt.summary.trials.items()
        ]

    def _origin(self, attempt: Attempt) -> dict[str, Any] | None:
        """Where an attempt comes from: the parent's id and step, if it is its fork or serves it, how a fork differs."""
        origin = attempt.summary.parent
        if not origin:
            return None
        seq = int(number(origin.get("seq")))
        parent = self.parent(attempt)
        step = origin.get("step")
        if not isinstance(step, int):
            step = (parent or attempt).summary.step_of(seq)
        relation = text(origin.get("relation")) or text(origin.get("kind")) or "fork"
        changed = origin.get("changed")
        return {
            "id": text(origin.get("attempt_id")),
            "seq": seq,
            "step": step,
            "relation": relation[:40],
            "changed": [text(change) for change in changed] if isinstance(changed, list) else [],
        }

    def _unique(self, wanted: str) -> str:
        """The identifier, with a number behind it where another file says the same of itself."""
        candidates = chain([wanted], (f"{wanted}~{place}" for place in count(2)))
        return next(candidate for candidate in candidates if candidate not in self.attempts)


def parse_lines(lines: bytes) -> Iterator[dict[str, Any] | None]:
    """The events of whole lines as plain objects; ``None`` for a line that is none."""
    for line in lines.split(b"\n")[:-1]:
        try:
            data = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            data = None
        yield data if isinstance(data, dict) else None


def _open_no_link(path: str, flags: int) -> int:
    """The file may have become a link to another one since it was found."""
    return os.open(path, flags | os.O_NOFOLLOW)
