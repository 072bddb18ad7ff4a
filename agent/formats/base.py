"""How a model writes an action, and how it is shown what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aci_tools.tools.base import Tool
from agent.models.base import ChatMessage
from trajectories.events import Call, ModelReplied

Tools = Sequence[type[Tool]]


class FormatError(Exception):
    """A reply that is not a well-formed action.

    Args:
        code: What kind of mistake: ``no-action``, ``two-actions``, ``unclosed``, ``unknown-tool``, ``bad-argument``, …
        text: The correction that the model reads: short, specific, and without anything that could be
            copied as an action.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of code that the first prompt shows, as it is now.

    Attributes:
        path: Its file.
        number: Its number, from 1.
        text: Its text.
        suspect: Whether it runs in wrong examples only.
        idle: Whether to correct it would change nothing: documentation, or what no wrong example runs.
    """

    path: str
    number: int
    text: str
    suspect: bool = False
    idle: bool = False


@dataclass(frozen=True, slots=True)
class Tried:
    """A call that failed since the last change.

    Attributes:
        call: The call.
        futile: Whether it asked for what is there already.
        step: The step whose reply it was in; several may be in one.
    """

    call: Call
    futile: bool = False
    step: int = 0


@dataclass(frozen=True, slots=True)
class ParsedCall:
    """One call of a reply.

    Attributes:
        call: As it goes into the trajectory.
        tool: Ready to run.
    """

    call: Call
    tool: Tool


@dataclass(frozen=True, slots=True)
class ParsedReply:
    """A well-formed reply.

    Attributes:
        thought: The text beside the action.
        calls: The actions, in order; at least one.
        alternatives: Whether each is to be taken only if those before it changed nothing.
    """

    thought: str
    calls: list[ParsedCall]
    alternatives: bool = False


class ActionFormat(Protocol):
    """One way of writing actions. The tools and the loop are the same for all."""

    name: str

    def instructions(self, tools: Tools) -> str:
        """What the system prompt says about tools and how to call them."""

    def tool_schemas(self, tools: Tools) -> list[dict[str, Any]] | None:
        """Native tool definitions to send along, or ``None``."""

    def grammar(
        self, tools: Tools, paths: Sequence[str], shown: Sequence[ShownLine] = (), tried: Sequence[Tried] = ()
    ) -> str | None:
        """A llama.cpp grammar of well-formed replies, or ``None``.

        Args:
            tools: What may be called.
            paths: Files of the repository, to which file arguments are bound.
            shown: Lines of code that the prompt shows, for formats that name a line.
            tried: Calls that came to nothing since the files were last changed, for formats that ask for something else
                then.
        """

    def parse(self, reply: ModelReplied, tools: Tools) -> ParsedReply:
        """The action of a reply.

        Raises:
            FormatError: It has none, or not a well-formed one.
        """

    def reply_message(self, reply: ModelReplied) -> ChatMessage:
        """The reply as a message of the conversation."""

    def result_message(self, call_id: str, text: str) -> ChatMessage:
        """An observation, or a correction of the call with this id, as a message."""
