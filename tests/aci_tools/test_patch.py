"""The patch is made from what the files hold, not from what git remembers of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from aci_tools.errors import PatchError
from aci_tools.patch import working_tree_patch
from aci_tools.sandbox import SandboxSpec, open_sandbox

GIT = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org"]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATCHWRIGHT_STATE", str(tmp_path / "state"))
    made = tmp_path / "project"
    made.mkdir()
    return made


def commit(repository: Path) -> None:
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"]):
        subprocess.run([*GIT, *arguments], cwd=repository, check=True)


def names_in(patch: str) -> list[str]:
    return [line.rpartition(" b/")[2] for line in patch.splitlines() if line.startswith("diff --git")]


def test_bytecode_is_not_in_the_patch_unless_it_was_in_the_repository(repository: Path) -> None:
    (repository / "calc.py").write_text("def add(a, b):\n    return a - b\n")
    (repository / "kept.pyc").write_bytes(b"1")
    commit(repository)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        rules = sandbox.run("printf 'notes.txt\\n' > .git/own && git config core.excludesFile .git/own")
        assert rules.ok
        assert sandbox.run("python3 -c 'import calc' && ls __pycache__ && mkdir -p a/.pytest_cache && touch b.pyc").ok
        for name in ("kept.pyc", "new.py", "notes.txt", "a/.pytest_cache/x"):
            sandbox.write(f"{sandbox.workdir}/{name}", b"2\n")
        assert names_in(working_tree_patch(sandbox)) == ["kept.pyc", "new.py"]
        status = sandbox.run("git status --porcelain").text
        assert "__pycache__" in status, "nothing but the patch is told to leave it out"


def test_a_project_may_have_bytecode_in_its_patches(repository: Path) -> None:
    (repository / ".gitignore").write_text("!*.pyc\n")
    commit(repository)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        sandbox.write(f"{sandbox.workdir}/data.pyc", b"2\n")
        assert names_in(working_tree_patch(sandbox)) == ["data.pyc"]


def test_an_edit_in_the_second_of_the_checkout_is_in_the_patch(repository: Path) -> None:
    """Same size, same second: git tells such a file from an unchanged one by the age of its index only."""
    (repository / "a.txt").write_text("one\n")
    checkout = 1_700_000_000
    os.utime(repository / "a.txt", (checkout, checkout))
    commit(repository)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        tree = Path(sandbox.workdir)
        # Only size and modification time count here, as where a file system's other numbers are not to be trusted.
        sandbox.run("git config core.trustctime false && git config core.checkStat minimal")
        sandbox.write(f"{tree}/a.txt", b"two\n")
        os.utime(tree / "a.txt", (checkout, checkout))
        os.utime(tree / ".git" / "index", (checkout, checkout))
        assert "+two" in working_tree_patch(sandbox)


@pytest.mark.parametrize(
    "trouble",
    [
        "mkdir sub && cd sub && git init -q && echo hi > f",
        "echo '*.bad filter=none' > .git/info/attributes && git config filter.none.clean false && "
        "git config filter.none.required true && echo 1 > x.bad",
        "touch .git/patchwright-index.lock",
    ],
    ids=["repository without a commit", "failing filter", "lock left behind"],
)
def test_one_file_that_git_cannot_take_does_not_cost_the_others(repository: Path, trouble: str) -> None:
    for name in ("a.txt", "gone.txt"):
        (repository / name).write_text("one\n")
    commit(repository)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        assert sandbox.run(f"echo two > a.txt; rm gone.txt; echo three > 'new one.txt'; {trouble}").ok
        assert names_in(working_tree_patch(sandbox)) == ["a.txt", "gone.txt", "new one.txt"]


def test_the_patch_is_never_that_of_a_repository_above(repository: Path, tmp_path: Path) -> None:
    (repository / "a.txt").write_text("one\n")
    commit(repository)
    subprocess.run([*GIT, "init", "-q"], cwd=tmp_path, check=True)  # the sandbox's files are below this
    before = sorted(path.name for path in (tmp_path / ".git").iterdir())
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        sandbox.run("rm -rf .git")
        with pytest.raises(PatchError, match="not a git repository"):
            working_tree_patch(sandbox)
    assert sorted(path.name for path in (tmp_path / ".git").iterdir()) == before


def test_settings_of_git_do_not_change_the_form_of_the_patch(repository: Path) -> None:
    (repository / "a.txt").write_text("".join(f"{number}\n" for number in range(20)))
    commit(repository)
    edit = "sed -i 's/^5$/five/; s/^15$/fifteen/' a.txt"
    settings = ["context 0", "interHunkContext 9", "orderFile nowhere", "noprefix true", "submodule log"]
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        sandbox.run(edit)
        plain = working_tree_patch(sandbox)
        sandbox.run(" && ".join(f"git config diff.{setting}" for setting in settings))
        assert working_tree_patch(sandbox) == plain


def test_new_files_beside_a_sparse_checkout_are_in_the_patch(repository: Path) -> None:
    for name in ("in/a.txt", "out/b.txt"):
        (repository / name).parent.mkdir()
        (repository / name).write_text("one\n")
    commit(repository)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        assert sandbox.run("git update-index -q --refresh && git sparse-checkout set in && [ ! -e out ]").ok
        assert sandbox.run("mkdir new && echo two | tee new/c.txt in/a.txt").ok
        assert names_in(working_tree_patch(sandbox)) == ["in/a.txt", "new/c.txt"]


def test_what_git_complains_of_is_not_in_the_patch(repository: Path) -> None:
    (repository / "a.txt").write_text("one\n")
    commit(repository)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        sandbox.run("echo two > a.txt")
        plain = working_tree_patch(sandbox)
        assert "error: " in sandbox.run("echo x > .git/config; git status").text
        assert working_tree_patch(sandbox) == plain


def test_no_index_does_not_stand_for_no_files(repository: Path) -> None:
    (repository / "a.txt").write_text("one\n")
    commit(repository)
    trouble = "echo '* filter=none' > .git/info/attributes; git config filter.none.clean false; rm .git/index"
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        assert sandbox.run(f"git config filter.none.required true; {trouble}").ok
        with pytest.raises(PatchError, match="could not write an index"):
            working_tree_patch(sandbox)
