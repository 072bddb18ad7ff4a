"""What every language model is to the loop: something that answers a list of messages and says what it used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from aci_tools.errors import InfrastructureError
from aci_tools.output import whole_characters
from trajectories.events import Usage

#: A chat message as OpenAI's API defines it.
ChatMessage = dict[str, Any]


class ModelError(InfrastructureError):
    """The provider cannot answer: no key, a wrong key, no network, an unknown model, an outage beyond all retries."""


class ContextOverflow(Exception):
    """The prompt does not fit into the model's window."""


@dataclass(frozen=True, slots=True)
class Query:
    """One question to a model.

    Attributes:
        messages: The conversation.
        tools: Native tool definitions (OpenAI's function schema), or ``None``.
        grammar: A llama.cpp grammar (GBNF) for the reply, or ``None``; ignored by models that cannot take one.
        temperature: Temperature for this call; ``None``: the configured one.
        index: Calls made before in this attempt; a scripted model plays its reply of this number.
        seed: Seed of this attempt's sampling; ``None``: the configured one.
        task: The task's id, for models whose replies are written for each task.
        logprobs: Whether the probability of the reply is wanted, where the provider gives it.
    """

    messages: list[ChatMessage]
    tools: list[dict[str, Any]] | None = None
    grammar: str | None = None
    temperature: float | None = None
    index: int = 0
    seed: int | None = None
    task: str = ""
    logprobs: bool = False


@dataclass(frozen=True, slots=True)
class Reply:
    """A model's answer. Its texts hold whole characters, since they go into requests, files and databases.

    Attributes:
        content: Its text.
        tool_calls: Native tool calls: ``id``, ``name`` and ``arguments`` (a JSON string) each.
        reasoning: Reasoning given beside the text.
        finish_reason: ``stop``, ``length``, ``tool_calls``, …
        model: The model that answered.
        usage: What it used.
        retries: Transient failures before it.
        logprob: Natural logarithm of its probability; ``None`` unless asked for and given.
    """

    content: str = ""
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    reasoning: str = ""
    finish_reason: str = "stop"
    model: str = ""
    usage: Usage = field(default_factory=Usage)
    retries: int = 0
    logprob: float | None = None

    def __post_init__(self) -> None:
        for name in ("content", "reasoning"):
            object.__setattr__(self, name, whole_characters(getattr(self, name)))


#: Told of every wait before a retry: what failed and for how many seconds it waits.
OnRetry = Callable[[str, float], None]


class Model(Protocol):
    """A language model."""

    @property
    def name(self) -> str:
        """Its name, for the trajectory."""

    @property
    def takes_tools(self) -> bool:
        """Whether it takes native tool calls."""

    @property
    def takes_grammar(self) -> bool:
        """Whether its output can be constrained by a llama.cpp grammar."""

    @property
    def context_window(self) -> int | None:
        """Tokens of prompt and reply together; ``None`` when unknown."""

    def check(self) -> None:
        """See, without a call, that it can be asked.

        Raises:
            UsageError: There is no such provider.
            ModelError: It cannot: a missing key.
        """

    def query(self, query: Query) -> Reply:
        """Ask. Several threads may at the same time.

        Raises:
            ContextOverflow: The prompt is too long for the model.
            ModelError: It cannot answer, in spite of retries.
        """

    def close(self) -> None:
        """Release what it holds. Safe to call twice."""
