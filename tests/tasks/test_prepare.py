"""The copy of a repository: complete up to the base commit, and right for every kind of repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from tasks.repository import prepare


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=True).stdout.strip()


def test_copy_has_files_and_history_of_the_base(repository: Any, tmp_path: Path) -> None:
    made = prepare(str(repository.path), "HEAD~1", tmp_path / "copy")
    assert made.base_commit == repository.git("rev-parse", "HEAD~1") == git(made.path, "rev-parse", "HEAD")
    assert (made.path / "story").read_text() == "one\ntwo\n"
    assert git(made.path, "log", "--format=%s") == "Two\nOne"
    assert git(made.path, "blame", "-s", "story").count("\n") == 1
    assert git(made.path, "status", "--porcelain") == ""
    assert git(made.path, "fsck", "--strict") == ""
    assert (made.origin, made.dirty, made.subdirectory, made.notes) == (str(repository.path), False, "", ())


@pytest.mark.parametrize("base", ["trunk~1", "v1", "refs/tags/v1", ":/Two", "HEAD@{1}", "short", "full"])
def test_any_revision_is_a_base(repository: Any, tmp_path: Path, base: str) -> None:
    repository.git("tag", "-m", "annotated", "v1", "HEAD~1")
    wanted = repository.git("rev-parse", "HEAD~1")
    names = {"short": wanted[:8], "full": wanted}
    assert prepare(str(repository.path), names.get(base, base), tmp_path / "copy").base_commit == wanted


@pytest.mark.parametrize("base", ["nowhere", "--all", "-1", "a b", "HEAD:story", "0" * 40, "x\ny"])
def test_unknown_revision_is_said(repository: Any, tmp_path: Path, base: str) -> None:
    with pytest.raises(UsageError, match="no revision"):
        prepare(str(repository.path), base, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_directory_below_the_top_is_remembered(repository: Any, tmp_path: Path) -> None:
    repository.write("package/deep/module.py", "x = 1\n")
    repository.commit("Four")
    made = prepare(str(repository.path / "package/deep"), None, tmp_path / "copy")
    assert made.subdirectory == "package/deep"
    assert (made.path / "story").exists()


def test_linked_worktree_and_detached_head(repository: Any, tmp_path: Path) -> None:
    repository.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"), "HEAD~1")
    (tmp_path / "linked" / "new").write_text("x")
    made = prepare(str(tmp_path / "linked"), None, tmp_path / "copy")
    assert git(made.path, "log", "--format=%s") == "Two\nOne"
    assert made.dirty


@pytest.mark.parametrize("spelling", ["{}", "file://{}"])
def test_bare_repository(repository: Any, tmp_path: Path, spelling: str) -> None:
    repository.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    made = prepare(spelling.format(tmp_path / "bare.git"), "trunk", tmp_path / "copy")
    assert (made.path / "story").read_text() == "one\ntwo\nthree\n"
    assert not made.dirty


def test_shallow_clone(repository: Any, tmp_path: Path) -> None:
    repository.git("clone", "-q", "--depth=2", f"file://{repository.path}", str(tmp_path / "shallow"))
    made = prepare(str(tmp_path / "shallow"), None, tmp_path / "copy")
    assert git(made.path, "log", "--format=%s") == "Three\nTwo"
    repository.git("fetch", "-q", str(tmp_path / "shallow"))  # The clone itself was left usable.


def test_partial_clone_without_its_objects_is_explained(repository: Any, tmp_path: Path) -> None:
    repository.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{repository.path}"
    repository.git("clone", "-q", "--filter=blob:none", "--no-checkout", url, str(tmp_path / "partial"))
    with pytest.raises(UsageError, match=r"incomplete.*git fetch --refetch"):
        prepare(str(tmp_path / "partial"), None, tmp_path / "copy")


def test_sha256_repository(new_repository: Any, tmp_path: Path) -> None:
    source = new_repository(tmp_path / "source", "--object-format=sha256")
    commit = source.commit("One", file="one")
    assert prepare(str(source.path), None, tmp_path / "copy").base_commit == commit
    assert len(commit) == 64


@pytest.mark.parametrize("name", ["with space", "a:b", 'quo"te', "back\\slash", "ünï", "#hash", "-dash"])
def test_odd_names_of_directories(new_repository: Any, tmp_path: Path, name: str) -> None:
    source = new_repository(tmp_path / name / "source")
    source.commit("One", file="one")
    made = prepare(str(source.path), None, tmp_path / name / "copy")
    assert (made.path / "file").read_text() == "one"


def test_symbolic_links_modes_and_bytes_survive(repository: Any, tmp_path: Path) -> None:
    (repository.path / "link").symlink_to("../outside")
    repository.write("run", "#!/bin/sh\n").chmod(0o755)
    repository.write("dos.txt", b"a\r\nb\r\n")
    repository.write("latin", b"\xe9\x00\xff")
    repository.commit("Four")
    copy = prepare(str(repository.path), None, tmp_path / "copy").path
    assert os.readlink(copy / "link") == "../outside"
    assert os.access(copy / "run", os.X_OK)
    assert (copy / "dos.txt").read_bytes() == b"a\r\nb\r\n"
    assert (copy / "latin").read_bytes() == b"\xe9\x00\xff"


def test_the_callers_git_environment_does_not_count(
    repository: Any, new_repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = new_repository(tmp_path / "other")
    other.commit("Other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.path / ".git/index"))
    made = prepare(str(repository.path), None, tmp_path / "copy")
    monkeypatch.undo()
    assert made.base_commit == repository.git("rev-parse", "HEAD")


def test_submodules_and_lfs_are_noted(repository: Any, new_repository: Any, tmp_path: Path) -> None:
    library = new_repository(tmp_path / "library")
    library.commit("One", file="one")
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.path), "vendor/library"
    )
    repository.write("assets/.gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n")
    repository.write("assets/a.png", "version https://git-lfs.github.com/spec/v1\n")
    repository.commit("Four")
    notes = prepare(str(repository.path), None, tmp_path / "copy").notes
    assert len(notes) == 2
    assert "vendor/library" in notes[0]
    assert "LFS" in notes[1]


def test_repository_without_a_commit(new_repository: Any, tmp_path: Path) -> None:
    empty = new_repository(tmp_path / "empty")
    with pytest.raises(UsageError, match="no commit yet"):
        prepare(str(empty.path), None, tmp_path / "copy")


def test_destination_in_use_is_refused_and_kept(repository: Any, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy/mine").write_text("mine")
    with pytest.raises(UsageError, match="not empty"):
        prepare(str(repository.path), None, tmp_path / "copy")
    assert (tmp_path / "copy/mine").read_text() == "mine"


@pytest.mark.parametrize(
    ("repo", "said"),
    [
        ("nowhere", "no such directory"),
        ("pallets/flask", "https://github.com/pallets/flask"),
        ("ext::sh -c touch%20canary", "transport helpers"),
        ("ftp://example.org/x.git", "ftp"),
        ("--upload-pack=touch canary", "not a repository"),
        ("-oProxyCommand=touch:x", "not a repository"),
        ("", "not a repository"),
    ],
)
def test_what_is_no_repository_is_said(repo: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=said):
        prepare(repo, None, tmp_path / "copy")
    assert list(tmp_path.iterdir()) == []


def test_plain_directory_only_when_allowed(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    (plain / "package").mkdir(parents=True)
    (plain / "package/module.py").write_text("x = 1\n")
    (plain / ".gitignore").write_text("*.log\n")
    (plain / "a.log").write_text("noise")
    with pytest.raises(UsageError, match="run git init"):
        prepare(str(plain), None, tmp_path / "copy")
    first = prepare(str(plain), None, tmp_path / "copy", allow_plain=True)
    second = prepare(str(plain), None, tmp_path / "copy2", allow_plain=True)
    assert first.base_commit == second.base_commit
    assert not first.dirty
    assert sorted(git(first.path, "ls-files").split()) == [".gitignore", "package/module.py"]
    assert not (plain / ".git").exists()


def test_directory_that_merely_lies_below_a_repository_is_plain(repository: Any, tmp_path: Path) -> None:
    repository.write(".gitignore", "scratch/\n")
    repository.commit("Four")
    repository.write("scratch/file", "x")
    with pytest.raises(UsageError, match="not a git repository"):
        prepare(str(repository.path / "scratch"), None, tmp_path / "copy")
    made = prepare(str(repository.path / "scratch"), None, tmp_path / "copy", allow_plain=True)
    assert git(made.path, "ls-files") == "file"


def test_same_source_gives_the_same_commits(repository: Any, tmp_path: Path) -> None:
    repository.write("story", "changed\n")
    made = [
        prepare(str(repository.path), None, tmp_path / name, include_uncommitted=True).base_commit
        for name in ("a", "b")
    ]
    assert made[0] == made[1] != repository.git("rev-parse", "HEAD")
