"""One error that a checker found in a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error at a place.

    Attributes:
        line, column: Where, from 1.
        code: The checker's name for it.
        message: What is wrong.
        syntax: Whether the file cannot be parsed there.
    """

    line: int
    column: int
    code: str
    message: str
    syntax: bool = False

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"
