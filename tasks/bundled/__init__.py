"""Demonstration tasks that come with the program: a released package with a known bug, an issue, and a hidden test.

Each is a directory beside this file with ``task.toml`` (see `Recipe`), ``issue.md`` and ``hidden_test.py``. The package
itself is fetched from the package index when it is needed.
"""

from __future__ import annotations

import contextlib
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aci_tools.errors import UsageError
from aci_tools.sandbox import Sandbox
from tasks.bundled.verdict import Verdict, run_hidden_test
from tasks.repository import apply_patch, prepare
from tasks.sdist import download, unpack

__all__ = ["Recipe", "Verdict", "fetch", "judge", "names", "recipe"]

_HERE = Path(__file__).parent


class Recipe(BaseModel):
    """What a bundled task is made of.

    Attributes:
        package: Name on the package index.
        version: The release that has the bug.
        fixed_version: The first release that has not.
        sha256: Digest of the release's source distribution, in hexadecimal.
        import_path: Directories that the package is imported from, relative to its top.
        test_command: Shell command that runs the package's own tests, ``""`` to find one out.
        directory: Where the recipe is.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    package: str
    version: str
    fixed_version: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    import_path: tuple[str, ...] = (".",)
    test_command: str = ""
    directory: Path

    @property
    def issue(self) -> Path:
        """The file with the issue's text."""
        return self.directory / "issue.md"

    @property
    def hidden_test(self) -> Path:
        """The test that judges a patch; no part of the repository that `fetch` makes."""
        return self.directory / "hidden_test.py"


def names(directory: Path = _HERE) -> list[str]:
    """The names of the bundled tasks."""
    return sorted(file.parent.name for file in directory.glob("*/task.toml"))


def recipe(name: str, directory: Path = _HERE) -> Recipe:
    """Read the recipe of a bundled task.

    Args:
        name: Its name.
        directory: Where the recipes are.

    Raises:
        UsageError: There is none of that name, or it is malformed.
    """
    known = names(directory)
    if name not in known:
        raise UsageError(
            f"no bundled task {name!r}: there {'is' if len(known) == 1 else 'are'} {', '.join(known) or 'none'}"
        )
    file = directory / name / "task.toml"
    try:
        return Recipe(**tomllib.loads(file.read_text("utf-8")), directory=file.parent)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error


def fetch(name: str, cache_dir: Path, directory: Path = _HERE) -> Path:
    """The repository of a bundled task: the released source in one commit, the same everywhere.

    Args:
        name: Name of the task.
        cache_dir: Where it is kept; a second call takes it from there.
        directory: Where the recipes are.

    Raises:
        UsageError: There is no such task.
        InfrastructureError: The package index could not be reached, or gave something else.
    """
    task = recipe(name, directory)
    repository = cache_dir / f"{task.package}-{task.version}-{task.sha256[:8]}"
    if repository.is_dir():
        return repository
    cache_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".patchwright-", dir=cache_dir) as scratch:
        archive = download(task.package, task.version, Path(scratch) / "download", sha256=task.sha256)
        source = unpack(archive, Path(scratch) / "source")
        made = Path(scratch) / "repository"
        prepare(str(source), None, made, allow_plain=True, include_ignored=True)
        try:
            made.rename(repository)
        except OSError:  # Another process was quicker.
            if not repository.is_dir():
                raise
    return repository


def judge(
    name: str, repository: Path, patch: str, computer: Callable[[Path], Sandbox], directory: Path = _HERE
) -> Verdict:
    """Run a bundled task's hidden test on a fresh copy of its repository with a patch applied, in a sandbox.

    Args:
        name: Name of the task.
        repository: What `fetch` gave.
        patch: The solution, a unified diff; ``""`` for none.
        computer: Opens a sandbox with a repository in it, whose ``python3`` has pytest. It is closed again.
        directory: Where the recipes are.

    Raises:
        InfrastructureError: The sandbox cannot be had, or has no pytest.
    """
    task = recipe(name, directory)
    with tempfile.TemporaryDirectory(prefix="patchwright-judge-") as scratch:
        copy = prepare(str(repository), None, Path(scratch) / "repository").path
        if patch.strip():
            outcome = apply_patch(copy, patch)
            if not outcome.ok:
                return Verdict(False, f"the patch does not apply: {outcome.reason}")
        with contextlib.closing(computer(copy)) as sandbox:
            return run_hidden_test(task.hidden_test.read_bytes(), sandbox, task.import_path)
