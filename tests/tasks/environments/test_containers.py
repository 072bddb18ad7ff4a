"""Environments made in real containers, by the commands that a repository pins, which need no network here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.testing import Tryout, try_out
from tasks.environments import Environments, Made, Tree, propose
from tasks.images import ComputerSettings
from tasks.images.store import Store
from tasks.repository import prepare

pytestmark = pytest.mark.docker

CODE = "def add(a, b):\n    return a + b\n"
TEST = "from calc import add\n\ndef test_add():\n    assert add(1, 2) == 3\n"


@pytest.fixture
def settings(docker_image: str, tmp_path: Path) -> Iterator[ComputerSettings]:
    """Settings under which images are removed at the end."""
    prefix = f"patchwright-test-{os.getpid()}-{os.urandom(3).hex()}"
    yield ComputerSettings("docker", base_image=docker_image, cache=tmp_path / "cache", prefix=prefix)
    Store(tmp_path / "nobody's", prefix=prefix).prune(everything=True)


class Project:
    """A repository that pins its environment.

    Attributes:
        repository: The repository.
        said: What was told while it was made.
    """

    def __init__(self, repository: Any, settings: ComputerSettings) -> None:
        self.repository, self.said = repository, list[str]()
        self.environments = Environments(settings, 1024, self.said.append)

    def pin(self, **environment: Any) -> None:
        text = yaml.safe_dump({"environment": environment})
        self.repository.commit("Pin", **{".patchwright.yaml": text, "calc.py": CODE, "test_calc.py": TEST})

    def make(self, *, again: bool = False) -> Made:
        tree = Tree(self._prepared())
        return self.environments.make(propose(tree), tree, self._prepared(), again=again)

    def try_out(self, made: Made) -> Tryout:
        return try_out("docker", SandboxSpec(repository=self._prepared(), image=made.image), 60.0)

    def _prepared(self) -> Path:
        place: Path = self.repository.path.parent / self.repository.git("rev-parse", "HEAD")
        if not place.exists():
            prepare(str(self.repository.path), None, place)
        return place

    def run(self, made: Made, command: str) -> str:
        with closing(open_sandbox("docker", SandboxSpec(repository=self._prepared(), image=made.image))) as sandbox:
            done = sandbox.run(command)
        assert done.ok, done.text
        return done.text.strip()


@pytest.fixture
def project(tmp_path: Path, new_repository: Any, settings: ComputerSettings) -> Project:
    return Project(new_repository(tmp_path / "project"), settings)


def test_what_was_installed_is_there_and_is_no_change_of_the_repository(project: Project) -> None:
    install = [
        "mkdir -p deps/a && echo inside >deps/a/b",
        "echo outside >/opt/made",
        "echo changed >>calc.py",
        "export LEVEL=3",
    ]
    project.pin(install=install, env={"MODE": "fast"})
    seen = "cat deps/a/b /opt/made; echo $MODE $LEVEL; tail -n 1 calc.py; git status --porcelain; git rev-parse HEAD"
    head = project.repository.git("rev-parse", "HEAD")
    expected = ["inside", "outside", "fast 3", "    return a + b", head]
    assert project.run(project.make(), seen).splitlines() == expected


def test_it_is_made_anew_only_when_an_input_changes(project: Project) -> None:
    project.pin(install=["cp needs.txt made.txt"], inputs=["needs.txt"])
    project.repository.commit("Needs", **{"needs.txt": "one\n"})
    first = project.make()
    project.repository.commit("Other", **{"other.py": "x = 1\n"})
    second = project.make()
    assert (first.built, second.built, first.image == second.image) == (True, False, True)
    assert project.run(second, "cat made.txt other.py needs.txt").splitlines() == ["one", "x = 1", "one"]
    project.repository.commit("Needs more", **{"needs.txt": "two\n"})
    third = project.make()
    assert third.built
    assert project.run(third, "cat made.txt needs.txt; git status --porcelain").splitlines() == ["two", "two"]


def test_what_cannot_be_installed_is_said_and_remembered_until_it_is_tried_again(
    project: Project, docker_image: str
) -> None:
    project.pin(install=["test ! -e /opt/made", "echo the reason >&2; exit 3"])
    made = project.make()
    assert made.image == docker_image
    assert "the reason" in made.notes[0]
    tries = len(project.said)
    assert "known from before" in project.make().notes[0]
    assert len(project.said) == tries
    project.make(again=True)
    assert len(project.said) > tries


def test_an_image_that_cannot_be_had_is_stood_in_for(project: Project) -> None:
    project.pin(image="localhost:9/nothing:1", install=["echo made >/opt/made"])
    made = project.make()
    assert made.notes == ("the image localhost:9/nothing:1 cannot be had; Debian's packages stand in for it",)
    assert project.run(made, "cat /opt/made") == "made"


def test_packages_that_are_there_already_need_no_network(project: Project) -> None:
    project.pin(packages=["git", "sed"])
    assert project.make().notes == ()


def test_installation_sees_no_password_and_shares_no_cache(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    (wheels / "canary-wheel").touch()
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://user:canary-password@index.invalid/simple https://open.invalid/")
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary-proxy@proxy.invalid:8080")
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "https://npm.invalid/")
    bound = "cat /sys/fs/cgroup/memory.max || cat /sys/fs/cgroup/memory/memory.limit_in_bytes"
    project.pin(install=["{ env; cat /proc/mounts; ls -R /run; } >/opt/seen", f"{{ {bound}; }} >>/opt/seen"])
    seen = project.run(project.make(), "cat /opt/seen")
    assert "canary" not in seen
    assert "https://open.invalid/" in seen
    assert "https://npm.invalid/" in seen
    assert "/run/patchwright/pip" not in [line.split()[1] for line in seen.splitlines() if line.count(" ") == 5]
    assert str(1024 * 1024 * 1024) in seen.split()


def test_the_tests_are_tried_without_a_network(project: Project) -> None:
    project.pin(env={"MODE": "fast"})
    made = project.make()
    tried = project.try_out(made)
    assert (tried.counts, tried.problem) == ({"passed": 1}, "")
    assert project.environments.remembered(made, "a") is None
    project.environments.remember(made, "a", tried)
    assert project.environments.remembered(made, "a") == tried


def test_tests_that_cannot_run_are_no_success(project: Project) -> None:
    project.pin(env={"MODE": "fast"})
    project.repository.commit("Break", **{"test_calc.py": "import missing_module\n"})
    tried = project.try_out(project.make())
    assert "no test ran" in tried.problem
    assert "missing_module" in tried.problem


def test_the_pinned_test_command_is_the_one_that_runs(project: Project) -> None:
    project.pin(
        test_command="python3 -m pytest -q -k nothing_of_this_name || echo 'TAP version 13\nok 1 - own'", parser="tap"
    )
    tried = project.try_out(project.make())
    assert (tried.source, tried.parser, tried.counts) == (".patchwright.yaml", "tap", {"passed": 1})


def test_an_environment_is_pruned_when_there_is_too_little_room(project: Project, settings: ComputerSettings) -> None:
    project.environments = Environments(replace(settings, disk_budget=1), 1024, project.said.append)
    project.pin(install=["head -c 100000 /dev/urandom >/opt/made"])
    made = project.make()
    assert project.run(made, "ls /opt/made") == "/opt/made"  # in use by this process
    kept = Store(settings.cache_directory, prefix=settings.prefix).kept()
    assert [item.layer for item in kept] == ["dependencies"]
