"""Clones that are kept: fetched once, partial, and private ones with a token that leaves no trace."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.repository import Prepared, prepare
from tests.tasks.forge_kinds import GitHubServer, settings
from tests.tasks.forge_server import Forge, Project, serving

TOKEN = "tok-of-mona"


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    made = GitHubServer(tmp_path / "forge")
    made.users = {TOKEN: "mona", "tok-of-carol": "carol"}
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/.config"))
    with serving(made):
        for name, value in settings(made).items():
            monkeypatch.setenv(name, value)
        yield made


@pytest.fixture
def project(forge: Forge, repository: Any) -> Project:
    return forge.add("octo/hello", repository.path, writers={"mona"})


class Copies:
    """Makes copies of a project by way of kept clones."""

    def __init__(self, project: Project, forge: Forge, directory: Path) -> None:
        self.project, self.forge = project, forge
        self.url = f"{forge.web}/{project.path}.git"
        self.directory = directory
        self.clones = directory / "clones"

    def make(self, name: str, base: str | None = None, url: str = "") -> Prepared:
        return prepare(url or self.url, base, self.directory / name, clones=self.clones)

    @property
    def downloads(self) -> int:
        return sum(one.path.endswith("git-upload-pack") and one.method == "POST" for one in self.forge.requests)

    def kept(self) -> bytes:
        return b"".join(file.read_bytes() for file in self.clones.rglob("*") if file.is_file())


@pytest.fixture
def copies(project: Project, forge: Forge, tmp_path: Path) -> Copies:
    return Copies(project, forge, tmp_path)


def log(made: Prepared) -> list[str]:
    done = subprocess.run(["git", "log", "--format=%s"], cwd=made.path, capture_output=True, text=True, check=True)
    return done.stdout.split()


def test_clone_is_made_once_and_brought_up_to_date(copies: Copies, repository: Any, tmp_path: Path) -> None:
    assert log(copies.make("first")) == ["Three", "Two", "One"]
    [clone] = copies.clones.glob("*.git")
    fetched = copies.downloads
    older = copies.make("older", "trunk~1")
    assert log(older) == ["Two", "One"]
    copies.forge.requests.clear()
    assert log(copies.make("again", older.base_commit)) == ["Two", "One"]
    assert copies.forge.requests == []
    repository.commit("Four", story="four\n")
    repository.git("push", "-q", str(copies.project.git), "trunk")
    newest = copies.make("newest")
    assert log(newest) == ["Four", "Three", "Two", "One"]
    assert (newest.path / "story").read_text() == "four\n"
    assert list(copies.clones.glob("*.git")) == [clone]
    assert fetched


def test_copy_of_an_old_commit_holds_nothing_later(copies: Copies, repository: Any) -> None:
    copies.make("newest")
    old = copies.make("old", "trunk~2")
    listed = subprocess.run(
        ["git", "cat-file", "--batch-all-objects", "--batch-check=%(objecttype)"],
        cwd=old.path,
        capture_output=True,
        check=True,
    )
    assert sorted(listed.stdout.split()) == [b"blob", b"commit", b"tree"]


def test_old_versions_of_large_files_stay_where_they_are(copies: Copies, repository: Any) -> None:
    for version in "ab":
        noise = "".join(f"{version}{number}\n" for number in range(300_000))
        repository.commit(f"Large-{version}", large=noise)
    repository.git("push", "-q", str(copies.project.git), "trunk")
    newest = copies.make("newest")
    assert (newest.path / "large").read_text().startswith("b0\n")
    assert log(newest)[:2] == ["Large-b", "Large-a"]
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=newest.path, capture_output=True, text=True, check=True
    )
    assert status.stdout == ""
    old_large = repository.git("rev-parse", "HEAD~1:large")
    absent = subprocess.run(["git", "cat-file", "-e", old_large], cwd=newest.path, capture_output=True, check=False)
    assert absent.returncode != 0
    assert (copies.make("old", "trunk~1").path / "large").read_text().startswith("a0\n")
    blame = subprocess.run(["git", "blame", "-s", "story"], cwd=newest.path, capture_output=True, text=True, check=True)
    assert len(blame.stdout.splitlines()) == 3


def test_private_repository_is_opened_by_the_token(
    copies: Copies, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copies.project.private = True
    with pytest.raises(InfrastructureError, match="access refused; is it private"):
        copies.make("refused")
    assert not list(copies.clones.glob("*.git"))
    # The user's own helper is not told the token, which it would write down.
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[credential]\n\thelper = store\n")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    made = copies.make("opened")
    assert log(made) == ["Three", "Two", "One"]
    assert not (tmp_path / "home/.git-credentials").exists()
    ours = b"".join(file.read_bytes() for file in made.path.rglob("*") if file.is_file())
    for place in (copies.kept(), ours, repr(made).encode()):
        assert TOKEN.encode() not in place


def test_token_of_somebody_else_does_not_close_the_way_that_git_knows(
    copies: Copies, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copies.project.private = True
    monkeypatch.setenv("GITHUB_TOKEN", "tok-of-carol")
    with pytest.raises(UsageError, match="no such repository, or it is private"):
        copies.make("refused")
    (tmp_path / "home").mkdir()
    (tmp_path / "home/.gitconfig").write_text("[credential]\n\thelper = store\n")
    (tmp_path / "home/.git-credentials").write_text(copies.forge.web.replace("//", f"//mona:{TOKEN}@") + "\n")
    assert log(copies.make("opened")) == ["Three", "Two", "One"]


@pytest.mark.parametrize("credentials", [f"mona:{TOKEN}", f"x-access-token:{TOKEN}"])
def test_credentials_of_the_url_are_used_and_not_kept(copies: Copies, credentials: str) -> None:
    copies.project.private = True
    made = copies.make("opened", url=copies.url.replace("//", f"//{credentials}@"))
    assert made.origin == copies.url
    assert TOKEN.encode() not in copies.kept()


def test_token_goes_to_no_other_host(copies: Copies, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_API_URL", "https://github.example.org/api/v3")
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    copies.project.private = True
    with pytest.raises(InfrastructureError, match="access refused"):
        copies.make("refused")
    assert {one.authorization for one in copies.forge.requests} == {None}


def test_several_at_once(copies: Copies) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(copies.make, ["a", "b", "c", "d"]))
    assert len({one.base_commit for one in made}) == 1
    assert len(list(copies.clones.glob("*.git"))) == 1
