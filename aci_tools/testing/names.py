"""Names of tests, as reports and people write them, as the options of their runners."""

from __future__ import annotations

import re
import shlex

# The newer and the older name of the option: a module without such a test is no failure.
_ANY_MODULE = "-Dsurefire.failIfNoSpecifiedTests=false -DfailIfNoTests=false"
_JAVA_FILE = re.compile(r"(?:\S*/)?src/\w+/\w+/(?P<path>\S+)\.\w+|(?:\S*/)?(?P<name>\w+)\.(?:java|kt|scala|groovy)")


def in_file(target: str, words: list[str], option: str, *, pattern: bool = True) -> str:
    """A file, a name, or both as the reports have them: ``test/a.js > group > name``.

    Args:
        target: The target.
        words: Its words.
        option: What the runner takes a name with.
        pattern: Whether that is a regular expression.
    """
    file, _, name = target.partition(" > ")
    if name:
        name = name.replace(" > ", " ")
        return f"{shlex.quote(file)} {option} {shlex.quote(escaped(name) if pattern else name)}"
    if not words or re.search(r"[/.]", target):
        return shlex.join(words)
    return f"{option} {shlex.quote(target)}"


def for_maven(words: list[str]) -> str:
    """Options of Surefire for files, ``org.x.ATest``, ``org.x.ATest.method``, ``ATest#method`` and ``method``."""
    tests = [f"{owner or '*'}#{method}" if method else owner for owner, method in map(_java, words)]
    return f"-Dtest={shlex.quote(','.join(tests))} {_ANY_MODULE}" if tests else ""


def for_gradle(words: list[str]) -> str:
    """The same for Gradle's test task, whose patterns need a ``*`` where the package is missing."""
    tests = []
    for owner, method in map(_java, words):
        pattern = owner if "." in owner else f"*{owner}"
        tests.append(f"--tests {shlex.quote(f'{pattern}.{method}' if method else pattern)}")
    return " ".join(tests)


def escaped(name: str) -> str:
    """A name as a regular expression that is as good to read as it can be."""
    return re.escape(name).replace("\\ ", " ")


def _java(word: str) -> tuple[str, str]:
    """The class and the method that are meant, "" for one that is not said."""
    if file := _JAVA_FILE.fullmatch(word):
        return (file["path"] or file["name"]).replace("/", "."), ""
    word = re.sub(r"[(\[{].*", "", word)  # the arguments of a parameterised test
    owner, mark, method = word.partition("#")
    if mark:
        return owner, method
    owner, _, last = word.rpartition(".")
    return (word, "") if last[:1].isupper() else (owner, last)
