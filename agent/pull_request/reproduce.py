"""The command that does an attempt again, without what says something about the machine that it was made on."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from typing import Any

from agent.config import Config
from agent.config_files import load_config

__all__ = ["command", "withheld"]

#: Numbers and names; what may be a path, an address, an image or a command line is left out.
_NAME = re.compile(r"[A-Za-z0-9_+-]{1,60}")
#: Shown by options of their own.
_SHOWN = ("model.name", "agent.strategy")


def command(issue: str, base: str, model: str, config: Config) -> str:
    """The command line.

    Args:
        issue: The issue's URL.
        base: The id of the base commit.
        model: The model's name as the trajectory has it.
        config: The settings of the attempt.
    """
    words = ["agent", "solve", "--issue", issue, "--base", base, "--model", model]
    if config.agent.strategy != "single":
        words += ["--strategy", config.agent.strategy]
    for key, value in _changed(config):
        if _plain(value):
            words += ["--set", f"{key}={json.dumps(value) if not isinstance(value, str) else value}"]
    return shlex.join(words)


def withheld(config: Config) -> list[str]:
    """The names of the settings that `command` leaves out."""
    return [key for key, value in _changed(config) if not _plain(value)]


def _changed(config: Config) -> Iterator[tuple[str, Any]]:
    """The settings that are not those that the model has by itself."""
    profile = "local-small" if config.model.name.startswith("local/") else "default"
    usual = load_config([profile])
    for section, values in config:
        before = getattr(usual, section).model_dump(mode="json")
        for name, value in values.model_dump(mode="json").items():
            key = f"{section}.{name}"
            if value != before[name] and key not in _SHOWN:
                yield key, value


def _plain(value: Any) -> bool:
    if isinstance(value, str):
        return _NAME.fullmatch(value) is not None
    if isinstance(value, list):
        return all(isinstance(one, str) and _NAME.fullmatch(one) for one in value)
    return value is None or isinstance(value, bool | int | float)
