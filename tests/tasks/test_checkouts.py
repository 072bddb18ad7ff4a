"""Where the repository of a task comes from."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.checkouts import Checkouts, Source
from tasks.task import Task

NOWHERE = "http://127.0.0.1:9/owner/project"  # nothing listens on the port that is for discarding


def task(**fields: Any) -> Task:
    base = {"instance_id": "owner__project-1", "repo": "owner/project", "base_commit": "HEAD", "problem_statement": ""}
    return Task.model_validate(base | fields)


def checkouts(tmp_path: Path, said: list[str] | None = None) -> Checkouts:
    return Checkouts(tmp_path / "repositories", tmp_path / "cache", (said if said is not None else []).append)


def log(source: Source, place: Path) -> list[str]:
    Checkouts.copy(source, place)
    done = subprocess.run(["git", "log", "--all", "--format=%s"], cwd=place, capture_output=True, text=True, check=True)
    return done.stdout.split()


@pytest.mark.parametrize(
    "name",
    ["owner/project", "owner__project", "owner+project.git", "project", "owner+project/repo", "project/repo.git"],
)
def test_a_repository_of_the_users_is_found_by_its_name(name: str, tmp_path: Path, new_repository: Any) -> None:
    theirs = new_repository(tmp_path / "repositories" / name)
    first = theirs.commit("First", story="one")
    theirs.commit("Second", story="two")
    said: list[str] = []
    source = checkouts(tmp_path, said).find(task(base_commit=first))
    assert (source.origin, source.commit) == ("git", first)
    assert log(source, tmp_path / "copy") == ["First"]
    assert said == [f"owner__project-1: the repository is {theirs.path}"]


def test_where_an_environment_names_its_source_that_one_is_taken(tmp_path: Path, new_repository: Any) -> None:
    for name in ("mirror/project", "owner/project"):
        new_repository(tmp_path / "repositories" / name).commit(name.partition("/")[0])
    source = checkouts(tmp_path).find(task(environment={"source": "github:mirror/project"}))
    assert log(source, tmp_path / "copy") == ["mirror"]


def test_a_branch_is_the_commit_that_it_is_at(tmp_path: Path, new_repository: Any) -> None:
    theirs = new_repository(tmp_path / "repositories/project")
    first = theirs.commit("First")
    found = checkouts(tmp_path)
    pinned = found.pinned(task(base_commit="trunk"))
    theirs.commit("Second")
    assert pinned == task(base_commit=first)
    assert found.pinned(pinned) is pinned
    for other in (task(repo="nowhere/else"), task(image="published"), task(files={"a.py": ""}), task(base_commit="")):
        assert found.pinned(other) is other


def test_a_repository_without_the_commit_is_passed_over(tmp_path: Path, new_repository: Any) -> None:
    new_repository(tmp_path / "repositories/owner/project").commit("Other")
    wanted = new_repository(tmp_path / "repositories/project").commit("Wanted", story="wanted")
    source = checkouts(tmp_path).find(task(base_commit=wanted))
    assert log(source, tmp_path / "copy") == ["Wanted"]


def test_a_task_may_name_a_directory(tmp_path: Path, repository: Any) -> None:
    source = checkouts(tmp_path).find(task(repo=str(repository.path), base_commit="HEAD~1"))
    assert source.commit == repository.git("rev-parse", "HEAD~1")
    assert log(source, tmp_path / "copy") == ["Two", "One"]


def test_files_become_a_repository_that_is_the_same_everywhere(tmp_path: Path) -> None:
    wanted = task(files={"program.py": "x = 1\n", "more/text.txt": "ä\n"})
    sources = [checkouts(tmp_path / name).find(wanted) for name in ("here", "there")]
    assert [source.origin for source in sources] == ["files", "files"]
    assert sources[0].commit == sources[1].commit
    log(sources[0], tmp_path / "copy")
    assert (tmp_path / "copy/more/text.txt").read_text("utf-8") == "ä\n"


@pytest.mark.parametrize("name", ["../outside", "/tmp/outside", ".git/hooks/post-checkout"])
def test_files_stay_inside(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="stay inside"):
        checkouts(tmp_path).find(task(files={name: "x"}))
    assert not (tmp_path / "cache/files").is_dir() or not list((tmp_path / "cache/files").iterdir())


def test_one_clone_serves_all_tasks_of_a_repository(
    tmp_path: Path, new_repository: Any, serve: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = new_repository(tmp_path / "served/project")
    commits = [theirs.commit(name, story=name) for name in ("One", "Two", "Three")]
    theirs.git("update-server-info")
    url = f"{serve(tmp_path / 'served')}/project/.git"
    found = checkouts(tmp_path)
    for number, commit in enumerate(commits[:2]):
        source = found.find(task(repo=url, base_commit=commit))
        assert log(source, tmp_path / f"copy{number}") == ["Two", "One"][1 - number :]
    assert len(list((tmp_path / "cache/clones").iterdir())) == 1


def test_a_source_distribution_serves_where_the_host_is_out_of_reach(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    links = tmp_path / "links"
    links.mkdir()
    text = b"raise SystemExit('nothing of a distribution is run')\n"
    with tarfile.open(links / "project-1.0.tar.gz", "w:gz") as tar:
        for name in ("project-1.0/setup.py", "project-1.0/project.py"):
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text))
    monkeypatch.setenv("PIP_FIND_LINKS", str(links))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    sdist = {"package": "Project", "release": "1.0", "env": {"VERSION": "1.0"}, "test_cmd": "other"}
    wanted = task(repo=NOWHERE, base_commit="0" * 40, environment={"test_cmd": "usual", "sdist": sdist})
    said: list[str] = []
    found = checkouts(tmp_path, said)
    source = found.find(wanted)
    assert source.origin == "sdist"
    assert source.task.environment is not None
    assert (source.task.environment.test_command, source.task.environment.env) == ("other", {"VERSION": "1.0"})
    assert len(log(source, tmp_path / "copy")) == 2  # the words of "Initial state"
    assert "Project 1.0 serves as the repository (cannot clone http://127.0.0.1:9/owner/project" in said[0]
    # Next time it needs no network.
    assert source.commit in [likely.commit for likely in checkouts(tmp_path).likely(wanted)]


def test_without_any_route_it_is_said_what_was_tried(tmp_path: Path) -> None:
    with pytest.raises(InfrastructureError, match=r"cannot clone http://127\.0\.0\.1:9/owner/project"):
        checkouts(tmp_path).find(task(repo=NOWHERE, base_commit="0" * 40))
    with pytest.raises(InfrastructureError, match="--repositories"):
        checkouts(tmp_path).find(task(repo="no such thing"))
