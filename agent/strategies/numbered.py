"""A model whose calls are counted over a whole tree of trials, so that a script of replies plays through it."""

from __future__ import annotations

from dataclasses import replace

from agent.models import Model, Query, Reply


class Numbered:
    """A model that counts on from an earlier call.

    Args:
        model: The model that is asked.
        first: Calls that were made before.
    """

    def __init__(self, model: Model, first: int) -> None:
        self._model, self._first = model, first
        self.name = model.name
        self.takes_tools = model.takes_tools
        self.takes_grammar = model.takes_grammar
        self.context_window = model.context_window

    def check(self) -> None:
        """See :class:`~agent.models.Model`."""
        self._model.check()

    def query(self, query: Query) -> Reply:
        """See :class:`~agent.models.Model`."""
        return self._model.query(replace(query, index=self._first + query.index))

    def close(self) -> None:
        """The model belongs to others."""
