"""Tasks on repositories that the tests make, and computers whose images go with the tests."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import open_sandbox
from tasks.images import Computers, ComputerSettings, Ready
from tasks.images.store import Store
from tasks.task import Task

#: Makes an environment without a network.
VENV = "python3 -m venv --without-pip --system-site-packages .venv && . .venv/bin/activate"
#: Makes one that costs nothing.
SHARED = "export MODE=shared"
INSTALL = "python -m pip install --no-index --no-build-isolation --no-deps -e ."

SETUP = "from setuptools import setup\nsetup(name='story', version='1', py_modules=['story'])\n"


def run(ready: Ready, command: str) -> str:
    """What a command prints in a fresh sandbox."""
    with closing(open_sandbox(ready.kind, ready.spec)) as sandbox:
        done = sandbox.run(command)
    assert done.ok, done.text
    return done.text.strip()


@pytest.fixture(autouse=True)
def _no_pip_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip is configured to do on this machine has no part in the tests."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def make_task(tmp_path: Path, new_repository: Any) -> Callable[..., Task]:
    """Make a task on a repository of two commits before its base commit, and one after it."""
    theirs = new_repository(tmp_path / "repositories/owner/story")
    theirs.commit("First", **{"story.py": "told = 1\n", "setup.py": SETUP})
    bases = [theirs.commit(f"Base {number}", **{"story.py": f"told = {number}\n"}) for number in (2, 3)]
    theirs.commit("Future", **{"story.py": "told = 'the end'\n"})

    def make(number: int = 2, **environment: Any) -> Task:
        row = {"instance_id": f"owner__story-{number}", "repo": "owner/story", "base_commit": bases[number - 2]}
        return Task.model_validate({**row, "problem_statement": "", "environment": environment})

    return make


@pytest.fixture(scope="session")
def images(docker_image: str) -> Iterator[tuple[str, str]]:
    """A prefix for images that are removed at the end, and the image that they are put on."""
    import docker

    prefix = f"patchwright-test-{uuid.uuid4().hex[:8]}"
    yield prefix, docker_image
    with closing(docker.from_env()) as client:
        for image in client.api.images():  # not `images.list`, which fails when another test removes an image meanwhile
            for tag in image["RepoTags"] or ():
                if tag.startswith(prefix):
                    client.images.remove(tag, force=True)


@pytest.fixture
def settings(tmp_path: Path, images: tuple[str, str]) -> ComputerSettings:
    """Settings for containers."""
    prefix, base = images
    return ComputerSettings(
        "docker", base_image=base, repositories=tmp_path / "repositories", cache=tmp_path / "cache", prefix=prefix
    )


@pytest.fixture
def computers(settings: ComputerSettings) -> Computers:
    return Computers(settings, lambda line: None)


@pytest.fixture
def store(settings: ComputerSettings) -> Iterator[Store]:
    """The images under the tests' prefix, none at first and none at the end."""
    made = Store(settings.cache_directory, prefix=settings.prefix)
    made.prune(everything=True)
    yield made
    Store(settings.cache_directory / "nobody's", prefix=settings.prefix).prune(everything=True)
