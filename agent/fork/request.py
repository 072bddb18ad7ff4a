"""What ``agent fork`` was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent.reopen import Where
from trajectories.events import ModelReplied


@dataclass(frozen=True)
class ForkRequest:
    """What ``agent fork`` was asked.

    Attributes:
        trajectory: The file that is forked, or the directory that it is in.
        step: The last step that is shared; 0: only the opening is.
        output: Directory of the fork, or of the forks, each in a numbered one.
        where: Where its repository and its computer come from.
        files: ``--config`` arguments, which win over the recorded configuration.
        settings: ``--set`` arguments.
        flags: Settings by dotted key.
        say: A remark to the model; ``""`` for none.
        action: Another action of the step, see :func:`agent.fork.write.reply_with`.
        reply: Or another reply as a whole.
        observation: Another observation of the step's last action.
        times: How many forks.
    """

    trajectory: Path
    step: int
    output: Path
    where: Where = field(default_factory=Where)
    files: Sequence[str] = ()
    settings: Sequence[str] = ()
    flags: Mapping[str, Any] = field(default_factory=dict)
    say: str = ""
    action: str | None = None
    reply: ModelReplied | None = None
    observation: str | None = None
    times: int = 1
