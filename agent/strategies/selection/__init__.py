"""Choosing one of several candidates without the hidden tests: by execution, then by agreement, then by the patch."""

from agent.strategies.selection.choose import select

__all__ = ["select"]
