"""Images that others published: nothing in the git directory of the sealed one is younger than the base commit."""

from __future__ import annotations

import contextlib
import io
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tasks.images import BrokenImage, Computers, ComputerSettings, Ready
from tasks.images.store import Store
from tasks.task import Task

from .conftest import run

pytestmark = pytest.mark.docker

MARK = "canary-of-the-future"

#: A repository whose every corner holds something younger than the commit that the tag `base` is at.
PLANT = f"""set -eu
git config --global user.name Other && git config --global user.email other@example.org
git config --global init.defaultBranch trunk
mkdir /origin /kept /testbed && cd /origin && git init -q
echo one >story && git add . && git commit -qm First
printf 'one\\ntwo\\n' >story && printf 'ignored\\n' >.gitignore && git add . && git commit -qm Base && git tag base
echo '{MARK} fixed' >>story && git commit -qam '{MARK} fix'
git notes add -m '{MARK} note' base
cd /testbed && git init -q && git remote add upstream /origin
git fetch -q -u upstream '+refs/*:refs/*' && git fetch -q upstream trunk && git reset -q --hard trunk
git config remote.upstream.token '{MARK}' && git tag -a -m '{MARK} tag' later
git branch other && git checkout -q -b topic base
echo '{MARK} stashed' >>story && git stash -q
echo '{MARK} staged, and forgotten' >blob && git add blob && git rm -qf --cached blob && rm blob
git checkout -q trunk && git worktree add -q /worktree other && git replace base~1 trunk
git update-ref ORIG_HEAD trunk && git pack-refs --all
git repack -qad && git commit -q --allow-empty -m '{MARK} loose' && git reset -q --hard base
git clone -q --bare /origin /kept/alternate.git && echo /kept/alternate.git/objects >.git/objects/info/alternates
printf '#!/bin/sh\\n# {MARK}\\n' >.git/hooks/post-commit && chmod +x .git/hooks/post-commit
echo '{MARK}' >.git/COMMIT_EDITMSG && echo '{MARK}' >.git/description && echo '# {MARK}' >>.git/info/exclude
echo "$(git rev-parse base) $(git rev-parse trunk)" >.git/info/grafts
git checkout -q --detach base
echo ignored >ignored && echo 'left over' >leftover && echo 'set up' >>story && git rev-parse base >/base
rm -rf /origin ~/.gitconfig
"""
LEAKS = f"""cd /testbed
git cat-file --batch-all-objects --batch --unordered | grep -a -c {MARK}
grep -r -a -c {MARK} .git | grep -v ':0$'
true"""


@pytest.fixture(scope="module")
def published(images: tuple[str, str]) -> Iterator[tuple[str, str]]:
    """An image with such a repository, and the base commit in it."""
    import docker

    prefix, base = images
    with contextlib.closing(docker.from_env()) as client:
        container = client.containers.create(base, ["sh", "-c", PLANT], network_mode="none")
        try:
            container.start()
            code = container.wait()["StatusCode"]
            assert code == 0, container.logs().decode()
            container.commit(repository=f"{prefix}-other", tag="1", conf={"Env": ["ITS=own"], "Cmd": ["bash"]})
            stream, _ = container.get_archive("/base")
            with tarfile.open(fileobj=io.BytesIO(b"".join(stream))) as tar:
                member = tar.extractfile("base")
                assert member is not None
                commit = member.read().decode().strip()
        finally:
            container.remove(force=True)
        yield f"{prefix}-other:1", commit


def task(image: str, commit: str, **more: Any) -> Task:
    row = {"instance_id": "owner__story-1", "repo": "owner/story", "base_commit": commit, "problem_statement": ""}
    return Task.model_validate({**row, "image": image, **more})


@pytest.fixture
def ready(computers: Computers, published: tuple[str, str]) -> Ready:
    return computers.ready(task(*published))


def test_what_is_planted_leaks_where_nothing_is_sealed(ready: Ready, published: tuple[str, str]) -> None:
    unsealed = replace(ready, spec=replace(ready.spec, image=published[0]))
    found = run(unsealed, LEAKS).splitlines()
    assert int(found[0]) >= 7  # the fix and its message, the note, the tag, the stash, the forgotten, the loose
    assert len(found) > 5


def test_nothing_of_the_future_is_in_a_sealed_image(ready: Ready) -> None:
    assert run(ready, LEAKS) == "0"
    nothing = """ls .git/logs .git/worktrees .git/hooks .git/packed-refs .git/FETCH_HEAD .git/ORIG_HEAD 2>/dev/null
git remote; git tag; git stash list; git notes; git replace; git worktree list | tail -n +2; git reflog
git fsck --full --unreachable --no-reflogs 2>/dev/null; cat .git/objects/info/alternates 2>/dev/null; true"""
    assert run(ready, nothing) == ""
    assert run(ready, "git for-each-ref --format='%(refname)'") == "refs/heads/main"


def test_the_past_and_the_files_are_as_they_were(ready: Ready, published: tuple[str, str]) -> None:
    _, base = published
    assert ready.origin == "image"
    assert run(ready, "git log --format=%s").splitlines() == ["Changes made by the installation", "Base", "First"]
    assert run(ready, "git rev-parse HEAD HEAD~1").split() == [ready.base_commit, base]
    assert len(run(ready, "git blame story").splitlines()) == 3
    assert run(ready, "cat story ignored leftover").splitlines() == ["one", "two", "set up", "ignored", "left over"]
    assert run(ready, "git status --porcelain; echo $ITS") == "own"


def test_an_image_is_sealed_once(settings: ComputerSettings, published: tuple[str, str], ready: Ready) -> None:
    said: list[str] = []
    again = Computers(settings, said.append).ready(task(*published))
    assert again.spec.image == ready.spec.image
    assert said == []


def test_where_the_base_commit_is_not_there_no_history_is_kept(
    computers: Computers, published: tuple[str, str]
) -> None:
    ready = computers.ready(task(published[0], "0" * 40))
    assert run(ready, "git log --format=%s").splitlines()[-1] == "Initial state"
    assert run(ready, f"git rev-list --count --all; {LEAKS}").split() == ["2", "0"]


def test_a_bug_that_is_put_in_has_no_past(computers: Computers, published: tuple[str, str]) -> None:
    patch = "--- a/.gitignore\n+++ b/.gitignore\n@@ -1 +1 @@\n-ignored\n+the bug\n"
    ready = computers.ready(task(*published, setup_patch=patch))
    assert run(ready, "cat .gitignore") == "the bug"
    assert run(ready, "git log --format= -p -- .gitignore | grep '^[-+][a-z]'") == "+the bug"
    assert run(ready, "ls /tmp") == ""


def test_an_environment_wins_over_an_image_that_is_not_here(
    settings: ComputerSettings, make_task: Any, published: tuple[str, str], store: Store
) -> None:
    computers = Computers(settings, lambda line: None)
    built = make_task(install=["true"])
    assert computers.ready(built.model_copy(update={"image": "no.such.registry/image:1"})).origin == "git"
    served = computers.ready(built.model_copy(update={"image": published[0], "base_commit": published[1]}))
    assert (served.origin, served.task.environment) == ("image", None)


def test_an_image_without_a_repository_is_broken(computers: Computers, images: tuple[str, str]) -> None:
    with pytest.raises(BrokenImage, match="not a git repository"):
        computers.ready(task(images[1], "0" * 40))
