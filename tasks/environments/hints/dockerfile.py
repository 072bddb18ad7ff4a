"""A Dockerfile, read as data: it is never built. What it installs by apt is taken over, its other commands are not."""

from __future__ import annotations

import json
import re
import shlex

from tasks.environments.hints.commands import debian_packages, pip_arguments
from tasks.environments.hints.model import Hints, language_of_image

_INSTRUCTION = re.compile(r"^\s*(FROM|RUN|ENV)\s+(.*)$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_]\w*")
#: Variables that say where programs and libraries are: true in that image only.
_NOT_KEPT = re.compile(r"PATH$|^LD_|^DEBIAN_FRONTEND$|^HOME$|^PYTHONDONTWRITEBYTECODE$")


def read(text: str, path: str) -> Hints:
    """What a Dockerfile says of the project's needs.

    Args:
        text: Its content.
        path: Where it is, for the user.
    """
    hints = Hints()
    for keyword, rest in _instructions(text):
        if keyword == "FROM":
            image = next((word for word in rest.split() if not word.startswith("--")), "")
            if found := language_of_image(image):
                hints.says(f"{path} is based on {image}")
                hints.versions.setdefault(*found)
        elif keyword == "RUN":
            shell = _shell_of(rest)
            hints.packages += debian_packages(shell)
            hints.pip += pip_arguments(shell)
        else:
            hints.env |= _variables(rest)
    if hints.packages:
        hints.says(f"{path} installs {len(hints.packages)} Debian packages")
    return hints


def _instructions(text: str) -> list[tuple[str, str]]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = re.sub(r"\\\s*\n", " ", "\n".join(lines))
    found = (_INSTRUCTION.match(line) for line in joined.splitlines())
    return [(match[1].upper(), match[2].strip()) for match in found if match]


def _shell_of(rest: str) -> str:
    """The shell text of a RUN instruction, in its shell form or in its exec form."""
    while rest.startswith("--"):
        rest = rest.partition(" ")[2].lstrip()
    if not rest.startswith("["):
        return rest
    try:
        words = json.loads(rest)
    except (ValueError, RecursionError):
        return ""
    words = [word for word in words if isinstance(word, str)]
    return words[-1] if words[1:2] == ["-c"] else shlex.join(words)


def _variables(rest: str) -> dict[str, str]:
    try:
        words = shlex.split(rest)
    except ValueError:
        return {}
    if words and "=" not in words[0]:
        words = [f"{words[0]}={rest.partition(' ')[2].strip()}"]
    pairs = (word.partition("=") for word in words)
    return {
        name: value
        for name, _, value in pairs
        if _NAME.fullmatch(name) and "$" not in value and not _NOT_KEPT.search(name)
    }
