"""What was learnt on a repository, kept between its tasks."""

from agent.memory.reflection import Outcome, Reflection
from agent.memory.store import MemoryStore, memory_path

__all__ = ["MemoryStore", "Outcome", "Reflection", "memory_path"]
