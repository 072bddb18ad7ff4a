"""A container for development (devcontainer.json), read as data."""

from __future__ import annotations

import re
from typing import Any

from tasks.environments.debian import first_version
from tasks.environments.hints.commands import debian_packages, pip_arguments
from tasks.environments.hints.model import Hints, language_of_image

_COMMANDS = ("onCreateCommand", "updateContentCommand", "postCreateCommand", "postStartCommand")


def read(document: dict[str, Any], path: str) -> Hints:
    """What a devcontainer.json says of the project's needs: its image, its features, its commands, its variables.

    Args:
        document: Its content.
        path: Where it is, for the user.
    """
    hints = Hints()
    if found := language_of_image(str(document.get("image", ""))):
        hints.versions.setdefault(*found)
    features = document.get("features")
    for name, options in (features if isinstance(features, dict) else {}).items():
        given = options.get("version") if isinstance(options, dict) else options
        language = language_of_image(f"{re.sub(r':[^/]*$', '', str(name))}:{given}")
        if language and first_version(str(given)):
            hints.versions.setdefault(*language)
    variables = document.get("containerEnv")
    for name, value in (variables if isinstance(variables, dict) else {}).items():
        if re.fullmatch(r"[A-Za-z_]\w*", str(name)) and isinstance(value, str) and "$" not in value:
            hints.env[name] = value
    for text in (line for name in _COMMANDS for line in _texts(document.get(name))):
        hints.packages += debian_packages(text)
        hints.pip += pip_arguments(text)
    if hints.versions or hints.packages or hints.pip:
        hints.says(f"{path} describes a container for development")
    return hints


def _texts(command: Any) -> list[str]:
    """A command is a text, a list of words, or several of them by name."""
    if isinstance(command, str):
        return [command]
    if isinstance(command, list):
        return [" ".join(map(str, command))]
    return [text for part in command.values() for text in _texts(part)] if isinstance(command, dict) else []
