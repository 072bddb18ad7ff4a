"""A test command that names test files, as commands that name some of them each."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

#: What a shell does more with than to split words.
_SHELL = re.compile(r"[;&|<>$`(){}*?~#!\\\n]|\[|\]")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_PYTHON = re.compile(r"(?:\S*/)?python(?:\d(?:\.\d+)?)?")
_NUMBER = r"\d+"
#: A class in a module, a search for tests.
_OF_A_FILE = re.compile(r"(?:^|\.)[A-Z]\w*(?:\.|$)(?!py$)|^discover$")


@dataclass(frozen=True)
class _Runner:
    """A runner of tests that takes files, or modules by their dotted names, each for itself.

    Attributes:
        program: Its words, as a regular expression on them with single spaces between.
        options: Those that leave files independent of each other, the same way, their values with them. None that ends
            a run early, looks at an earlier one, orders or counts over all files.
        file: One file or module.
    """

    program: str
    options: str
    file: str


_RUNNERS = (
    _Runner(
        program=r"(?:\S*/)?(?:pytest|py\.test)|PYTHON -m pytest",
        options=r"-r\w+|-v+|-q+|-s|-l|--verbose|--quiet|--no-header|--tb=\w+|--color=\w+|--showlocals|--disable-warnings"
        rf"|--durations[= ]{_NUMBER}|-p no:[\w.-]+|-W \S+",
        file=r"[\w.+/-]+\.py",
    ),
    _Runner(
        program=r"(?:PYTHON )?(?:\S*/)?runtests\.py",
        options=rf"--verbosity[= ]{_NUMBER}|-v ?{_NUMBER}|--settings[= ][\w.]+|--parallel[= ]{_NUMBER}",
        file=r"[A-Za-z_][\w.]*",
    ),
    _Runner(
        program=r"PYTHON -m unittest",
        options=r"-v|--verbose|-q|--quiet|-b|--buffer|--locals",
        file=r"[A-Za-z_][\w./-]*",
    ),
)
_INTERPRETER = r"(?: -X ?\S+| -W ?\S+| -[BEsSu]+)*"


def divided(command: str) -> tuple[str, ...]:
    """The commands that do, each for a test file, what one command does; empty where that cannot be said of it.

    Files that are not named as tests (data, models) stay with the first that is.

    Args:
        command: A shell command.
    """
    if _SHELL.search(command):
        return ()
    try:
        words = shlex.split(command)
    except ValueError:
        return ()
    while words and _ASSIGNMENT.match(words[0]):
        words = words[1:]
    if words and _PYTHON.fullmatch(words[0]):
        words[0] = "PYTHON"
    for runner in _RUNNERS:
        program = runner.program.replace("PYTHON", f"PYTHON{_INTERPRETER}")
        form = re.compile(rf"(?:{program})(?: (?:{runner.options}))*((?: {runner.file})+)")
        found = form.fullmatch(" ".join(words))
        if found is not None:
            return _commands(command, found[1].split())
    return ()


def _commands(command: str, files: Sequence[str]) -> tuple[str, ...]:
    tests = [file for file in files if _named_as_test(file)]
    named = re.compile(r"\s+".join(map(re.escape, files)) + r"\s*$").search(command)
    if len(tests) < 2 or len(set(files)) < len(files) or named is None or any(map(_OF_A_FILE.search, files)):
        return ()
    rest = [file for file in files if file not in tests]
    head = command[: named.start()]
    return tuple(head + " ".join([*rest, file] if file == tests[0] else [file]) for file in tests)


def _named_as_test(file: str) -> bool:
    *_, name = re.split(r"[./]", file.removesuffix(".py"))
    return "test" in name
