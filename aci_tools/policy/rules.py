"""Patterns of commands, and whether a command fits one."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from enum import IntEnum
from fnmatch import fnmatchcase

from aci_tools.errors import UsageError
from aci_tools.policy.shell import UNKNOWN
from aci_tools.policy.wrappers import program, takes_value

#: Options that take a value, of programs whose first operand says what they do.
_VALUES = {
    "git": ["-C", "-c", "--git-dir", "--work-tree", "--namespace", "--config-env"],
    "docker": ["-c", "-H", "-l", "--context", "--host", "--log-level", "--config"],
    "npm": ["--prefix", "-C", "-w", "--workspace"],
    "pip": ["--python", "--log", "--proxy", "--cache-dir", "--timeout"],
    "make": ["-C", "-f", "-j", "-I", "--directory", "--file"],
    "cargo": ["--color", "--config", "-C", "-Z"],
}
_CLUSTER = re.compile(r"-[A-Za-z0-9]+")
_WILD = re.compile(r"[*?\[]")


class Verdict(IntEnum):
    """What is to become of a command, the mildest first."""

    ALLOW = 0
    """It runs, and nobody is asked."""
    OPEN = 1
    """No pattern speaks of it."""
    ASK = 2
    """A person is asked, where there is one."""
    DENY = 3
    """It does not run."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern and what it means.

    Attributes:
        pattern: As it is written; see :meth:`fits`.
        verdict: What becomes of commands that fit.
        advice: What the agent is told to do instead.
    """

    pattern: str
    verdict: Verdict
    advice: str = ""

    name: str = field(init=False, repr=False)
    _options: tuple[str, ...] = field(init=False, repr=False)
    _operands: tuple[str, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        try:
            words = shlex.split(self.pattern)
        except ValueError as error:
            raise UsageError(f"policy: {self.pattern!r} is no pattern of a command ({error})") from None
        if not words:
            raise UsageError("policy: a pattern begins with the name of a program, such as 'git push'")
        object.__setattr__(self, "name", words[0])
        object.__setattr__(self, "_options", tuple(word for word in words[1:] if _is_option(word)))
        object.__setattr__(self, "_operands", tuple(word for word in words[1:] if not _is_option(word)))

    def fits(self, words: tuple[str, ...]) -> bool | None:
        """Whether a command fits; ``None`` where that depends on what is only known when it runs.

        The first word of the pattern is the program's name. A word that begins with ``-`` is an option that has to be
        there, anywhere: ``-rf`` fits ``-fr`` and ``-r -f``. The others are the first operands, in order. ``*``, ``?``
        and ``[…]`` are wild cards.
        """
        if not fnmatchcase(program(words[0]), self.name):
            return False
        if not self._options and not self._operands:
            return True
        options, operands = _split(words)
        if not all(_has(option, options) for option in self._options):
            return False
        found = [_operand(operand, operands, at) for at, operand in enumerate(self._operands)]
        return False if False in found else None if None in found else True


def _is_option(word: str) -> bool:
    return word.startswith("-") and len(word) > 1


def _same(pattern: str, word: str) -> bool | None:
    """Whether a word fits a pattern; one that is not wholly known may, where their beginnings agree."""
    if UNKNOWN not in word:
        return fnmatchcase(word, pattern)
    known, fixed = word.partition(UNKNOWN)[0], _WILD.split(pattern)[0]
    return None if known.startswith(fixed) or fixed.startswith(known) else False


def _split(words: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The options and the operands of a command."""
    values = _VALUES.get(program(words[0]), [])
    options: list[str] = []
    operands: list[str] = []
    rest = list(words[1:])
    while rest:
        word = rest.pop(0)
        if word == "--":
            return options, operands + rest
        if _is_option(word):
            options.append(word)
            # A value stands in the way only before the word that says what to do.
            if not operands and takes_value(word, values) and rest:
                rest.pop(0)
        else:
            operands.append(word)
    return options, operands


def _has(option: str, given: list[str]) -> bool:
    """Whether an option is given, and written out."""
    letters = option[1:] if _CLUSTER.fullmatch(option) and len(option) <= 4 else ""
    together = {letter for word in given if _CLUSTER.fullmatch(word) for letter in word[1:]}
    if letters and set(letters) <= together:
        return True
    for word in given:
        name = word.partition("=")[0]
        shortened = option.startswith("--") and len(name) > 4 and option.startswith(name)
        if shortened or name == option or fnmatchcase(word, option):
            return True
    return False


def _operand(pattern: str, given: list[str], at: int) -> bool | None:
    """Whether an operand fits; one that is not known at all may be none, or several."""
    if UNKNOWN in given[:at]:
        return None
    return _same(pattern, given[at]) if at < len(given) else False
