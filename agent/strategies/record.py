"""What a root trajectory says was done already."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from agent.budget import Budget
from trajectories.events import Evaluated, Event, ModelReplied, Noted, SubagentReplied, TrialEnded, TrialStarted, Usage
from trajectories.log import read_events


@dataclass
class Record:
    """Finished work by key, and trials by name: how each began, and how it ended unless it was cut off."""

    directory: Path
    trials: dict[str, tuple[TrialStarted, TrialEnded | None]] = field(default_factory=dict)
    answers: dict[str, SubagentReplied] = field(default_factory=dict)
    evaluations: dict[str, Evaluated] = field(default_factory=dict)
    notes: dict[str, Noted] = field(default_factory=dict)

    @classmethod
    def of(cls, events: Iterable[Event], directory: Path) -> Record:
        """What the events amount to.

        Args:
            events: Those of the root.
            directory: Where the root's file is.
        """
        record = cls(directory)
        for event in events:
            record.add(event)
        return record

    def add(self, event: Event) -> None:
        """Go on by one event."""
        if isinstance(event, TrialStarted):
            self.trials[event.name] = (event, None)
        elif isinstance(event, TrialEnded):
            self.trials[event.name] = (self.trials[event.name][0], event)
        elif isinstance(event, SubagentReplied):
            self.answers[event.key] = event
        elif isinstance(event, Evaluated):
            self.evaluations[event.key] = event
        elif isinstance(event, Noted):
            self.notes[event.key] = event

    def recall(self, budget: Budget) -> None:
        """Count every recorded model call."""
        for usage in self.calls():
            budget.recall(usage)

    def calls(self) -> list[Usage]:
        """What each recorded model call used, those of a trial that was cut off too."""
        usages = [answer.usage for answer in self.answers.values() if answer.finish_reason != "overflow"]
        for begun, _ in self.trials.values():
            file = self.directory / begun.trajectory
            events = read_events(file) if file.exists() else []
            usages += [event.usage for event in events if isinstance(event, ModelReplied)]
        return usages


def calls_of(events: Iterable[Event], directory: Path) -> list[Usage]:
    """What each model call of an attempt used, whether or not a strategy made trials of it.

    Args:
        events: Those of its trajectory.
        directory: Where that is.
    """
    known = list(events)
    own = [event.usage for event in known if isinstance(event, ModelReplied)]
    return own + Record.of(known, directory).calls()
