"""Who may be beside an attempt: looks at an action before it runs, and says something in between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from aci_tools.tools.base import REFUSED, Observation
from agent.formats.base import ParsedCall
from trajectories.events import Call, Message

NOT_LET = "The user did not let this run."


@dataclass(frozen=True, slots=True)
class Review:
    """What became of an action that was looked at.

    Attributes:
        parsed: The action, as the agent wrote it or as a person changed it.
        outcome: As in :class:`~trajectories.events.ActionTaken`.
        reason: Why it does not run, for the agent.
    """

    parsed: ParsedCall
    outcome: Literal["", "confirmed", "changed", "refused"] = ""
    reason: str = ""


class Companion(Protocol):
    """Somebody beside the agent."""

    @property
    def present(self) -> bool:
        """Whether there is a person at all, whose time is not the attempt's."""

    @property
    def confirms(self) -> bool:
        """Whether they are asked about what the policy asks about."""

    def review(self, parsed: ParsedCall, thought: str) -> Review:
        """Look at an action before it runs.

        Args:
            parsed: The action.
            thought: What the agent wrote beside it.

        Raises:
            KeyboardInterrupt: They end the attempt.
        """

    def remark(self) -> str:
        """What they want to say to the agent now; ``""`` for nothing.

        Raises:
            KeyboardInterrupt: They end the attempt.
        """


class Nobody:
    """The agent works by itself."""

    present = confirms = False

    def review(self, parsed: ParsedCall, thought: str) -> Review:
        """It runs."""
        return Review(parsed)

    def remark(self) -> str:
        """Nothing."""
        return ""


def refusal(reason: str = "") -> Observation:
    """What the agent is told instead of what came of an action."""
    return Observation(reason or NOT_LET, ok=False, code=REFUSED)


def told_of_change(call: Call, step: int, code: str) -> Message:
    """What the agent is told about an action that a person changed.

    Args:
        call: As it ran.
        step: The step.
        code: Code of the message.
    """
    text = f"The user changed your command before it ran, to:\n\n{call.arguments.get('command', '')}"
    return Message(role="user", purpose="remark", content=text, code=code, step=step)
