"""Images that one machine made and another has: from a registry, and from layers at a URL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tasks.images import Computers, ComputerSettings
from tasks.images.store import Store
from tasks.task import Task

from .conftest import SHARED, run

pytestmark = [pytest.mark.cluster, pytest.mark.docker]
MakeTask = Callable[..., Task]
_CONFIGURATION = """\
version: 0.1
log: {{accesslog: {{disabled: true}}, level: error}}
storage: {{filesystem: {{rootdirectory: {root}}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[str]:
    """The address of a registry of its own."""
    program = shutil.which("docker-registry")
    if program is None and os.environ.get("CI"):
        pytest.fail("CI needs a registry: apt-get install docker-registry")
    if program is None:
        pytest.skip("no registry is installed here (Debian: docker-registry)")
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configuration = tmp_path / "registry.yml"
    configuration.write_text(_CONFIGURATION.format(root=tmp_path / "registry", port=port))
    with subprocess.Popen([program, "serve", configuration], stderr=subprocess.DEVNULL) as process:
        try:
            while True:
                try:
                    urllib.request.build_opener(urllib.request.ProxyHandler({})).open(f"http://127.0.0.1:{port}/v2/")
                    break
                except OSError:
                    assert process.poll() is None
            yield f"127.0.0.1:{port}/team"
        finally:
            process.terminate()


@pytest.fixture(params=["registry", "store"])
def shared(request: pytest.FixtureRequest, settings: ComputerSettings, tmp_path: Path) -> ComputerSettings:
    """Settings of a machine that shares what it builds."""
    if request.param == "registry":
        return replace(settings, registry=request.getfixturevalue("registry"), push=True)
    pytest.importorskip("fsspec")
    return replace(settings, store=f"file://{tmp_path}/images", push=True)


def another_machine(settings: ComputerSettings, store: Store, said: list[str]) -> Computers:
    """Computers of a machine that has no image of a task yet."""
    store.prune(everything=True)
    assert store.kept() == []
    cache = settings.cache_directory.parent / f"cache-{len(list(settings.cache_directory.parent.iterdir()))}"
    return Computers(replace(settings, cache=cache), said.append)


def ready(computers: Computers, task: Task, command: str = "cat story.py; echo $MODE; cat /data") -> str:
    made = computers.ready(task)
    try:
        return run(made, command)
    finally:
        computers.release(made)


def test_what_one_machine_builds_another_has(shared: ComputerSettings, make_task: MakeTask, store: Store) -> None:
    first, second = (make_task(number, install=[SHARED, f"echo data {number} >/data"]) for number in (2, 3))
    builder = Computers(shared, lambda line: None)
    expected = ready(builder, first)
    kept = {item.name: item.size for item in store.kept()}
    said: list[str] = []
    user = another_machine(shared, store, said)
    assert ready(user, first) == expected == "told = 2\nshared\ndata 2"
    assert [line for line in said if "building" in line] == []
    assert {item.name: item.size for item in store.kept()} == kept, "the layers below are known by their names again"
    ready(user, second)
    assert ["building the repository layer" in line for line in said if "building" in line] == [True]
    said.clear()
    assert ready(another_machine(shared, store, said), second) == "told = 3\nshared\ndata 3"
    assert [line for line in said if "building" in line] == []


def test_a_layer_that_images_share_is_sent_once(
    settings: ComputerSettings, make_task: MakeTask, store: Store, tmp_path: Path
) -> None:
    pytest.importorskip("fsspec")
    computers = Computers(replace(settings, store=f"file://{tmp_path}/images", push=True), lambda line: None)

    def stored() -> set[str]:
        return {path.name for path in (tmp_path / "images/layers/sha256").iterdir()}

    ready(computers, make_task(2, install=[SHARED, "echo two >/data"]))
    before = stored()
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "images").rglob("*.tar.gz")}
    ready(computers, make_task(3, install=[SHARED, "echo three >/data"]))
    assert len(stored() - before) == 1
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_layer_that_was_damaged_on_the_way_is_not_used(
    settings: ComputerSettings, make_task: MakeTask, store: Store, tmp_path: Path
) -> None:
    pytest.importorskip("fsspec")
    shared = replace(settings, store=f"file://{tmp_path}/images", push=True)
    task = make_task(2, install=["echo two >/data"])
    ready(Computers(shared, lambda line: None), task)
    layers = sorted((tmp_path / "images/layers/sha256").iterdir(), key=lambda path: path.stat().st_mtime_ns)
    layers[-1].write_bytes(layers[0].read_bytes())
    said: list[str] = []
    assert ready(another_machine(shared, store, said), task, "cat /data") == "two"
    assert any("building" in line for line in said)


@pytest.mark.parametrize("place", [{"registry": "127.0.0.1:1"}, {"store": "file:///proc/nowhere"}])
def test_where_a_place_fails_images_are_built_and_kept_here(
    settings: ComputerSettings, make_task: MakeTask, store: Store, place: dict[str, str]
) -> None:
    said: list[str] = []
    computers = Computers(replace(settings, **place, push=True), said.append)  # type: ignore[arg-type]
    assert ready(computers, make_task(2, install=["echo two >/data"]), "cat /data") == "two"
    assert any("kept on this machine alone" in line for line in said)
