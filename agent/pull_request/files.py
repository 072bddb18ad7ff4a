"""Which files a patch changes, and which of them deserve a second look before anything runs."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from aci_tools.patch import path_in_header
from tasks.git import Git
from trajectories.redact import Redactor

__all__ = ["Care", "Changed", "changed_files", "files_with_secrets"]


class Care(StrEnum):
    """Why a file deserves a second look; the value says it to people."""

    CI = "decides what continuous integration runs, perhaps with secrets at hand"
    GIT = "changes what git does with the repository"
    LOCK = "decides which dependencies are installed"


@dataclass(frozen=True, slots=True)
class Changed:
    """A file that a patch changes.

    Attributes:
        path: From the top of the repository.
        added: Lines; ``None`` for a file that is no text.
        removed: Lines; the same.
    """

    path: str
    added: int | None
    removed: int | None

    @property
    def care(self) -> Care | None:
        """Why it deserves a second look, if it does. Names count whatever their case: some file systems ignore it."""
        path = self.path.lower()
        if _CI.match(path):
            return Care.CI
        name = PurePosixPath(path).name
        if name in _LOCKS:
            return Care.LOCK
        return Care.GIT if name in _GIT_FILES or ".git" in PurePosixPath(path).parts else None


_CI = re.compile(
    r"\.(github/(workflows|actions)|gitea/workflows|forgejo/workflows|gitlab|circleci|buildkite|woodpecker|husky|githooks)/"
    r"|\.(gitlab-ci|travis|drone|woodpecker|cirrus|pre-commit-config)\.ya?ml$"
    r"|(azure-pipelines[\w.-]*|bitbucket-pipelines|\.?appveyor|(.*/)?action)\.ya?ml$|(.*/)?jenkinsfile[\w.-]*$"
)
_LOCKS = frozenset(
    {
        *(
            "package-lock.json",
            "npm-shrinkwrap.json",
            "yarn.lock",
            "pnpm-lock.yaml",
            "bun.lock",
            "bun.lockb",
            "deno.lock",
        ),
        *(
            "poetry.lock",
            "uv.lock",
            "pdm.lock",
            "pipfile.lock",
            "pixi.lock",
            "gemfile.lock",
            "composer.lock",
            "mix.lock",
        ),
        *("cargo.lock", "go.sum", "gradle.lockfile", "packages.lock.json", "package.resolved", "podfile.lock"),
        *("pubspec.lock", "flake.lock"),
    }
)
_GIT_FILES = frozenset({".gitattributes", ".gitmodules", ".gitignore", ".gitconfig", ".lfsconfig"})


def changed_files(patch: str) -> list[Changed]:
    """The files of a patch, in its order; none where it is no patch."""
    with tempfile.TemporaryDirectory(prefix="patchwright-files-") as scratch:
        diff = patch.encode("utf-8", "surrogateescape")
        listed = Git(Path(scratch)).run("apply", "--numstat", "-z", "-", stdin=diff).stdout
    found = []
    for entry in listed.split(b"\0"):
        if entry.count(b"\t") >= 2:
            added, removed, path = entry.split(b"\t", 2)
            lines = [int(count) if count.isdigit() else None for count in (added, removed)]
            found.append(Changed(os.fsdecode(path), *lines))
    return found


def files_with_secrets(patch: str, redactor: Redactor) -> list[str]:
    """The files to which a patch adds what looks like a secret, or is one of the user's."""
    file, found = "", dict[str, None]()
    removed = {line[1:] for line in patch.split("\n") if line.startswith("-")}
    for line in patch.split("\n"):
        if line.startswith("diff --git "):
            file = path_in_header(line)
        elif line.startswith("+") and redactor.text(line) != line and line[1:] not in removed:
            found[file] = None
    return list(found)
