"""Tasks without a container engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import UsageError
from aci_tools.sandbox import Limits, available_kinds
from tasks.images import BrokenImage, Computers, ComputerSettings
from tasks.images.store import Store
from tasks.task import Task

from .conftest import VENV, run

MakeTask = Callable[..., Task]


@pytest.fixture
def here(tmp_path: Path) -> ComputerSettings:
    if not any(found.kind == "namespace" and found.usable for found in available_kinds()):
        pytest.skip("no namespaces can be made here")
    return ComputerSettings("namespace", repositories=tmp_path / "repositories", cache=tmp_path / "cache")


def of_files() -> Task:
    row: dict[str, Any] = {"instance_id": "set__1", "repo": "", "base_commit": "", "problem_statement": ""}
    return Task.model_validate({**row, "files": {"program.py": "print('hello')\n"}})


def test_an_installed_task_runs_in_a_directory(here: ComputerSettings, make_task: MakeTask) -> None:
    said: list[str] = []
    # Setuptools may lack where the tests run; what a build backend does is not the point here.
    hook = "echo /testbed >$(python -c 'import site; print(site.getsitepackages()[0])')/story.pth"
    task = make_task(
        install=[VENV.replace(" --system-site-packages", ""), hook, "mkdir story.egg-info && touch story.egg-info/x"]
    )
    computers = Computers(here, said.append)
    ready = computers.ready(task)
    assert (ready.kind, ready.origin, ready.base_commit) == ("namespace", "git", task.base_commit)
    report = "git log --all --format=%s; git status --porcelain; command -v python; cd /"
    report += " && python -c 'import story; print(story.told)'"
    assert run(ready, report).splitlines() == ["Base 2", "First", "/testbed/.venv/bin/python", "2"]
    said.clear()
    assert Computers(here, said.append).ready(task) == ready
    assert said == []
    store = Store(here.cache_directory)
    mine = [kept for kept in store.kept() if kept.layer == "directory"]
    assert [(kept.task, kept.in_use) for kept in mine] == [(task.id, True)]
    assert mine[0].size > 10_000


def test_what_is_unusual_about_the_computer_of_a_task_is_told() -> None:
    def peculiar(settings: ComputerSettings, **fields: Any) -> dict[str, str]:
        task = Task.model_validate({"id": "t", "repo": "r", "base_commit": "c", "problem_statement": "", **fields})
        return Computers(settings, lambda line: None).peculiar(task)

    assert peculiar(ComputerSettings("local")) == {"sandbox": "local"}
    assert peculiar(ComputerSettings("docker")) == {}
    other = ComputerSettings("docker", base_image="other")
    assert peculiar(other) == peculiar(other, environment={}) == {"base_image": "other"}
    assert peculiar(other, image="published") == peculiar(other, environment={"image": "own"}) == {}


def test_a_command_that_fails_leaves_no_directory(here: ComputerSettings, make_task: MakeTask) -> None:
    with pytest.raises(BrokenImage, match="the reason"):
        Computers(here, lambda line: None).ready(make_task(install=["echo the reason; false"]))
    assert list((here.cache_directory / "directories").iterdir()) == []


def test_no_id_leads_out_of_the_cache(here: ComputerSettings, make_task: MakeTask, tmp_path: Path) -> None:
    for name in (f"{tmp_path}/outside", "../../outside", "a/b"):
        computers = Computers(here, lambda line: None)
        computers.ready(make_task().model_copy(update={"id": name}))
        with pytest.raises(BrokenImage) as caught:
            computers.ready(make_task(install=["false"]).model_copy(update={"id": name}))
        assert caught.value.log is not None
        assert caught.value.log.parent == here.cache_directory / "logs"
    kept = list((here.cache_directory / "directories").iterdir())
    assert len(kept) == 3
    assert all((place / "facts.json").is_file() for place in kept)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cache", "repositories"]


@pytest.mark.parametrize("kind", ["namespace", "local"])
def test_a_task_of_files_runs_anywhere(kind: str, here: ComputerSettings) -> None:
    ready = Computers(replace(here, kind=kind), lambda line: None).ready(of_files())
    unlimited = replace(ready, spec=replace(ready.spec, limits=Limits(pids=None)))
    assert run(unlimited, "python program.py; git rev-parse HEAD").split() == ["hello", ready.base_commit]
    assert run(unlimited, "python -m pytest --version").startswith("pytest")


def test_nothing_is_installed_into_this_machine(here: ComputerSettings, make_task: MakeTask) -> None:
    with pytest.raises(UsageError, match="not with local"):
        Computers(replace(here, kind="local"), lambda line: None).ready(make_task(install=["touch /installed"]))


def test_a_task_that_has_only_an_image_needs_an_engine(here: ComputerSettings, make_task: MakeTask) -> None:
    task = make_task().model_copy(update={"environment": None})
    with pytest.raises(UsageError, match="needs its image"):
        Computers(here, lambda line: None).ready(task)


def test_kinds_that_are_none_are_refused() -> None:
    with pytest.raises(UsageError, match="no sandbox is called 'cloud'"):
        Computers(ComputerSettings("cloud"), lambda line: None)
