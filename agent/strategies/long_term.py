"""The long-term memory of Reflexion: what was learnt on a repository, carried from one of its tasks to the next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aci_tools.errors import PatchwrightError
from agent.memory import MemoryStore, Outcome, Reflection, memory_path
from agent.strategies.bench import Bench


@dataclass
class Learnt:
    """A reflection of this task, and what came of the trial that followed it.

    Attributes:
        text: The reflection.
        outcome: ``unknown`` until that trial has ended.
    """

    text: str
    outcome: Outcome = "unknown"


class LongTermMemory:
    """What is recalled before the first trial, and kept after the last.

    Args:
        bench: Its task says which repository; its configuration names the file, or none: then nothing is kept.
        name: What tells this use from others in the attempt: the part of the work that it serves.
    """

    def __init__(self, bench: Bench, name: str) -> None:
        self._bench, self._name = bench, name or "attempt"
        file = bench.config.strategy.memory
        self._store = MemoryStore(memory_path(file)) if file else None

    def recall(self) -> list[str]:
        """The reflections of the repository's earlier tasks that fit this one, the best last.

        Raises:
            UsageError, InfrastructureError: The file cannot be used; nothing was tried yet.
        """
        store, task = self._store, self._bench.task
        if store is None:
            return []

        def look() -> dict[str, Any]:
            most = self._bench.config.strategy.reflections
            found = store.fitting(task.repo, task.problem_statement, most)
            return {"reflections": [{"id": each.id, "task": each.task_id, "text": each.text} for each in found]}

        noted = self._bench.once(f"memory/recalled/{self._name}", look)
        return [str(each["text"]) for each in reversed(noted["reflections"])]

    def keep(self, learnt: Iterable[Learnt]) -> None:
        """Keep reflections for later tasks. That this fails is noted, and costs the attempt nothing."""
        store, task, all_of_them = self._store, self._bench.task, list(learnt)
        if store is None or not all_of_them:
            return

        def write() -> dict[str, Any]:
            try:
                stored = [
                    store.add(Reflection(task.repo, task.id, each.text, task.problem_statement, each.outcome))
                    for each in all_of_them
                ]
            except PatchwrightError as error:
                return {"error": str(error)}
            return {"reflections": [{"id": each.id, "outcome": each.outcome, "text": each.text} for each in stored]}

        self._bench.once(f"memory/kept/{self._name}/{len(all_of_them)}", write)
