"""People beside an attempt: who confirms its actions, and who talks to the agent."""

from agent.human.base import Companion, Nobody, Review
from agent.human.presence import CONFIRM, Presence

__all__ = ["CONFIRM", "Companion", "Nobody", "Presence", "Review"]
