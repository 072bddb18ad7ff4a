"""Images built in layers, in real containers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError
from tasks.images import BrokenImage, Computers, ComputerSettings
from tasks.images import history as history_layers
from tasks.images.store import Store
from tasks.task import Task

from .conftest import INSTALL, SHARED, VENV, run

pytestmark = pytest.mark.docker
MakeTask = Callable[..., Task]


def test_a_task_runs_in_its_environment_at_its_base_commit(computers: Computers, make_task: MakeTask) -> None:
    task = make_task(install=[VENV, INSTALL], env={"MODE": "fast"}, python="3")
    ready = computers.ready(task)
    assert (ready.kind, ready.origin, ready.base_commit) == ("docker", "git", task.base_commit)
    report = """
git log --all --format=%s; git status --porcelain; git rev-parse HEAD; command -v python; echo $MODE $VIRTUAL_ENV
cd / && python -c 'import story; print(story.told, story.__file__)'; ls -d /testbed/*.egg-info"""
    assert run(ready, report).splitlines() == [
        "Base 2",
        "First",
        task.base_commit,
        "/testbed/.venv/bin/python",
        "fast /testbed/.venv",
        "2 /testbed/story.py",
        "/testbed/story.egg-info",
    ]


def test_an_installation_sees_the_tags_of_the_past_and_an_agent_none(
    computers: Computers, make_task: MakeTask, tmp_path: Path
) -> None:
    task = make_task(install=["git describe --tags >.git/described"])
    repository = tmp_path / "repositories/owner/story"
    for name, commit in (("v1.0", f"{task.base_commit}~1"), ("v9.0", "HEAD")):
        subprocess.run(["git", "-C", repository, "tag", name, commit], check=True)
    ready = computers.ready(task)
    described, *tags = run(ready, "cat .git/described; git for-each-ref --format='%(refname)'").splitlines()
    assert described.startswith("v1.0-1-g")
    assert tags == ["refs/heads/main"]


def test_tasks_share_the_layers_that_they_have_in_common(
    computers: Computers, make_task: MakeTask, store: Store
) -> None:
    for number in (2, 3):
        computers.ready(make_task(number, install=[SHARED, "true"]))
    assert sorted(kept.layer for kept in store.kept()) == ["environment", "repository", "repository"]
    computers.ready(make_task(3, install=[SHARED, "true"], env={"OTHER": "1"}))
    assert sorted(kept.layer for kept in store.kept()) == ["environment"] * 2 + ["repository"] * 3


def test_old_history_is_a_layer_that_tasks_share(
    computers: Computers, make_task: MakeTask, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history_layers, "_EVERY", 1)
    for number, told in ((2, ["Base 2", "First"]), (3, ["Base 3", "Base 2", "First"])):
        ready = computers.ready(make_task(number))
        check = "git fsck --full --strict 2>&1 && git log --all --format=%s && git blame -s story.py >/dev/null"
        assert run(ready, check).splitlines() == told
        objects = "git cat-file --batch-all-objects --batch-check | wc -l && git rev-list --objects HEAD | wc -l"
        held, reached = run(ready, objects).split()
        assert held == reached
    assert "history" in {kept.layer for kept in store.kept()}


def test_however_many_ask_a_layer_is_built_once(
    settings: ComputerSettings, make_task: MakeTask, store: Store, tmp_path: Path
) -> None:
    said: list[str] = []
    several = [Computers(settings, said.append) for _ in range(3)]
    task = make_task(install=[SHARED, "echo once >> /built"])
    program = """
import json, sys
from pathlib import Path
from tasks.images import Computers, ComputerSettings
from tasks.task import Task
given = json.loads(sys.argv[1])
given |= {name: Path(given[name]) for name in ("repositories", "cache")}
print(Computers(ComputerSettings(**given), print).ready(Task.model_validate_json(sys.argv[2])).base_commit)
"""
    argv = [
        sys.executable,
        "-c",
        program,
        json.dumps(asdict(settings), default=str),
        task.model_dump_json(by_alias=True),
    ]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as another, ThreadPoolExecutor(6) as pool:
        found = list(pool.map(lambda number: several[number % 3].ready(task), range(6)))
        told = another.communicate(timeout=100)[0].splitlines()
    assert len({ready.spec.image for ready in found}) == 1
    building = [line for line in (*said, *told[:-1]) if "building" in line]
    assert len(building) == 2
    assert told[-1] == found[0].base_commit
    assert run(found[0], "cat /built") == "once"


def test_a_command_that_fails_makes_a_broken_image(computers: Computers, make_task: MakeTask, store: Store) -> None:
    # Of `a && b` a shell that stops at the first failure does not mind a failing a.
    task = make_task(install=["echo begun", "sh -c 'echo the reason; exit 3' && true", "echo unreached"])
    with pytest.raises(BrokenImage, match="the reason") as caught:
        computers.ready(task)
    assert caught.value.log is not None
    log = caught.value.log.read_text()
    assert "begun" in log
    assert "unreached" not in log
    assert [kept for kept in store.kept() if kept.layer == "repository"] == []


def test_a_python_that_the_base_image_lacks_is_named(computers: Computers, make_task: MakeTask) -> None:
    with pytest.raises(BrokenImage, match=r"no python3\.99: choose another with --base-image"):
        computers.ready(make_task(install=["true"], python="3.99"))


def test_commands_that_take_too_long_are_ended(settings: ComputerSettings, make_task: MakeTask) -> None:
    computers = Computers(replace(settings, build_timeout=2.0), lambda line: None)
    with pytest.raises(BrokenImage, match="not done after 2 seconds"):
        computers.ready(make_task(install=["sleep 100"]))


def test_a_network_that_fails_is_no_fault_of_the_task(settings: ComputerSettings, make_task: MakeTask) -> None:
    said: list[str] = []
    install = "python3 -m pip install --break-system-packages --retries 1 -i http://127.0.0.1:9/simple nothing"
    with pytest.raises(InfrastructureError, match="the network failed"):
        Computers(settings, said.append).ready(make_task(install=[install]))
    assert len([line for line in said if "trying again" in line]) == 2


def test_what_an_installation_changes_is_no_change_of_an_agent(computers: Computers, make_task: MakeTask) -> None:
    install = "echo 'told = 7' >story.py && mkdir 'a b' && touch 'a b/c' '#d' 'e[1].txt' f.pyc"
    task = make_task(install=[install])
    ready = computers.ready(task)
    assert ready.base_commit != task.base_commit
    assert run(ready, "git status --porcelain; git rev-parse HEAD HEAD~1; cat story.py").splitlines() == [
        ready.base_commit,
        task.base_commit,
        "told = 7",
    ]
    assert run(ready, "echo new >g; git status --porcelain") == "?? g"


def test_nothing_of_how_a_build_reaches_the_network_stays_in_the_image(
    computers: Computers, make_task: MakeTask, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import docker

    authorities = tmp_path / "authorities.pem"
    authorities.write_text("canary-authority\n")
    for name in ("PIP_CERT", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(name, str(authorities))
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "https://user:canary-password@index.invalid/simple")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:canary-proxy@proxy.invalid:8080")
    seen = 'env | grep -c canary- && cat "$SSL_CERT_FILE" && env | grep INDEX_URL && cp /proc/self/environ /dev/null'
    fail = "false"
    with pytest.raises(BrokenImage) as caught:
        computers.ready(make_task(2, install=[seen, fail]))
    assert caught.value.log is not None
    log = caught.value.log.read_text()
    assert "canary-authority" in log
    assert "https://user:****@index.invalid/simple" in log
    assert "canary-p" not in log + str(caught.value)

    ready = computers.ready(make_task(3, install=[VENV, seen, INSTALL]))
    with closing(docker.from_env()) as client:
        image = client.images.get(ready.spec.image)
        assert "canary" not in json.dumps([image.attrs, image.history()])
    search = "grep -rls canary- / --exclude-dir=proc --exclude-dir=sys --exclude-dir=dev; env | grep canary-; true"
    assert run(ready, search) == ""


def test_a_task_of_files_needs_no_image_of_its_own(computers: Computers, store: Store) -> None:
    row: dict[str, Any] = {"instance_id": "set__1", "repo": "", "base_commit": "", "problem_statement": ""}
    ready = computers.ready(Task.model_validate({**row, "files": {"program.py": "print('hello')\n"}}))
    assert ready.origin == "files"
    assert run(ready, "python3 program.py; git rev-parse HEAD").split() == ["hello", ready.base_commit]
    assert store.kept() == []
