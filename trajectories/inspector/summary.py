"""One attempt in one line: what the list of attempts shows, folded from the events without keeping them."""

from __future__ import annotations

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

#: How an attempt relates to the one that a strategy made it a trial of.
TRIAL = "trial"
#: Status of a trajectory without a last event: it is still being written, or its writer was killed.
UNFINISHED = "unfinished"
#: Figures that add up over the trials of an attempt.
_SUMS = ("steps", "prompt_tokens", "completion_tokens", "failed", "refused", "corrected")
_HUNK = re.compile(r"@@ -\d+(?:,(\d{1,9}))? \+\d+(?:,(\d{1,9}))? @@")


@dataclass
class Summary:
    """What is known of an attempt so far. :meth:`add` takes the events in their order, as plain JSON objects.

    Whatever is in a trajectory, also one that is damaged or hostile, folding it does not fail: a value of the wrong
    type counts as absent.

    Attributes:
        parent: The event of another attempt that this one goes on from, as the file names it.
        step_starts: Number of the event with which each step began.
        duration: Seconds; of an unfinished attempt, from the first to the latest event.
        steps: Model calls, those of sub-agents without tools too; those of trials are in files of their own.
        strategy: What spent the attempt, if that made trials.
        trials: The trials of a strategy that began, by name, each with what is known of its end.
    """

    attempt_id: str = ""
    task: str = ""
    repo: str = ""
    model: str = ""
    status: str = UNFINISHED
    detail: str = ""
    steps: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost: float | None = None
    duration: float = 0.0
    started: float = 0.0
    patch: str = ""
    failed: int = 0
    refused: int = 0
    corrected: int = 0
    parent: dict[str, Any] | None = None
    step_starts: list[int] = field(default_factory=list)
    strategy: str = ""
    trials: dict[str, Summary] = field(default_factory=dict)

    def add(self, event: dict[str, Any]) -> None:
        """Go on by one event."""
        time = number(event.get("time"))
        self.started = self.started or time
        if time and self.status == UNFINISHED:
            self.duration = max(self.duration, time - self.started)
        fold = _FOLDS.get(text(event.get("type")))
        if fold is not None:
            fold(self, event)

    @property
    def trial(self) -> str:
        """Which trial of another attempt this is; ``""`` for an attempt of its own."""
        parent = self.parent or {}
        return text(parent.get("trial")) or "?" if parent.get("relation") == TRIAL else ""

    def with_trials(self, known: Iterable[Summary]) -> Summary:
        """The figures of the whole attempt, if it made trials.

        Args:
            known: The trials whose own files are known; of the others only what was recorded at their ends counts.
        """
        named = {each.trial: each for each in known}
        parts = [named.get(name, ended) for name, ended in self.trials.items()]
        costs = [part.cost for part in (self, *parts) if part.cost is not None]
        whole = replace(self, cost=sum(costs) if costs else None)
        for name in _SUMS:
            setattr(whole, name, sum(getattr(part, name) for part in (self, *parts)))
        return whole

    def step_of(self, seq: int) -> int:
        """The step that an event belongs to: how many had begun when it was written."""
        return bisect_right(self.step_starts, seq)

    def _attempt_started(self, event: dict[str, Any]) -> None:
        task = table(event.get("task"))
        self.attempt_id = text(event.get("attempt_id"))
        self.task = text(task.get("id") or task.get("instance_id"))
        self.repo = text(task.get("repo"))
        self.model = text(event.get("model"))
        self.parent = table(event.get("parent")) or None
        self.strategy = text(table(table(event.get("config")).get("agent")).get("strategy"))

    def _model_replied(self, event: dict[str, Any]) -> None:
        self.step_starts.append(int(number(event.get("seq"))))
        self._asked(event)

    def _asked(self, event: dict[str, Any]) -> None:
        self.steps += 1
        self._use(table(event.get("usage")))

    def _use(self, usage: dict[str, Any]) -> None:
        self.prompt_tokens += int(number(usage.get("prompt_tokens")))
        self.completion_tokens += int(number(usage.get("completion_tokens")))
        if usage.get("cost") is not None:
            self.cost = (self.cost or 0.0) + number(usage["cost"])

    def _trial_started(self, event: dict[str, Any]) -> None:
        self.trials.setdefault(text(event.get("name")), Summary())

    def _trial_ended(self, event: dict[str, Any]) -> None:
        trial = Summary(status=text(event.get("status")), steps=int(number(event.get("steps"))))
        trial._use(table(event.get("usage")))
        self.trials[text(event.get("name"))] = trial

    def _message(self, event: dict[str, Any]) -> None:
        self.corrected += event.get("purpose") == "correction"

    def _observation(self, event: dict[str, Any]) -> None:
        if event.get("ok") is False:
            self.refused += event.get("code") == "guard-refused"
            self.failed += event.get("code") != "guard-refused"

    def _patch_changed(self, event: dict[str, Any]) -> None:
        self.patch = text(event.get("patch"))

    def _attempt_ended(self, event: dict[str, Any]) -> None:
        self.status = text(event.get("status")) or UNFINISHED
        self.detail = text(event.get("detail"))
        self.patch = text(event.get("patch"))
        self.duration = number(event.get("duration")) or self.duration

    def _resumed(self, event: dict[str, Any]) -> None:
        self.status, self.detail = UNFINISHED, ""


_FOLDS: dict[str, Callable[[Summary, dict[str, Any]], None]] = {
    "attempt_started": Summary._attempt_started,
    "model_replied": Summary._model_replied,
    "message": Summary._message,
    "subagent_replied": Summary._asked,
    "trial_started": Summary._trial_started,
    "trial_ended": Summary._trial_ended,
    "observation": Summary._observation,
    "patch_changed": Summary._patch_changed,
    "attempt_ended": Summary._attempt_ended,
    "resumed": Summary._resumed,
}


def patch_size(patch: str) -> dict[str, int]:
    """Files, added and removed lines of a unified diff, with git's headers or without."""
    size = {"files": 0, "added": 0, "removed": 0}
    by_git = patch.startswith("diff --git ") or "\ndiff --git " in patch
    old = new = 0  # lines of the hunk that are still to come
    for line in patch.split("\n"):
        if old <= 0 and new <= 0:
            size["files"] += line.startswith("diff --git " if by_git else "--- ")
            hunk = _HUNK.match(line)
            old, new = (1 if length is None else int(length) for length in hunk.groups()) if hunk else (0, 0)
        elif line.startswith("+"):
            new -= 1
            size["added"] += 1
        elif line.startswith("-"):
            old -= 1
            size["removed"] += 1
        elif not line.startswith("\\"):
            old, new = old - 1, new - 1
    return size


def text(value: Any) -> str:
    """A value that is to be a text."""
    return value if isinstance(value, str) else ""


def number(value: Any) -> float:
    """A value that is to be a finite number."""
    try:
        found = float(value) if isinstance(value, int | float) else 0.0
    except OverflowError:
        return 0.0
    return found if math.isfinite(found) else 0.0


def table(value: Any) -> dict[str, Any]:
    """A value that is to be an object."""
    return value if isinstance(value, dict) else {}
