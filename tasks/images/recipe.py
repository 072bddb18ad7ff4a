"""What a task's layers are made of, and the keys that follow from it."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from tasks.task import Environment

#: Part of every key; raised when the same input gives another image than before.
VERSION = 2

_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_PYTHON = re.compile(r"(?:[\w./-]*/)?python(?:3(?:\.\d+)?)?")
_PIP = re.compile(r"(?:[\w./-]*/)?pip(?:3(?:\.\d+)?)?")
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(?:\[[\w.,\s-]*\])?\s*(?:(?:[=<>!~]=?=?|@\s*https?:).*)?", re.DOTALL)
_SEPARATORS = {"&&", ";"}
#: Options of pip that read no file of the repository; those of the second set take a value.
_FLAGS = {
    "-U",
    "--upgrade",
    "--no-deps",
    "--no-cache-dir",
    "-q",
    "--quiet",
    "--pre",
    "--no-build-isolation",
    "--no-index",
}
_FILES = (".txt", ".whl", ".zip", ".gz", ".bz2", ".xz", ".tar", ".egg")
_VALUED = {"--only-binary", "--no-binary", "--timeout", "--retries", "--upgrade-strategy"}
_VALUES = tuple(f"{option}=" for option in _VALUED)


@dataclass(frozen=True)
class Layer:
    """One layer of a task's image.

    Attributes:
        name: ``environment``, ``history``, ``repository``, or ``dependencies`` of a repository at any commit.
        key: SHA-256 of everything that goes in.
        commands: Shell commands that make it.
        env: Variables of the commands.
        pip: Packages with their versions that are there in the end.
        python: Version of Python that has to be there.
    """

    name: str
    key: str
    commands: tuple[str, ...]
    env: Mapping[str, str]
    pip: tuple[str, ...]
    python: str | None

    def tag(self, prefix: str) -> str:
        """The name of its image, under the prefix of all images of one settings."""
        return f"{prefix}/{'task' if self.name == 'repository' else 'layer'}:{self.key[:16]}"


def layers(environment: Environment, base: str, commit: str, milestone: str | None = None) -> tuple[Layer, ...]:
    """The layers of a task's image, the lowest first.

    Args:
        environment: How to make the task's repository run.
        base: Id of the image that they are put on.
        commit: The commit of the repository.
        milestone: The commit up to which its history is a layer of its own. No key of the last layer contains it, for
            the repository is the same either way.
    """
    shared, own = split(environment.install)
    made: list[Layer] = []
    below = base
    if shared:
        below = _key("environment", below, environment, shared)
        made.append(_layer("environment", below, environment, shared))
    if milestone is not None:
        made.append(Layer("history", digest("history", below, milestone), (), {}, (), None))
    made.append(_layer("repository", _key("repository", below, environment, own, commit), environment, own))
    return tuple(made)


def digest(*parts: object) -> str:
    """The key of what is made from ``parts``: strings, numbers, and lists and dictionaries of them."""
    return sha256(json.dumps([VERSION, *parts], sort_keys=True).encode()).hexdigest()


def split(commands: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Part install commands into those that are known not to look at the repository, and the first other one with all
    that follow it."""
    for number, command in enumerate(commands):
        if not _repository_free(command):
            return commands[:number], commands[number:]
    return commands, ()


def pinned(environment: Environment, commands: tuple[str, ...]) -> tuple[str, ...]:
    """The packages that are to be there after commands, in exactly these versions: none if they use no pip."""
    if not any(re.search(r"\bpip\b", command) for command in commands):
        return ()
    return tuple(line for line in environment.pip if "==" in line)


def _layer(name: str, key: str, environment: Environment, commands: tuple[str, ...]) -> Layer:
    return Layer(name, key, commands, environment.env, pinned(environment, commands), environment.python)


def _key(name: str, below: str, environment: Environment, commands: tuple[str, ...], commit: str = "") -> str:
    pip = sorted(environment.pip)
    return digest(name, below, list(commands), pip, dict(environment.env), environment.python, commit)


def _repository_free(command: str) -> bool:
    """Whether a command is one of a few kinds that read nothing of the directory they run in."""
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    try:
        words = list(lexer)
    except ValueError:
        return False
    simple: list[list[str]] = [[]]
    for word in words:
        if word in _SEPARATORS:
            simple.append([])
        else:
            simple[-1].append(word)
    if any(mark in command for mark in ("`", "$", "\n", "#")):
        return False
    return all(_known(words) for words in simple if words)


def _known(words: list[str]) -> bool:
    if words[0] == "export":
        return all(_ASSIGNMENT.fullmatch(word) for word in words[1:])
    if words[0] in (".", "source"):
        return len(words) == 2 and words[1].endswith("/bin/activate")
    if _PYTHON.fullmatch(words[0]) and words[1:2] == ["-m"]:
        if words[2:3] == ["venv"]:
            return all(re.fullmatch(r"[\w./-]+", word) for word in words[3:])
        return words[2:4] == ["pip", "install"] and _only_requirements(words[4:])
    if _PIP.fullmatch(words[0]):
        return words[1:2] == ["install"] and _only_requirements(words[2:])
    return words[0] == "apt-get" and all(re.fullmatch(r"[\w.+=:-]+", word) for word in words[1:])


def _only_requirements(words: list[str]) -> bool:
    rest = iter(words)
    for word in rest:
        if word in _VALUED:
            next(rest, None)
        elif word not in _FLAGS and not word.startswith(_VALUES) and not _is_requirement(word):
            return False
    return True


def _is_requirement(word: str) -> bool:
    """Whether a word names a package of an index, and no file or directory."""
    named = word.partition("@")[0]
    return _REQUIREMENT.fullmatch(word) is not None and "/" not in named and not word.endswith(_FILES)
