"""A directory that is copied from and to a URL: memory, a path, and S3."""

from __future__ import annotations

import itertools
import json
import os
import threading
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from agent.batch.mirror import Mirror
from agent.batch.mirror.growth import Growth
from agent.batch.mirror.holding import Times, hold
from agent.batch.mirror.working import take_up
from tasks.object_store import Remote
from tests.object_store import BUCKET

pytest.importorskip("fsspec")
QUICK = Times(beat=0.05, lease=0.4)
PATIENT = Times(beat=0.05, lease=60)


@pytest.fixture(params=["memory", "file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = uuid.uuid4().hex
    if request.param == "memory":
        return f"memory://{name}/run"
    if request.param == "file":
        return f"file://{tmp_path}/there/run"
    for variable, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(variable, value)
    return f"s3://{BUCKET}/{name}/run"


@pytest.fixture
def new_mirror(url: str, tmp_path: Path) -> Callable[[], Mirror]:
    """A mirror of the URL on a machine that has nothing."""
    numbers = itertools.count()

    def make() -> Mirror:
        place = tmp_path / f"machine-{next(numbers)}"
        place.mkdir()
        return Mirror(url, place)

    return make


def write(mirror: Mirror, name: str, text: str, mode: str = "w") -> None:
    path = mirror.directory / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open(mode) as file:
        file.write(text)


def files(mirror: Mirror) -> dict[str, str]:
    found = {path.relative_to(mirror.directory).as_posix(): path for path in mirror.directory.rglob("*")}
    return {name: path.read_text() for name, path in found.items() if path.is_file() and not name.startswith(".")}


def until(true: Callable[[], object]) -> None:
    """Wait for what another thread does; the test's own timeout ends it."""
    pause = threading.Event()
    while not true():
        pause.wait(0.01)


def test_what_one_machine_pushes_another_pulls(new_mirror: Callable[[], Mirror]) -> None:
    here, there = new_mirror(), new_mirror()
    write(here, "run.json", "{}")
    write(here, "attempts/a/1/patch.diff", "one")
    write(here, "attempts/a/10/patch.diff", "ten")
    write(here, ".lock", "")
    write(here, "attempts/a/1/.patch.diff.new", "a draft")
    write(here, "verdicts/.under-way-key/test_output.txt", "not a verdict yet")
    here.push()
    assert sorted(here.remote.sizes()) == ["attempts/a/1/patch.diff", "attempts/a/10/patch.diff", "run.json"]
    assert not there.pull("verdicts")
    assert there.pull("run.json")
    assert there.pull("attempts/a/1")
    assert files(there) == {"run.json": "{}", "attempts/a/1/patch.diff": "one"}
    assert there.pull()
    assert files(there)["attempts/a/10/patch.diff"] == "ten"
    write(here, "run.json", "[]")
    here.close()
    assert there.pull("run.json")
    assert files(there)["run.json"] == "[]"


def test_what_a_killed_machine_wrote_is_there_line_by_line(new_mirror: Callable[[], Mirror]) -> None:
    here, name = new_mirror(), "attempts/a/1/trajectory.jsonl"
    text = ""

    def left() -> str | None:
        """What would be left if the machine died now."""
        heir = new_mirror()
        heir.pull(name)
        return files(heir).get(name)

    with here.watch("attempts/a/1", every=0.01):
        for number in range(5):
            text += f"line {number}\n"
            write(here, name, f"line {number}\ntorn", "a")
            until(lambda whole=text: left() == whole)
            os.truncate(here.directory / name, len(text))
    there = new_mirror()
    assert there.pull()
    assert files(there) == {name: text}
    assert list(there.sizes()) == [name], "the parts became one object"


def test_only_new_lines_are_sent(new_mirror: Callable[[], Mirror]) -> None:
    here = new_mirror()
    write(here, "a.jsonl", "one\n")
    growth = Growth(here.remote, "a.jsonl", here.directory / "a.jsonl")
    for text in ("two\n", "three\nfo", "ur\n", ""):
        growth.send()
        write(here, "a.jsonl", text, "a")
    growth.send()
    assert list(here.sizes().values()) == [4, 4, 6, 5]
    there = new_mirror()
    there.pull()
    assert files(there) == {"a.jsonl": "one\ntwo\nthree\nfour\n"}


def test_a_file_written_anew_is_not_taken_for_one_that_grew(new_mirror: Callable[[], Mirror]) -> None:
    here, there = new_mirror(), new_mirror()
    write(here, "a.jsonl", "one\n")
    growth = Growth(here.remote, "a.jsonl", here.directory / "a.jsonl")
    growth.send()
    write(here, "a.jsonl", "two\n", "a")
    growth.send()
    write(here, "a.jsonl", "another beginning\nand more of it\n")
    growth.send()
    there.pull()
    assert files(there) == {"a.jsonl": "another beginning\nand more of it\n"}


def test_parts_that_a_dead_machine_left_are_not_mixed_up(new_mirror: Callable[[], Mirror]) -> None:
    dead, here = new_mirror(), new_mirror()
    write(dead, "a.jsonl", "one\n")
    growth = Growth(dead.remote, "a.jsonl", dead.directory / "a.jsonl")
    growth.send()
    write(dead, "a.jsonl", "two\n", "a")
    growth.send()
    here.pull()
    with here.watch("a.jsonl", every=0.01):
        write(here, "a.jsonl", "three\n", "a")
        until(lambda: here.remote.read("a.jsonl") == b"one\ntwo\nthree\n")
        write(dead, "a.jsonl", "written by one that was thought dead\n", "a")
        growth.send()
        write(here, "a.jsonl", "four\n", "a")
        until(lambda: any("/000" in name and size == 5 for name, size in here.sizes().items()))
        heir = new_mirror()
        heir.pull()
        assert files(heir) == {"a.jsonl": "one\ntwo\nthree\nfour\n"}


def test_of_processes_that_begin_at_a_time_one_gets_the_url(url: str) -> None:
    got: list[int] = []
    refused: list[str] = []
    together, over = threading.Barrier(4), threading.Event()

    def begin() -> None:
        remote = Remote(url)
        together.wait()
        try:
            with hold(remote, lambda: None) as holding:
                got.append(holding.number)
                over.wait()
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=begin) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(refused) == 3)
    over.set()
    for thread in threads:
        thread.join()
    assert got == [1]
    assert all("another process works in it" in text for text in refused)
    with hold(Remote(url), lambda: None) as holding:
        assert holding.number == 2


def elsewhere(remote: Remote, number: int, beat: float) -> None:
    """A claim of a process on another machine."""
    content = {"id": "theirs", "owner": "another-machine:7:7", "beat": beat, "ended": False}
    remote.write(f".claims/{number:06}.json", json.dumps(content).encode())


def test_a_claim_of_another_machine_is_waited_for(url: str) -> None:
    remote = Remote(url)
    elsewhere(remote, 1, 9e12)
    with hold(remote, lambda: None, QUICK) as holding:
        assert (holding.number, holding.before) == (2, "theirs"), "it was not renewed"
    beats, over = itertools.count(), threading.Event()

    def live() -> None:
        while not over.wait(0.02):
            elsewhere(remote, 3, next(beats) + 9e12)

    elsewhere(remote, 3, 9e12)
    thread = threading.Thread(target=live)
    thread.start()
    try:
        with pytest.raises(UsageError, match="another-machine:7:7"), hold(remote, lambda: None, PATIENT):
            pass
    finally:
        over.set()
        thread.join()


def test_who_was_cut_off_hears_that_another_took_over(url: str, tmp_path: Path) -> None:
    lost = threading.Event()
    with hold(Remote(url), lost.set, QUICK) as holding:
        elsewhere(Remote(url), 2, 0.0)
        assert lost.wait(30)
    assert holding.is_lost


def test_a_directory_that_is_ahead_counts_unless_another_had_the_url_since(new_mirror: Callable[[], Mirror]) -> None:
    mine, theirs = new_mirror(), new_mirror()
    take_up(mine, "first", "")
    write(mine, "a.jsonl", "one\n")
    mine.push()
    write(mine, "a.jsonl", "two\n", "a")  # and killed
    again = Mirror(mine.remote.url, mine.directory)
    take_up(again, "second", "first")
    assert files(mine) == {"a.jsonl": "one\ntwo\n"}
    write(again, "a.jsonl", "lost\n", "a")  # killed again, and another machine goes on
    take_up(theirs, "third", "second")
    assert files(theirs) == {"a.jsonl": "one\ntwo\n"}
    write(theirs, "a.jsonl", "3\n", "a")
    theirs.close()
    take_up(Mirror(mine.remote.url, mine.directory), "fourth", "third")
    assert files(mine) == {"a.jsonl": "one\ntwo\n3\n"}


def test_a_worker_elsewhere_is_not_overwritten_by_the_directory_of_the_driver(
    new_mirror: Callable[[], Mirror],
) -> None:
    driver, worker = new_mirror(), new_mirror()
    take_up(driver, "first", "")
    write(driver, "attempts/a/1/trajectory.jsonl", "one\n")
    driver.push()
    worker.pull("attempts/a/1")
    write(worker, "attempts/a/1/trajectory.jsonl", "two\n", "a")
    write(worker, "attempts/a/1/patch.diff", "patch")
    worker.push("attempts/a/1")
    take_up(Mirror(driver.remote.url, driver.directory), "second", "first")
    assert files(driver) == files(worker)


def test_what_could_not_be_copied_is_copied_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("not a directory")
    here = Mirror(f"file://{tmp_path}/there/run", tmp_path / "here")
    with here.watch("attempts", every=0.01):
        write(here, "attempts/a/1/patch.diff", "patch")
    with pytest.raises(InfrastructureError, match="failed"):
        here.close()
    (tmp_path / "there").unlink()
    here.close()
    assert (tmp_path / "there/run/attempts/a/1/patch.diff").read_text() == "patch"


def test_what_cannot_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        Mirror("nonsense://place", tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InfrastructureError, match="failed"):
        Remote(f"file://{tmp_path}/file/below").write("a", b"")
