"""Shell text of Dockerfiles and of continuous integration, read for what it installs. Nothing of it is executed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

_ENDS = {"&&", "||", ";", "|", "&", "(", ")"}
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+")
_WRAPPERS = {"sudo", "env", "time", "exec", "command", "then", "do", "-E", "-n"}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
#: What a runner of tests is called. Its whole command is taken over where nothing else tells how tests are run.
_RUNNERS = re.compile(
    r"^(?:(?:python3?|poetry run|uv run|pipenv run|bundle exec|npx|yarn|pnpm) (?:-m )?)?"
    r"(?:pytest|py\.test|unittest|tox|nox|jest|vitest|mocha|rspec|rake (?:test|spec)|(?:\./)?vendor/bin/phpunit|phpunit"
    r"|ctest|go test|cargo (?:test|nextest run)|(?:npm|yarn|pnpm)(?: run)? test|(?:\./)?(?:mvnw?|gradlew?) .*\btest\b"
    r"|make (?:test|check))\b"
)


def commands(text: str) -> Iterator[list[str]]:
    """The simple commands of a shell text, as words; what cannot be read is left out."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="();|&")
        lexer.whitespace_split = True
        try:
            words = list(lexer)
        except ValueError:
            continue
        simple: list[str] = []
        for word in (*words, ";"):
            if word in _ENDS:
                if plain := _plain(simple):
                    yield plain
                simple = []
            else:
                simple.append(word)


def debian_packages(text: str) -> list[str]:
    """The packages that ``apt-get install`` and ``apt install`` name."""
    found: list[str] = []
    for words in commands(text):
        if words[0] in ("apt-get", "apt") and "install" in words:
            rest = words[words.index("install") + 1 :]
            # A version of another release would not be there.
            found += [name for word in rest if _PACKAGE.fullmatch(name := word.partition("=")[0])]
    return list(dict.fromkeys(found))


def pip_arguments(text: str) -> list[list[str]]:
    """The arguments of every ``pip install``."""
    found = []
    for words in commands(text):
        named = [word.rpartition("/")[2] for word in words[:1]] + words[1:4]
        if named[:3] == ["uv", "pip", "install"]:
            found.append(words[3:])
        elif re.fullmatch(r"pip3?", named[0]) and named[1:2] == ["install"]:
            found.append(words[2:])
        elif re.fullmatch(r"python[\d.]*", named[0]) and named[1:4] == ["-m", "pip", "install"]:
            found.append(words[4:])
    return found


def test_commands(text: str) -> list[str]:
    """The commands that run tests, as they are written; none with an expression of the CI's own in it."""
    found = [shlex.join(words) for words in commands(text)]
    return [command for command in found if _RUNNERS.match(command) and not re.search(r"[$`{}]", command)]


def _plain(words: list[str]) -> list[str]:
    """A command without what stands in front of its program."""
    while words and (words[0] in _WRAPPERS or _ASSIGNMENT.fullmatch(words[0])):
        words = words[1:]
    return words
