"""The environment of a repository by the command line: shown, made, pinned, and used by ``agent solve``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from .conftest import FIX, SUBMIT, User, call

TEST = "import helper\nfrom calc import add\n\ndef test_add():\n    assert add(1, 2) == helper.THREE\n"
#: Puts a module where Python looks for it, as installing a package does, without a network.
PIN = """\
environment:
  install:
    - mkdir -p /opt/modules && echo THREE = 3 >/opt/modules/helper.py
    - export PYTHONPATH=/opt/modules
  env: {MODE: fast}
"""


@pytest.fixture
def pinned_only(user: User) -> User:
    """A user whose repository needs a module."""
    (user.repository / "test_calc.py").write_text(TEST)
    (user.repository / ".patchwright.yaml").write_text(PIN)
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Pin")
    return user


@pytest.fixture
def pinned(pinned_only: User, docker_image: str) -> Iterator[User]:
    """The same; the images that are made are removed."""
    user = pinned_only
    yield user
    import docker

    with closing(docker.from_env()) as client:
        for log in (user.home / "cache/patchwright/tasks/logs").glob("*.log"):
            client.images.remove(f"patchwright/layer:{log.stem}", force=True)


def test_what_would_be_installed_is_said_without_an_engine(user: User) -> None:
    (user.repository / "requirements.txt").write_text("attrs\n")
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Needs")
    done = user.agent(
        "environment", "--repo", str(user.repository), "--dry-run", env={**user.env, "DOCKER_HOST": "tcp://127.0.0.1:9"}
    )
    assert done.returncode == 0, done.stderr
    assert "install   python -m pip install -r requirements.txt" in done.stdout
    assert "why       requirements.txt lists requirements" in done.stdout


@pytest.mark.docker
def test_an_attempt_runs_in_what_was_installed_and_says_so(pinned: User) -> None:
    look = call(
        "bash", command='echo "mode $MODE"; python3 -B -m pytest -q -p no:cacheprovider test_calc.py | tail -n 1'
    )
    done = pinned.solve(FIX, look, SUBMIT, sandbox="docker", more=("--output", str(pinned.home / "out")))
    assert done.returncode == 0, done.stderr
    assert done.stdout == pinned.patch
    assert "environment: .patchwright.yaml says it" in done.stderr
    assert "the tests run: 1 failed (test files)" in done.stderr
    recorded = (pinned.home / "out/trajectory.jsonl").read_text()
    assert "mode fast" in recorded
    assert "1 passed in" in recorded
    again = pinned.agent("replay", str(pinned.home / "out/trajectory.jsonl"))
    assert again.returncode == 0, again.stderr


def test_what_is_missing_is_said_where_nothing_can_be_installed(pinned_only: User) -> None:
    done = pinned_only.solve(FIX, SUBMIT, sandbox="local")
    assert done.returncode == 0, done.stderr
    said = "nothing is installed in a local sandbox (.patchwright.yaml says it): it has what this machine has"
    assert said in done.stderr


@pytest.mark.docker
def test_nothing_is_installed_where_it_is_not_wanted(pinned: User) -> None:
    done = pinned.solve(FIX, SUBMIT, sandbox="docker", more=("--set", "sandbox.detect=false"))
    assert done.returncode == 0, done.stderr
    assert "environment:" not in done.stderr


@pytest.mark.docker
def test_what_was_found_is_written_to_the_repository_once(user: User, docker_image: str) -> None:
    (user.repository / "test_calc.py").write_text(TEST.replace("helper.THREE", "3").replace("import helper\n", ""))
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Test")
    done = user.agent("environment", "--repo", str(user.repository), "--write", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["tests"]["counts"] == {"failed": 1}
    written = Path(user.repository / ".patchwright.yaml")
    assert yaml.safe_load(written.read_text()) == {
        "environment": {"test_command": "python3 -m pytest -q", "parser": "pytest"}
    }
    refused = user.agent("environment", "--repo", str(user.repository), "--write")
    assert refused.returncode == 2
    assert "is there already" in refused.stderr


def test_a_pin_that_is_wrong_is_one_line(user: User) -> None:
    (user.repository / ".patchwright.yaml").write_text("environment: {instal: [a]}\n")
    user.git("add", "-A")
    user.git("commit", "-q", "-m", "Pin")
    done = user.agent("environment", "--repo", str(user.repository), "--dry-run")
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith("agent: .patchwright.yaml: environment.instal: ")
