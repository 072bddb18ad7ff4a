"""What pip on this machine is configured to do: its files and its environment variables."""

from __future__ import annotations

import os
import re
import subprocess
import sys


def pip_settings() -> dict[str, list[str]]:
    """The words of each option, by its name without dashes; the environment's before those of files."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False
    )
    settings: dict[str, list[str]] = {}
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            settings.setdefault(name[4:].lower().replace("_", "-"), []).extend(value.split())
    for line in listed.stdout.splitlines():
        found = re.fullmatch(r"(?:global|install|download)\.([\w-]+)='(.*)'", line)
        if found:
            words = found[2].replace("\\n", " ").split()
            settings.setdefault(found[1], []).extend(words)
    return settings
