"""What tests come to before any change: found out once an image, in a sandbox of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import Sandbox, SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.testing import run_project_tests
from agent.baselines import Baselines
from agent.config import Config
from agent.config_files import load_config
from tests.agent.conftest import git

pytestmark = pytest.mark.docker

#: The second test fails where a file is that somebody left outside the repository.
TESTS = """from pathlib import Path

from calc import add, twice


def test_add():
    assert add(2, 1) == 3


def test_twice():
    assert twice(2) == 4 and not Path("/opt/left").exists()
"""
FIXED = b"def add(a, b):\n    return a + b\n\n\ndef twice(a):\n    return a * 2\n"


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return load_config(["default"], [f"tasks.cache={tmp_path}/cache"], {})


@pytest.fixture
def maker(repository: Path, docker_image: str) -> Iterator[Sandbox]:
    """A sandbox whose snapshots are images with the repository in them."""
    (repository / "test_calc.py").write_text(TESTS)
    git(repository, "add", "-A")
    git(repository, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Test")
    with contextlib.closing(open_sandbox("docker", SandboxSpec(image=docker_image, repository=repository))) as made:
        yield made


@contextlib.contextmanager
def opened(spec: SandboxSpec) -> Iterator[Sandbox]:
    with contextlib.closing(open_sandbox("docker", spec)) as sandbox:
        yield sandbox


class Found:
    """Counts how often it had to be found out."""

    def __init__(self, lasting: bool = True) -> None:
        self.lasting = lasting
        self.places: list[str] = []

    def __call__(self, fresh: Sandbox) -> tuple[dict[str, Any], bool]:
        self.places.append(fresh.id)
        return {"seen": len(self.places)}, self.lasting


def test_attempts_on_one_image_share_what_one_of_them_found(config: Config, maker: Sandbox) -> None:
    spec = SandboxSpec(image=maker.snapshot())
    found = Found()
    for _ in range(2):
        with opened(spec) as sandbox:
            baselines = Baselines.of(config, sandbox, "base")
            assert baselines is not None
            assert baselines.once({"what": 1}, found) == {"seen": 1}
            assert sandbox.id not in found.places


@pytest.mark.parametrize("changed", ["image", "variable", "limit", "commit", "question"])
def test_nothing_is_shared_between_what_differs(config: Config, maker: Sandbox, changed: str) -> None:
    first = SandboxSpec(image=maker.snapshot())
    second, base, what = first, "base", 1
    if changed == "image":
        maker.run("touch other.txt")
        second = SandboxSpec(image=maker.snapshot())
    elif changed == "variable":
        second = replace(first, env={"SEED": "1"})
    elif changed == "limit":
        second = replace(first, limits=replace(first.limits, memory=1 << 30))
    elif changed == "commit":
        base = "other"
    else:
        what = 2
    found = Found()
    for spec, commit, asked in ((first, "base", 1), (second, base, what)):
        with opened(spec) as sandbox:
            baselines = Baselines.of(config, sandbox, commit)
            assert baselines is not None
            baselines.once({"what": asked}, found)
    assert len(found.places) == 2


def test_what_did_not_come_to_its_end_is_not_kept(config: Config, maker: Sandbox) -> None:
    found = Found(lasting=False)
    with opened(SandboxSpec(image=maker.snapshot())) as sandbox:
        baselines = Baselines.of(config, sandbox, "base")
        assert baselines is not None
        assert [baselines.once({"what": 1}, found), baselines.once({"what": 1}, found)] == [{"seen": 1}, {"seen": 2}]


def test_a_repository_that_was_copied_in_has_none(config: Config, maker: Sandbox) -> None:
    assert Baselines.of(config, maker, "base") is None


def test_what_an_attempt_did_outside_the_repository_is_not_in_the_baseline(config: Config, maker: Sandbox) -> None:
    with opened(SandboxSpec(image=maker.snapshot())) as sandbox:
        settings = SessionSettings(test_command="python3 -m pytest -q")
        session = Session(sandbox, settings, pristine=Baselines.of(config, sandbox, "HEAD"))
        session.sandbox.run("mkdir -p /opt && touch /opt/left")
        session.write("calc.py", FIXED)
        report = run_project_tests(session)
        assert report.results == {"test_calc.py::test_add": "passed", "test_calc.py::test_twice": "failed"}
        assert session.baseline is not None
        assert session.baseline.results == {"test_calc.py::test_add": "failed", "test_calc.py::test_twice": "passed"}
        assert session.sandbox.read("calc.py") == FIXED
