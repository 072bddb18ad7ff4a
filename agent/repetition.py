"""Notices when an agent goes in circles, and what to tell it then."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Protocol

from trajectories.events import Call


class Seen(Protocol):
    """What an action led to."""

    @property
    def text(self) -> str:
        """What the agent was told."""

    @property
    def ok(self) -> bool:
        """Whether it did what was asked."""


@dataclass(slots=True)
class Repetition:
    """Remembers what every action led to while the files stay as they are.

    An action that was done before, on the same files, with the same result, taught nothing: that is a repeat, whether
    it follows at once or alternates with others.

    Attributes:
        in_a_row: Steps since the last one that was not a repeat.
        tools: Names of the tools of these.
    """

    in_a_row: int = 0
    tools: set[str] = field(default_factory=set)
    _seen: dict[tuple[str, str], str] = field(default_factory=dict)
    _tried: dict[str, str] = field(default_factory=dict)

    def note(self, call: Call, observation: Seen, patch: str) -> bool:
        """Take in a step.

        Args:
            call: The action.
            observation: What it led to.
            patch: The patch after it, by which the state of the files is known.

        Returns:
            Whether it was a repeat.
        """
        action = json.dumps([call.name, call.arguments], sort_keys=True)
        state = hashlib.sha256(patch.encode("utf-8", "surrogateescape")).hexdigest()[:16]
        repeat = self._seen.get((action, state)) == observation.text
        self._seen[action, state] = observation.text
        self._tried[_short(call)] = _outcome(observation)
        self.in_a_row, self.tools = (self.in_a_row + 1, self.tools | {call.name}) if repeat else (0, set())
        return repeat

    def advice(self, tools: list[str]) -> str:
        """What the agent is told after a repeat: what was tried, and which tools it has not used."""
        tried = "\n".join(f"- {action}: {outcome}" for action, outcome in list(self._tried.items())[-8:])
        used = {action.split("(")[0] for action in self._tried}
        unused = [name for name in tools if name not in used]
        other = f"\nNot used yet: {', '.join(unused)}." if unused else ""
        return (
            "You did exactly this before, the files have not changed since, and the result is the same. "
            f"Doing it again will not help.\nTried so far:\n{tried}{other}\nDo something else now."
        )


def _short(call: Call) -> str:
    arguments = ", ".join(f"{str(value)[:40]!r}" for value in call.arguments.values() if value not in (None, ""))
    return f"{call.name}({arguments})"


def _outcome(observation: Seen) -> str:
    first = observation.text.strip().splitlines()[0][:100] if observation.text.strip() else ""
    return first if observation.ok else f"failed: {first}"
