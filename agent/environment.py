"""The Python that commands find in a sandbox without an image: the repository's virtual environment, else ours."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class HostPython:
    """An interpreter of the host, for sandboxes that share the host's programs.

    Attributes:
        path: The PATH with it in front.
        read_only: Host directories that the sandbox must show for it to run.
        note: Which one it is, for the user.
        own: Whether it is the repository's own virtual environment.
    """

    path: str
    read_only: tuple[Path, ...]
    note: str
    own: bool = False


def host_python(repository: Path | None) -> HostPython:
    """The virtual environment ``.venv`` or ``venv`` of the user's repository, else the one that runs this program.

    Args:
        repository: The user's own directory; ``None`` when it was cloned from a URL.
    """
    for name in (".venv", "venv"):
        place = repository / name if repository is not None else None
        if place is not None and (place / "bin" / "python").exists():
            real = (place / "bin" / "python").resolve()
            return HostPython(
                f"{place.resolve()}/bin:{SYSTEM_PATH}",
                (place.resolve(), real.parent.parent),
                f"Python of {place}",
                own=True,
            )
    own = Path(sys.prefix)
    base = Path(sys.base_prefix)
    return HostPython(f"{own}/bin:{SYSTEM_PATH}", tuple(dict.fromkeys((own, base))), f"Python {sys.version.split()[0]}")


def import_path(repository: Path, workdir: str) -> str:
    """A PYTHONPATH that makes the repository's packages importable without installing them.

    Args:
        repository: The prepared copy.
        workdir: Where it stands in the sandbox.
    """
    source = repository / "src"
    has_packages = source.is_dir() and any((child / "__init__.py").exists() for child in source.iterdir())
    return f"{workdir}/src:{workdir}" if has_packages else workdir
