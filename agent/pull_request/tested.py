"""What was tested of a change, and what was not, by the record of the attempt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.pull_request.tame import code
from trajectories.events import AttemptEnded, Evaluated, Event, Observed, PatchChanged, TrialEnded, TrialStarted
from trajectories.log import read_events

__all__ = ["Tested", "what_was_tested"]

_NAMED = 5
_KINDS = {
    "examples": "examples of the issue",
    "regression": "tests of the project that the change touches",
    "designed": "tests written for the issue before the change, which are not part of it",
}


@dataclass(frozen=True, slots=True)
class Tested:
    """Sentences of Markdown.

    Attributes:
        done: What was tested, with its outcome.
        left: What was not.
    """

    done: tuple[str, ...]
    left: tuple[str, ...]


def what_was_tested(events: Sequence[Event], directory: Path) -> Tested:
    """What the record of an attempt says.

    Args:
        events: Those of the attempt.
        directory: Where its trajectory is, and below it those of a strategy's trials.
    """
    steps, name = _of_the_patch(events, directory)
    done = [_checks(one) for one in events if isinstance(one, Evaluated) and one.key.partition(":")[0] == name][-1:]
    examples, runs = _after_the_change(steps)
    done += [examples, *map(_run, runs)]
    left = []
    if not runs:
        left.append("The project's tests were not run by the agent on the change as it is.")
    elif all(run.get("target") for run in runs):
        left.append("Of the project's tests, no others were run by the agent on the change as it is.")
    left.append("Nothing was run on this forge, and no person has looked at it yet.")
    return Tested(tuple(one for one in done if one), tuple(left))


def _of_the_patch(events: Sequence[Event], directory: Path) -> tuple[Sequence[Event], str]:
    """The events that led to the patch, and the name of the trial that they are of; of an attempt without, itself."""
    ended = next((one for one in reversed(events) if isinstance(one, AttemptEnded)), None)
    files = {one.name: one.trajectory for one in events if isinstance(one, TrialStarted)}
    for trial in reversed(events):
        if ended and isinstance(trial, TrialEnded) and trial.patch == ended.patch and files.get(trial.name):
            return read_events(directory / files[trial.name]), trial.name
    return events, ""


def _after_the_change(events: Sequence[Event]) -> tuple[str, list[Mapping[str, Any]]]:
    """What the examples gave after the last change, and the runs of the tests since, of each target the last."""
    patch, examples, runs = "", "", dict[str, Mapping[str, Any]]()
    edit: Mapping[str, Any] = {}
    for event in events:
        if isinstance(event, PatchChanged) and event.patch != patch:
            patch = event.patch
            right, count = edit.get("examples_right") or (0, 0)
            examples = f"Passing: {right} of {count} examples of the issue or the documentation." if count else ""
            runs = {"": edit["tests"]} if edit.get("tests") else {}
        elif isinstance(event, Observed):
            edit = event.data if event.changed else {}
            if "counts" in event.data and event.data.get("command"):
                runs[str(event.data.get("target"))] = event.data
    return examples, list(runs.values())


def _run(run: Mapping[str, Any]) -> str:
    counts = {str(status): int(count) for status, count in dict(run["counts"]).items() if count}
    outcome = ", ".join(f"{count} {status}" for status, count in counts.items()) or "no test ran"
    said = [f"{code(str(run['command']))}: {outcome}."]
    for key, words in (("failing", "Failing"), ("newly_failing", "Of these, new"), ("newly_passing", "Newly passing")):
        if named := _names(run.get(key)):
            said.append(f"{words}: {named}.")
    return " ".join(said)


def _names(value: object) -> str:
    names = [str(name) for name in value] if isinstance(value, list | tuple) else []
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(code(name, 120) for name in names[:_NAMED]) + more


def _checks(evaluated: Evaluated) -> str:
    every = Counter(str(check.get("kind")) for check in evaluated.checks)
    good = Counter(str(check.get("kind")) for check in evaluated.checks if check.get("passed"))
    parts = [f"{good[kind]} of {count} {_KINDS.get(kind, kind)}" for kind, count in every.items()]
    return f"Passing: {', '.join(parts)}." if parts else ""
