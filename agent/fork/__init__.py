"""Fork: a recorded attempt goes on from one of its steps, differently."""

from __future__ import annotations

from agent.fork.request import ForkRequest
from agent.fork.run import Forked, Judge, fork_attempt
from agent.fork.value import StepValue

__all__ = ["ForkRequest", "Forked", "Judge", "StepValue", "fork_attempt"]
