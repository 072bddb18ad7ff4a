"""The policy for commands that the configuration asks for."""

from __future__ import annotations

from aci_tools.policy import Policy
from agent.config import PolicyConfig


def command_policy(wanted: PolicyConfig, *, attended: bool = False) -> Policy:
    """What judges the commands of an attempt.

    Args:
        wanted: The `policy` section.
        attended: Whether a person confirms.

    Raises:
        UsageError: A pattern is none.
    """
    alone = wanted.unattended == "refuse" and not attended
    return Policy(wanted.allow, wanted.ask, wanted.deny, shipped=wanted.shipped, alone=alone)
