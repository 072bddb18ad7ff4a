"""Nothing of the future, of the user's configuration or of the way back to the source is in the copy."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tasks.repository import prepare

#: All that a copy's git directory may hold beside its objects.
ALLOWED = {"HEAD", "config", "index", "refs/heads/main"}


@dataclass
class Leaky:
    """A repository whose later commits can be reached in every way that git knows."""

    source: Any
    base: str
    secrets: dict[str, str]
    canary: Path


def git(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=False)


@pytest.fixture(params=["loose", "packed", "shared", "multi-pack"])
def leaky(request: pytest.FixtureRequest, repository: Any, new_repository: Any, tmp_path: Path) -> Leaky:
    base = repository.git("rev-parse", "HEAD~1")
    secrets = {"later on the branch": repository.git("rev-parse", "HEAD")}
    secrets["tag"] = repository.commit("Tagged", story="tagged\n")
    repository.git("tag", "-m", "release", "v2")
    secrets["tag object"] = repository.git("rev-parse", "v2")
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.git("checkout", "-q", "-b", "fix")
    secrets["branch"] = repository.commit("Fixed", story="fixed\n")
    repository.git("update-ref", "refs/remotes/origin/trunk", "HEAD")
    repository.git("update-ref", "refs/pull/1/head", "HEAD")
    repository.git("checkout", "-q", "trunk")
    secrets["dangling"] = repository.commit("Dangling", story="dangling\n")
    repository.git("reset", "-q", "--hard", "HEAD~1")
    repository.write("story", "stashed\n")
    repository.git("stash", "-q")
    secrets["stash"] = repository.git("rev-parse", "stash")
    repository.git("notes", "add", "-m", "see the fix", base)
    secrets["note"] = repository.git("rev-parse", "refs/notes/commits")
    repository.git("replace", base, secrets["branch"])
    secrets["blob"] = repository.git("hash-object", "-w", str(repository.write("../loose", "loose\n")))
    repository.write("staged", "staged\n")
    repository.git("add", "staged")
    secrets["staged"] = repository.git("rev-parse", ":staged")
    repository.git("remote", "add", "origin", "https://user:hunter2@example.org/secret.git")
    repository.git("config", "secret.key", "hunter2")
    repository.git("fetch", "-q", ".", "fix")
    repository.git("gc", "-q", "--no-prune") if request.param == "packed" else None
    repository.git(
        "repack", "-q", "-a", "-d", "--write-midx", "--keep-unreachable"
    ) if request.param == "multi-pack" else 0
    canary = tmp_path / "canary"
    hook = repository.write(".git/hooks/post-checkout", f"#!/bin/sh\ntouch '{canary}'\n")
    hook.chmod(0o755)
    if request.param == "shared":
        shared = new_repository(tmp_path / "shared")
        shared.write(".git/objects/info/alternates", f"{repository.path}/.git/objects\n")
        shared.git("update-ref", "refs/heads/trunk", secrets["later on the branch"])
        shared.git("reset", "-q", "--hard")
        return Leaky(shared, base, secrets, canary)
    return Leaky(repository, base, secrets, canary)


def test_no_way_to_what_came_later(leaky: Leaky, tmp_path: Path) -> None:
    copy = prepare(str(leaky.source.path), leaky.base, tmp_path / "copy").path
    for what, secret in leaky.secrets.items():
        assert git(leaky.source.path, "cat-file", "-e", secret).returncode == 0, f"the source lost {what}"
        assert git(copy, "cat-file", "-e", secret).returncode != 0, f"the copy has {what}"
    assert git(copy, "for-each-ref", "--format=%(refname) %(objectname)").stdout == f"refs/heads/main {leaky.base}\n"
    for command in (["remote"], ["stash", "list"], ["reflog"], ["notes", "list"], ["replace", "-l"], ["tag"]):
        assert git(copy, *command).stdout == "", command
    assert not leaky.canary.exists()


def test_objects_are_those_of_the_history_and_no_others(leaky: Leaky, tmp_path: Path) -> None:
    copy = prepare(str(leaky.source.path), leaky.base, tmp_path / "copy").path
    present = git(copy, "cat-file", "--batch-check=%(objectname)", "--batch-all-objects", "--unordered").stdout.split()
    reached = git(leaky.source.path, "--no-replace-objects", "rev-list", "--objects", leaky.base).stdout.splitlines()
    assert sorted(present) == sorted(line.split()[0] for line in reached)
    assert git(copy, "fsck", "--full", "--unreachable", "--dangling").stdout == ""


def test_git_directory_holds_nothing_else(leaky: Leaky, tmp_path: Path) -> None:
    copy = prepare(str(leaky.source.path), leaky.base, tmp_path / "copy").path
    files = {file.relative_to(copy / ".git").as_posix() for file in (copy / ".git").rglob("*") if file.is_file()}
    assert {name for name in files if not name.startswith("objects/pack/pack-")} == ALLOWED
    config = (copy / ".git/config").read_text()
    assert "[core]" in config
    assert config.count("[") == 1
    for file in (copy / ".git").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert b"hunter2" not in content
            assert str(leaky.source.path).encode() not in content


def test_copy_stands_alone(leaky: Leaky, tmp_path: Path) -> None:
    copy = prepare(str(leaky.source.path), leaky.base, tmp_path / "copy").path
    for directory in {leaky.source.path, tmp_path / "project"}:
        directory.rename(directory.with_suffix(".gone"))
    assert git(copy, "log", "--format=%s", "-p").stdout.startswith("Two")
    assert git(copy, "blame", "story").returncode == 0
    assert (copy / "story").read_text() == "one\ntwo\n"
