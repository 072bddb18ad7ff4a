"""Virtual environments of the peers, kept in the user's cache, and the images that all of them get."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.peers.adapter import WORKDIR, Adapter
from benchmarks.peers.processes import LABEL

#: Lines of the files that the scripted commands read, about 4 KB for each call.
LINES = 80
FILES = 8
NEWEST = (3, 14)


class Unusable(Exception):
    """A peer that cannot be had here; the text says why."""


def cache() -> Path:
    """Where virtual environments are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "patchwright"


def place_of(name: str) -> Path:
    """The directory of one of them."""
    return cache() / f"peer-{name.replace('_', '-')}"


def environment(name: str, requirements: Sequence[str], oldest: tuple[int, int] = (3, 11)) -> Path:
    """The Python of a virtual environment with these requirements (this Python when there are none).

    It is made on first use and when they change.

    Args:
        name: The environment's.
        requirements: As pip takes them on its command line.
        oldest: The oldest Python that will do.

    Raises:
        Unusable: No such Python is here, or pip cannot install them.
    """
    if not requirements:
        return Path(sys.executable)
    place = place_of(name)
    made = place / ".installed"
    wanted = "\n".join(requirements)
    if not (made.is_file() and made.read_text() == wanted):
        python = interpreter(oldest)
        print(f"installing {' '.join(requirements)} …", file=sys.stderr)
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([python, "-m", "venv", place], check=True)
        pip = [str(place / "bin" / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        done = subprocess.run([*pip, *requirements], stderr=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
            raise Unusable(f"pip cannot install it: {(errors or [done.stderr[-300:]])[-1]}")
        made.write_text(wanted)
    return place / "bin" / "python"


def listed(file: Path) -> list[str]:
    """The requirements in a file of pip's, comments left out."""
    return [line for line in file.read_text("utf-8").splitlines() if line.strip() and not line.startswith("#")]


def interpreter(oldest: tuple[int, int]) -> str:
    """A Python of this version or a later one: this one, one on the PATH, or one that pyenv or uv keeps.

    Raises:
        Unusable: There is none.
    """
    if sys.version_info >= oldest:
        return sys.executable
    versions = [f"{oldest[0]}.{minor}" for minor in range(oldest[1], NEWEST[1] + 1)]
    home = Path.home()
    for version in versions:
        kept = [*home.glob(f".pyenv/versions/{version}.*"), *home.glob(f".local/share/uv/python/cpython-{version}.*")]
        for command in (f"python{version}", *(str(place / "bin" / f"python{version}") for place in sorted(kept))):
            if shutil.which(command):
                say = [command, "-c", "import sys; print(sys.executable)"]
                done = subprocess.run(say, capture_output=True, text=True, check=False)
                if done.returncode == 0:  # a shim of pyenv is there for versions that are not switched on, too
                    return done.stdout.strip()
    raise Unusable(f"it needs Python {oldest[0]}.{oldest[1]} or later, and none is here")


def installed(python: Path, requirements: Sequence[str]) -> str:
    """The version of the first requirement, ``""`` where there is none."""
    if not requirements:
        return ""
    name = requirements[0].partition("=")[0]
    say = f"from importlib.metadata import version; print(version({name!r}))"
    return subprocess.run([python, "-c", say], capture_output=True, text=True, check=True).stdout.strip()


def common_image(base: str) -> str:
    """The tag of the image that every program gets: the base with a repository. Built when it is missing."""
    lines = f"""\
FROM {base}
LABEL {LABEL}=1
ENV GIT_AUTHOR_DATE="2026-01-01T00:00:00Z" GIT_COMMITTER_DATE="2026-01-01T00:00:00Z"
COPY repository {WORKDIR}
WORKDIR {WORKDIR}
RUN git init -q -b main && git add -A \\
 && git -c user.name=B -c user.email=b@example.org commit -q -m Begin \\
 && git config --global --add safe.directory '*'
ENV GIT_AUTHOR_DATE= GIT_COMMITTER_DATE=
"""
    return built(base, lines, repository())


def repository() -> dict[str, str]:
    """The files of the task's repository."""
    module = "".join(f"value_{number} = {number}  # a line as long as those of code are\n" for number in range(LINES))
    calc = "def add(a, b):\n    return a - b\n"
    return {"repository/calc.py": calc, **{f"repository/module_{n}.py": module for n in range(FILES)}}


def layered(image: str, adapter: Adapter) -> str:
    """The tag of the image with what an adapter needs in it.

    Raises:
        Unusable: It cannot be built.
    """
    if not adapter.LAYER:
        return image
    return built(image, f"FROM {image}\n{adapter.LAYER}", {})


def built(base: str, dockerfile: str, files: dict[str, str]) -> str:
    """The tag of an image of these lines and files on the base as it is now."""
    identity = subprocess.run(["docker", "image", "inspect", "-f", "{{.Id}}", base], capture_output=True, text=True)
    if identity.returncode:
        raise Unusable(f"the image {base} is not here: scripts/base-image {base}")
    digest = hashlib.sha256(repr((identity.stdout, dockerfile, files)).encode()).hexdigest()[:16]
    tag = f"patchwright/peers:{digest}"
    if subprocess.run(["docker", "image", "inspect", tag], capture_output=True, check=False).returncode == 0:
        return tag
    print(f"building {tag} …", file=sys.stderr)
    with tempfile.TemporaryDirectory() as scratch:
        for name, text in {"Dockerfile": dockerfile, **files}.items():
            file = Path(scratch, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        done = subprocess.run(["docker", "build", "-q", "-t", tag, scratch], capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f"its image cannot be built: {done.stderr.strip()[-300:]}")
    return tag


def commit_of(image: str) -> str:
    """The commit of the repository in an image."""
    command = ["docker", "run", "--rm", image, "git", "rev-parse", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
