"""A repository that attacks whoever looks at it: nothing of it is executed, and nothing is written into it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from tasks.repository import apply_patch, prepare

PATCH = "--- a/story\n+++ b/story\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n"


class Trap:
    """A program that leaves a mark when it is executed."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self.mark = directory / "mark"
        self.program = directory / "program"
        self.program.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{self.mark}'\ncat\n")
        self.program.chmod(0o755)

    def __str__(self) -> str:
        return str(self.program)


def configure(*settings: str) -> Callable[[Any, Trap], None]:
    def arm(repository: Any, trap: Trap) -> None:
        for setting in settings:
            key, _, value = setting.partition("=")
            repository.git("config", key, value.format(trap=trap))

    return arm


def hooks(repository: Any, trap: Trap) -> None:
    names = ("post-checkout", "post-index-change", "pre-commit", "post-commit", "reference-transaction", "update")
    for name in names:
        (repository.path / ".git/hooks").mkdir(exist_ok=True)
        (repository.path / ".git/hooks" / name).symlink_to(trap.program)


def filters(repository: Any, trap: Trap) -> None:
    repository.commit("Attributes", **{".gitattributes": "* filter=evil diff=evil merge=evil\n"})
    configure(
        "filter.evil.clean={trap}", "filter.evil.smudge={trap}", "diff.evil.textconv={trap}", "diff.evil.command={trap}"
    )(repository, trap)


def filter_process(repository: Any, trap: Trap) -> None:
    filters(repository, trap)
    configure("filter.evil.process={trap}", "filter.evil.required=true")(repository, trap)


def included(repository: Any, trap: Trap) -> None:
    extra = repository.write("../extra", f"[core]\n\tfsmonitor = {trap}\n\tpager = {trap}\n")
    configure(f"include.path={extra}", f"includeIf.gitdir:**.path={extra}")(repository, trap)


def promisor(repository: Any, trap: Trap) -> None:
    """A partial clone that fetches what it lacks through a command of its own."""
    settings = ("extensions.partialClone=evil", "remote.evil.promisor=true", "remote.evil.url=ssh://example.org/x")
    configure("core.repositoryFormatVersion=1", *settings, "core.sshCommand={trap}")(repository, trap)
    configure("remote.evil.uploadpack={trap}", "remote.evil.vcs=ext")(repository, trap)
    blob = repository.git("rev-parse", "HEAD:story")
    (repository.path / ".git/objects" / blob[:2] / blob[2:]).unlink()


def submodule(repository: Any, trap: Trap) -> None:
    inner = type(repository)(repository.path / "inner")
    inner.commit("Inner", file="x")
    repository.git("-c", "advice.addEmbeddedRepo=false", "add", "inner")
    repository.commit("Submodule")
    inner.git("config", "core.fsmonitor", str(trap))
    inner.write("file", "changed")


ATTACKS: dict[str, Callable[[Any, Trap], None]] = {
    "fsmonitor": configure("core.fsmonitor={trap}"),
    "hooks": hooks,
    "hooks path": configure("core.hooksPath={trap}/..", "init.templateDir={trap}/.."),
    "filters": filters,
    "filter process": filter_process,
    "external diff": configure("diff.external={trap}", "core.pager={trap}", "pager.log=true", "core.editor={trap}"),
    "upload hook": configure("uploadpack.packObjectsHook={trap}", "core.alternateRefsCommand={trap}"),
    "transport": configure("core.sshCommand={trap}", "core.gitProxy={trap}", "credential.helper=!{trap}"),
    "redirection": configure("url.ext::{trap} .insteadOf=/", "url.ext::{trap} .insteadOf=file"),
    "signing": configure("commit.gpgSign=true", "gpg.program={trap}", "log.showSignature=true"),
    "alias": configure("alias.rev-parse=!{trap}", "alias.apply=!{trap}", "alias.ls-files=!{trap}"),
    "include": included,
    "partial clone": promisor,
    "submodule": submodule,
}


def snapshot(directory: Path) -> dict[str, tuple[int, int, int, bytes]]:
    """Every file and directory: mode, size, time of the last change to the nanosecond, content."""
    found = {}
    for path in sorted(directory.rglob("*")):
        facts = path.lstat()
        content = os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(directory))] = (facts.st_mode, facts.st_size, facts.st_mtime_ns, content)
    return found


@pytest.mark.parametrize("attack", ATTACKS)
def test_nothing_that_the_repository_names_is_executed(repository: Any, tmp_path: Path, attack: str) -> None:
    trap = Trap(tmp_path / "trap")
    ATTACKS[attack](repository, trap)
    trap.mark.unlink(missing_ok=True)
    repository.write("new", "untracked\n")
    os.utime(repository.path / "story", (1, 1))
    for include in (False, True):
        try:
            prepare(str(repository.path), None, tmp_path / f"copy-{include}", include_uncommitted=include)
        except UsageError:
            assert attack == "partial clone"
    assert apply_patch(repository.path, PATCH).ok
    assert not trap.mark.exists(), trap.mark.read_text()


@pytest.mark.parametrize("attack", ["fsmonitor", "filters", "include", "submodule"])
def test_the_traps_do_snap_for_plain_git(repository: Any, tmp_path: Path, attack: str) -> None:
    trap = Trap(tmp_path / "trap")
    ATTACKS[attack](repository, trap)
    os.utime(repository.path / "story", (1, 1))
    subprocess.run(["git", "status"], cwd=repository.path, capture_output=True, check=False)
    assert trap.mark.exists()


@pytest.mark.parametrize("include", [False, True])
def test_the_users_repository_stays_byte_for_byte(repository: Any, tmp_path: Path, include: bool) -> None:
    repository.git("tag", "v1")
    repository.git("pack-refs", "--all")
    repository.write("story", "changed\n")
    repository.write("new", "x")
    repository.write("staged", "x")
    repository.git("add", "staged")
    os.utime(repository.path / ".git/index", (1, 1))
    before = snapshot(repository.path)
    assert prepare(str(repository.path), None, tmp_path / "copy", include_uncommitted=include).dirty
    assert snapshot(repository.path) == before


def test_files_elsewhere_are_not_taken_for_the_working_tree(repository: Any, tmp_path: Path) -> None:
    (tmp_path / "private").mkdir()
    (tmp_path / "private/key").write_text("secret")
    repository.git("config", "core.worktree", str(tmp_path / "private"))
    made = prepare(str(repository.path), None, tmp_path / "copy", include_uncommitted=True)
    assert sorted(path.name for path in made.path.iterdir()) == [".git", "story"]
    with pytest.raises(UsageError, match="points elsewhere"):
        apply_patch(repository.path, PATCH)


def test_broken_configuration_is_one_line(repository: Any, tmp_path: Path) -> None:
    (repository.path / ".git/config").write_text("[core\n")
    with pytest.raises(UsageError, match="git cannot read") as caught:
        prepare(str(repository.path), None, tmp_path / "copy")
    assert "\n" not in str(caught.value)
