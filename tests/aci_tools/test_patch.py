"""The patch is made from what the files hold, not from what git remembers of them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from aci_tools.patch import working_tree_patch
from aci_tools.sandbox import SandboxSpec, open_sandbox


def test_an_edit_in_the_second_of_the_checkout_is_in_the_patch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Same size, same second: git tells such a file from an unchanged one by the age of its index only."""
    monkeypatch.setenv("PATCHWRIGHT_STATE", str(tmp_path / "state"))
    repository = tmp_path / "project"
    repository.mkdir()
    (repository / "a.txt").write_text("one\n")
    checkout = 1_700_000_000
    os.utime(repository / "a.txt", (checkout, checkout))
    git = ["git", "-c", "user.name=T", "-c", "user.email=t@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "First"]):
        subprocess.run([*git, *arguments], cwd=repository, check=True)
    with contextlib.closing(open_sandbox("local", SandboxSpec(repository=repository))) as sandbox:
        tree = Path(sandbox.workdir)
        # Only size and modification time count here, as where a file system's other numbers are not to be trusted.
        sandbox.run("git config core.trustctime false && git config core.checkStat minimal")
        sandbox.write(f"{tree}/a.txt", b"two\n")
        os.utime(tree / "a.txt", (checkout, checkout))
        os.utime(tree / ".git" / "index", (checkout, checkout))
        assert "+two" in working_tree_patch(sandbox)
