"""Whether somebody is at the terminal, and for what."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from aci_tools.errors import UsageError
from agent.config import PolicyConfig
from agent.human.base import Companion, Nobody

if TYPE_CHECKING:
    from agent.progress import Progress

#: Which actions are confirmed: those of risk, or all that run or change something.
CONFIRM = ("risky", "all")


@dataclass(frozen=True)
class Presence:
    """What a person at the terminal takes part in.

    Attributes:
        confirm: Which actions they confirm; ``None``: none.
        chat: Whether they can interrupt and say something.
    """

    confirm: Literal["risky", "all"] | None = None
    chat: bool = False

    def check(self) -> None:
        """See that there is a terminal.

        Raises:
            UsageError: There is none.
        """
        for option, wanted in (("--confirm", self.confirm), ("--chat", self.chat)):
            if wanted and not (sys.stdin.isatty() and sys.stderr.isatty()):
                raise UsageError(
                    f"{option} needs a terminal to ask on: standard input and standard error have to be one"
                )

    @contextlib.contextmanager
    def companion(self, screen: Progress, policy: PolicyConfig) -> Iterator[Companion]:
        """Who is beside the attempt.

        Args:
            screen: The terminal.
            policy: Says what is risky.
        """
        if not (self.confirm or self.chat):
            yield Nobody()
            return
        from agent.human.person import Person
        from agent.policy import command_policy

        with Person(screen, command_policy(policy, attended=True), self.confirm, chat=self.chat) as person:
            yield person
