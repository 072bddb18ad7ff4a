"""The environment of each project: found out from its files, made in a container image, and its tests run there."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aci_tools.sandbox import SandboxSpec
from aci_tools.testing import try_out
from tasks.environments import Environments, Tree, propose
from tasks.images import ComputerSettings
from tasks.images.store import Store
from tasks.repository import prepare
from tests.languages.repositories import PROJECTS, Project

#: What the default image has already.
_AT_HAND = {"python3", "git"}
#: Debian's copies of what Maven and Gradle take from the network elsewhere.
_ARTEFACT = re.compile(r"lib.*-java|junit")


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_what_a_project_needs_is_found_out(project: Project, tmp_path: Path) -> None:
    found = propose(Tree(project.write(tmp_path / project.name)))
    tools = {name for name in project.packages if name not in _AT_HAND and not _ARTEFACT.match(name)}
    assert tools <= {*found.toolchain, *found.packages}
    assert bool(project.packages or project.install) != found.empty
    if project.install:
        assert found.install


@pytest.fixture
def settings(tmp_path: Path, languages_image: str) -> Iterator[ComputerSettings]:
    prefix = f"patchwright-test-{os.getpid()}-{os.urandom(3).hex()}"
    yield ComputerSettings("docker", base_image=languages_image, cache=tmp_path / "cache", prefix=prefix)
    Store(tmp_path / "nobody's", prefix=prefix).prune(everything=True)


@pytest.mark.docker
@pytest.mark.languages
@pytest.mark.timeout(600)
@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_its_tests_run_without_being_told(project: Project, settings: ComputerSettings, tmp_path: Path) -> None:
    prepared = prepare(str(project.write(tmp_path / project.name)), None, tmp_path / "prepared")
    tree = Tree(prepared.path)
    made = Environments(settings, 4096, print).make(propose(tree), tree, prepared.path)
    tried = try_out("docker", SandboxSpec(repository=prepared.path, image=made.image), 300.0)
    assert tried.problem == ""
    assert tried.counts["skipped"] == project.skipped
    assert tried.counts["passed"] == len(project.passed)
    failing = tried.counts.get("failed", 0) + tried.counts.get("error", 0)
    assert failing == (2 if project.language == "Go" else 1)  # Go counts a test above its parts
