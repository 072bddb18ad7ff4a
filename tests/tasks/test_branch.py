"""A branch with one commit of ours: what it is made of, and what a push does to work of others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.branch import Branch, Identity, base_branch
from tests.tasks.forge_kinds import GiteaServer, settings
from tests.tasks.forge_server import Forge, Project, Request, serving

AUTHOR = Identity("Ann", "ann@example.org")
PATCH = "diff --git a/new b/new\nnew file mode 100644\n--- /dev/null\n+++ b/new\n@@ -0,0 +1 @@\n+x\n"
NAME = "patchwright/issue-1"


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    made = GiteaServer(tmp_path / "forge")
    made.users = {"tok-of-mona": "mona", "tok-of-carol": "carol"}
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    with serving(made):
        for name, value in settings(made, "tok-of-mona").items():
            monkeypatch.setenv(name, value)
        yield made


class Pushing:
    """Makes a commit on a project's branch and pushes it somewhere."""

    def __init__(self, forge: Forge, project: Project, directory: Path) -> None:
        self.url = f"{forge.web}/{project.path}.git"
        self.base = project.run("rev-parse", "HEAD")
        self.clone, self.into, self.tip = base_branch(directory / "clones", self.url, self.base, ["gone", "trunk"])
        self.directory = directory

    def branch(self, url: str = "") -> Branch:
        place = self.directory / f"push-{len(list(self.directory.iterdir()))}"
        return Branch(place, self.clone, self.url, url or self.url, NAME, self.tip)

    def push(self, url: str = "", patch: str = PATCH) -> bool:
        branch = self.branch(url)
        return branch.push(branch.commit(self.base, patch, "Mend it\n", AUTHOR, 946684800))


@pytest.fixture
def project(forge: Forge, repository: Any) -> Project:
    return forge.add("octo/hello", repository.path, writers={"mona"})


def test_the_same_change_is_pushed_once(forge: Forge, project: Project, tmp_path: Path) -> None:
    pushing = Pushing(forge, project, tmp_path)
    assert pushing.into == "trunk"
    assert pushing.push()
    assert project.run("log", "-1", "--format=%an %cn %s", NAME) == "Ann Patchwright Mend it"
    assert not pushing.push()
    assert pushing.push(patch=PATCH.replace("+x", "+y"))
    assert project.run("log", "--format=%s", f"trunk..{NAME}") == "Mend it"


@pytest.mark.parametrize("path", [".git/hooks/pre-commit", "../new", "/tmp/new"])
def test_a_patch_that_writes_elsewhere_is_not_committed(
    forge: Forge, project: Project, tmp_path: Path, path: str
) -> None:
    pushing = Pushing(forge, project, tmp_path)
    with pytest.raises(UsageError, match="cannot be committed"):
        pushing.push(patch=PATCH.replace("b/new", f"b/{path}").replace("a/new", f"a/{path}"))


class Meanwhile(list[Request]):
    """A list of requests that does something when one asks where the branches are, just before they are pushed."""

    def __init__(self, then: Callable[[], Any]) -> None:
        self.then = then

    def append(self, request: Request) -> None:
        if request.path.endswith("service=git-receive-pack"):
            self.then()
        super().append(request)


def test_a_branch_that_changes_meanwhile_is_left_alone(forge: Forge, project: Project, tmp_path: Path) -> None:
    pushing = Pushing(forge, project, tmp_path)
    forge.requests = Meanwhile(lambda: project.run("branch", "-f", NAME, "trunk~1"))
    with pytest.raises(UsageError, match="has just been changed by somebody else: run it again"):
        pushing.push()
    assert project.run("rev-parse", NAME) == project.run("rev-parse", "trunk~1")


def test_a_fork_that_is_behind_gets_what_a_partial_clone_lacks(
    forge: Forge, repository: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = forge.add("mona/hello", repository.path, writers={"mona"}, parent="octo/hello")
    for number in range(2):
        (repository.path / "large").write_bytes(os.urandom(1_200_000))
        repository.commit(f"Large {number}")
    project = forge.add("octo/hello", repository.path, writers={"carol"})
    # The server of the tests takes no request in chunks.
    for name, value in {"COUNT": "1", "KEY_0": "http.postBuffer", "VALUE_0": str(16 << 20)}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    pushing = Pushing(forge, project, tmp_path)
    assert pushing.push(f"{forge.web}/mona/hello.git")
    assert old.run("rev-parse", f"{NAME}~") == pushing.base


def test_what_the_remote_says_against_it_is_told(forge: Forge, project: Project, tmp_path: Path) -> None:
    pushing = Pushing(forge, project, tmp_path)
    hook = project.git / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'error: workflows may not be changed' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(InfrastructureError, match=r"does not take the branch: .*workflows may not be changed"):
        pushing.push()
    project.writers = {"carol"}
    with pytest.raises(InfrastructureError, match="access refused; the token has to allow writing"):
        pushing.push()
