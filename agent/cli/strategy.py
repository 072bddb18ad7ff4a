"""Options of the commands that spend attempts by a strategy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aci_tools.errors import UsageError

if TYPE_CHECKING:
    from agent.config import Config

StrategyName = Annotated[
    str | None,
    typer.Option("--strategy", help="How attempts are spent: single, reflexion, …; joined by + they wrap each other."),
]
Memory = Annotated[
    str | None,
    typer.Option(
        "--memory", help="File for what reflexion learns between tasks; `default`: one of the user's.", metavar="FILE"
    ),
]


def memory_setting(memory: str | None) -> str | None:
    """The argument of ``--memory`` as the configuration keeps it, the same from every directory."""
    from agent.memory import memory_path

    return str(memory_path(memory)) if memory else None


def check_strategy(config: Config, memory: str | None) -> None:
    """See that the strategies are known, and that one of them uses the memory if one was named.

    Args:
        config: The effective configuration.
        memory: The argument of ``--memory``.

    Raises:
        UsageError: They are not, or none does, or the file is no memory.
        InfrastructureError: Another process does not let go of the file.
    """
    from agent.strategies import parse

    strategies = parse(config.agent.strategy)
    if memory is None:
        return
    from agent.memory import MemoryStore, memory_path

    if not any(strategy.name == "reflexion" for strategy in strategies):
        raise UsageError("--memory: of the strategies only reflexion learns; add --strategy reflexion")
    MemoryStore(memory_path(memory)).check()
