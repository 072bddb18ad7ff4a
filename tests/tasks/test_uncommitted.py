"""The user's uncommitted work: noticed always, taken along when asked, and nothing that they keep out of commits."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from tasks.repository import prepare


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, capture_output=True, text=True, check=True).stdout.strip()


def stage(repository: Any) -> None:
    repository.write("story", "staged\n")
    repository.git("add", "story")


def stage_and_take_back(repository: Any) -> None:
    stage(repository)
    repository.write("story", "one\ntwo\nthree\n")


def conflict(repository: Any) -> None:
    repository.git("checkout", "-q", "-b", "side", "HEAD~1")
    repository.commit("Side", story="one\nTWO\n")
    subprocess.run(["git", "merge", "-q", "trunk"], cwd=repository.path, capture_output=True, check=False)
    assert "<<<<<<<" in (repository.path / "story").read_text()


CHANGES: dict[str, Callable[[Any], Any]] = {
    "modified": lambda repository: repository.write("story", "changed\n"),
    "deleted": lambda repository: (repository.path / "story").unlink(),
    "untracked": lambda repository: repository.write("new/file with space", "new\n"),
    "staged": stage,
    "staged and taken back": stage_and_take_back,
    "mode": lambda repository: (repository.path / "story").chmod(0o755),
    "conflict": conflict,
}


@pytest.mark.parametrize("change", CHANGES)
def test_change_is_noticed_and_taken_along_when_asked(repository: Any, tmp_path: Path, change: str) -> None:
    assert not prepare(str(repository.path), None, tmp_path / "before").dirty
    CHANGES[change](repository)
    left = prepare(str(repository.path), None, tmp_path / "left")
    assert left.dirty
    assert left.base_commit == repository.git("rev-parse", "HEAD")
    taken = prepare(str(repository.path), None, tmp_path / "taken", include_uncommitted=True)
    assert git(taken.path, "status", "--porcelain") == ""
    assert git(taken.path, "rev-parse", "HEAD~1") == left.base_commit
    ours = {file.relative_to(taken.path) for file in taken.path.rglob("*") if ".git" not in file.parts}
    theirs = {file.relative_to(repository.path) for file in repository.path.rglob("*") if ".git" not in file.parts}
    assert ours == theirs
    for file in (repository.path / name for name in theirs):
        if file.is_file():
            copied = taken.path / file.relative_to(repository.path)
            assert copied.read_bytes() == file.read_bytes()
            assert os.access(copied, os.X_OK) == os.access(file, os.X_OK)


def test_touched_file_is_no_change(repository: Any, tmp_path: Path) -> None:
    os.utime(repository.path / "story", (1, 1))
    assert not prepare(str(repository.path), None, tmp_path / "copy").dirty


def test_change_that_keeps_size_and_time_is_noticed(repository: Any, tmp_path: Path) -> None:
    before = (repository.path / "story").stat()
    repository.write("story", "ONE\nTWO\nTHREE\n")
    os.utime(repository.path / "story", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert prepare(str(repository.path), None, tmp_path / "copy").dirty


def test_what_the_user_ignores_stays_out(repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    (tmp_path / "home/config/git").mkdir(parents=True)
    (tmp_path / "home/config/git/ignore").write_text("by-user\n")
    repository.write(".gitignore", "by-project\n")
    repository.commit("Four")
    (repository.path / ".git/info/exclude").write_text("by-clone\n")
    for name in ("by-user", "by-project", "by-clone"):
        repository.write(name, "secret")
    assert not prepare(str(repository.path), None, tmp_path / "clean").dirty
    repository.write("seen", "x")
    made = prepare(str(repository.path), None, tmp_path / "copy", include_uncommitted=True)
    assert git(made.path, "ls-files").split() == [".gitignore", "seen", "story"]


def test_split_index_and_sparse_checkout(repository: Any, tmp_path: Path) -> None:
    repository.write("inside/a", "a")
    repository.write("outside/b", "b")
    repository.commit("Four")
    repository.git("sparse-checkout", "set", "inside")
    assert not (repository.path / "outside").exists()
    assert not prepare(str(repository.path), None, tmp_path / "sparse").dirty
    repository.git("sparse-checkout", "disable")
    repository.git("update-index", "--split-index")
    assert not prepare(str(repository.path), None, tmp_path / "split").dirty
    repository.write("story", "changed\n")
    assert prepare(str(repository.path), None, tmp_path / "changed").dirty


def test_repository_within_is_left_out_and_said(repository: Any, new_repository: Any, tmp_path: Path) -> None:
    new_repository(repository.path / "inner").commit("Inner", file="x")
    repository.write("new", "x")
    made = prepare(str(repository.path), None, tmp_path / "copy", include_uncommitted=True)
    assert git(made.path, "ls-files").split() == ["new", "story"]
    assert made.notes == ("inner/ is a repository of its own and is left out",)


def test_copy_inside_the_repository_does_not_swallow_itself(repository: Any) -> None:
    repository.write("new", "x")
    made = prepare(str(repository.path), None, repository.path / "runs/copy", include_uncommitted=True)
    assert git(made.path, "ls-files").split() == ["new", "story"]
    assert made.notes == ()


def test_uncommitted_work_on_another_base_is_refused(repository: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="belong to the last commit"):
        prepare(str(repository.path), "HEAD~1", tmp_path / "copy", include_uncommitted=True)
