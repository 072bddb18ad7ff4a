"""``--apply``: all of the patch or nothing of it, in the right place, and nowhere else."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from tasks.repository import apply_patch

CHANGE = "--- a/story\n+++ b/story\n@@ -1,3 +1,3 @@\n one\n-two\n+zwei\n three\n"
NEW = "diff --git a/dir/new b/dir/new\nnew file mode 100755\n--- /dev/null\n+++ b/dir/new\n@@ -0,0 +1 @@\n+x\n"


def new_file(name: str, content: str = "x", mode: str = "100644") -> str:
    ending = "\n\\ No newline at end of file\n" if mode == "120000" else "\n"
    header = f"diff --git a/{name} b/{name}\nnew file mode {mode}\n--- /dev/null\n+++ b/{name}\n"
    return f"{header}@@ -0,0 +1 @@\n+{content}{ending}"


def test_patch_lands_in_the_files_and_not_in_the_index(repository: Any) -> None:
    index = (repository.path / ".git/index").read_bytes()
    outcome = apply_patch(repository.path, CHANGE + NEW)
    assert (outcome.ok, outcome.reason, outcome.files) == (True, "", ("story", "dir/new"))
    assert (repository.path / "story").read_text() == "one\nzwei\nthree\n"
    assert (repository.path / "dir/new").stat().st_mode & 0o100
    assert (repository.path / ".git/index").read_bytes() == index


@pytest.mark.parametrize("where", ["--local", "--global"])
def test_lines_that_end_otherwise_in_the_working_tree_than_in_the_repository_stay_so(
    repository: Any, where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    repository.write("story", "one\r\ntwo\r\nthree\r\n")
    assert not apply_patch(repository.path, CHANGE).ok
    subprocess.run(["git", "config", where, "core.autocrlf", "true"], cwd=repository.path, check=True)
    assert apply_patch(repository.path, CHANGE).ok
    assert (repository.path / "story").read_bytes() == b"one\r\nzwei\r\nthree\r\n"
    repository.write("story", "one\ntwo\nthree\n")
    assert apply_patch(repository.path, CHANGE).ok
    assert (repository.path / "story").read_bytes() == b"one\nzwei\nthree\n"


def test_paths_start_at_the_top_wherever_one_is(repository: Any) -> None:
    (repository.path / "dir").mkdir()
    assert apply_patch(repository.path / "dir", CHANGE).ok
    assert (repository.path / "story").read_text() == "one\nzwei\nthree\n"


def test_what_does_not_fit_changes_nothing_and_says_why(repository: Any) -> None:
    repository.write("story", "something else\n")
    outcome = apply_patch(repository.path, NEW + CHANGE)
    assert not outcome.ok
    assert "story" in outcome.reason
    assert "\n" not in outcome.reason
    assert (repository.path / "story").read_text() == "something else\n"
    assert not (repository.path / "dir").exists()


def test_file_in_the_way_is_kept(repository: Any) -> None:
    repository.write("dir/new", "mine")
    outcome = apply_patch(repository.path, NEW)
    assert "already exists" in outcome.reason
    assert (repository.path / "dir/new").read_text() == "mine"


def test_patch_applied_twice_is_recognised(repository: Any) -> None:
    assert apply_patch(repository.path, CHANGE).ok
    outcome = apply_patch(repository.path, CHANGE)
    assert (outcome.ok, outcome.reason) == (False, "the patch is in the working tree already")


@pytest.mark.parametrize(
    "name",
    ["../outside", "/etc/outside", ".git/hooks/post-checkout", ".GIT/config", "dir/.git/config", "a/../../outside"],
)
def test_paths_out_of_the_tree_and_into_git_are_refused(repository: Any, name: str) -> None:
    before = sorted(repository.path.parent.rglob("*"))
    assert not apply_patch(repository.path, new_file(name)).ok
    assert sorted(repository.path.parent.rglob("*")) == before


def test_writing_through_a_symbolic_link_is_refused(repository: Any, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (repository.path / "link").symlink_to(tmp_path / "outside")
    assert not apply_patch(repository.path, new_file("link/file")).ok
    assert not apply_patch(repository.path, new_file("way", str(tmp_path), "120000") + new_file("way/file")).ok
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (repository.path / "way").exists()


def test_line_endings_and_bytes_survive(repository: Any) -> None:
    repository.write("dos", b"a\r\nb\r\nc")
    repository.git("config", "core.autocrlf", "true")
    patch = b"--- a/dos\n+++ b/dos\n@@ -1,3 +1,3 @@\n a\r\n-b\r\n+\xe9\r\n c\n\\ No newline at end of file\n"
    assert apply_patch(repository.path, patch.decode("utf-8", "surrogateescape")).ok
    assert (repository.path / "dos").read_bytes() == b"a\r\n\xe9\r\nc"


def test_binary_patch_of_git(repository: Any) -> None:
    repository.write("image", bytes(range(256)))
    repository.commit("Image")
    repository.write("image", bytes(reversed(range(256))))
    patch = subprocess.run(
        ["git", "diff", "--binary"], cwd=repository.path, capture_output=True, check=True
    ).stdout.decode()
    repository.git("checkout", "-q", "image")
    assert apply_patch(repository.path, patch).ok
    assert (repository.path / "image").read_bytes() == bytes(reversed(range(256)))


def test_missing_final_newline_of_the_patch_is_forgiven(repository: Any) -> None:
    assert apply_patch(repository.path, CHANGE.rstrip("\n")).ok


@pytest.mark.parametrize("patch", ["", " \n", "no patch at all\n", "--- a/story\n+++ b/story\n@@ -1,9 +1,9 @@\n one\n"])
def test_what_is_no_patch_is_refused(repository: Any, patch: str) -> None:
    outcome = apply_patch(repository.path, patch)
    assert not outcome.ok
    assert outcome.reason


def test_directory_without_git(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(UsageError, match="not a git working tree"):
            apply_patch(path, CHANGE)
