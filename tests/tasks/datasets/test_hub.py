"""Data sets are fetched from a hub: a server on the loopback that speaks the endpoints which the hub documents."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from aci_tools.errors import UsageError
from tasks.datasets.hub import SHORT_NAMES, choose, is_name
from tests.listening import listening

pytest.importorskip("huggingface_hub", reason="needs the extra 'datasets'")

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PROGRAM = """
import json, sys
from aci_tools.errors import PatchwrightError
from tasks.datasets import load_tasks
said = []
try:
    ids = [task.id for task in load_tasks(sys.argv[1], split=sys.argv[2], on_fault=said.append)]
except PatchwrightError as error:
    print(json.dumps({"error": str(error), "code": error.exit_code, "said": said}))
else:
    print(json.dumps({"ids": ids, "said": said}))
"""


def rows(*names: str) -> bytes:
    common = {"repo": "o/r", "base_commit": "c", "problem_statement": "p"}
    return "".join(json.dumps({"instance_id": name} | common) + "\n" for name in names).encode()


@dataclass
class Hub:
    """A hub's data sets, by the names of their repositories, and what it was asked for."""

    sets: dict[str, dict[str, bytes]]
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        self.asked.append(path)
        parts = path.strip("/").split("/")
        start = 2 if parts[0] == "api" else 1
        repository, rest = "/".join(parts[start : start + 2]), parts[start + 2 :]
        files = self.sets.get(repository)
        if files is None:
            return 404, b'{"error": "Repository not found"}', {"X-Error-Code": "RepoNotFound"}
        if rest[:1] == ["tree"]:
            listed = [
                {"type": "file", "path": name, "size": len(data), "oid": oid(data)} for name, data in files.items()
            ]
            return 200, json.dumps(listed).encode(), {}
        if rest[:1] == ["resolve"]:
            data = files["/".join(rest[2:])]
            return 200, data, {"ETag": f'"{oid(data)}"', "X-Repo-Commit": COMMIT, "Accept-Ranges": "bytes"}
        siblings = [{"rfilename": name, "size": len(data)} for name, data in files.items()]
        information = {"_id": "1", "id": repository, "sha": COMMIT, "siblings": siblings, "private": False}
        return 200, json.dumps(information | {"downloads": 0, "likes": 0, "tags": []}).encode(), {}


def oid(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


@contextmanager
def serving(sets: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    hub = Hub(sets)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body, headers = hub.answer(unquote(urlsplit(self.path).path))
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(body)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    with listening(server):
        yield hub


Load = Callable[..., dict[str, object]]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Load a data set in a process of its own: the library reads its settings when it is imported."""

    def run(url: str, name: str, split: str = "test") -> dict[str, object]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        environment |= {"HF_ENDPOINT": url, "HF_HOME": str(tmp_path / "cache"), "HF_HUB_DISABLE_TELEMETRY": "1"}
        environment |= {"HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1"}
        command = [sys.executable, "-c", PROGRAM, name, split]
        done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    return run


LITE = {
    "README.md": b"# Lite",
    "data/dev-00000-of-00001.jsonl": rows("dev-1"),
    "data/test-00000-of-00002.jsonl": rows("test-1"),
    "data/test-00001-of-00002.jsonl": rows("test-2"),
}


def test_files_of_the_split_are_fetched_once_and_serve_when_the_hub_is_gone(load: Load) -> None:
    with serving({"SWE-bench/SWE-bench_Lite": LITE}) as hub:
        assert load(hub.url, "lite") == {"ids": ["test-1", "test-2"], "said": []}
        fetched = [path for path in hub.asked if "/resolve/" in path]
        assert not any("dev-" in path or "README" in path for path in fetched)
        hub.asked.clear()
        assert load(hub.url, "SWE-bench/SWE-bench_Lite") == {"ids": ["test-1", "test-2"], "said": []}
        assert not any("/resolve/" in path for path in hub.asked)
    said = "SWE-bench/SWE-bench_Lite: the hub does not answer, the copy in its cache is read"
    assert load(hub.url, "lite") == {"ids": ["test-1", "test-2"], "said": [said]}


def test_only_split_serves_for_another_and_is_named(load: Load) -> None:
    with serving({"SWE-Gym/SWE-Gym": {"data/train-00000-of-00001.jsonl": rows("gym-1")}}) as hub:
        said = ["SWE-Gym/SWE-Gym: has no split test, its only one is read: train"]
        assert load(hub.url, "swe-gym") == {"ids": ["gym-1"], "said": said}


def test_what_is_not_there_is_a_usage_error(load: Load) -> None:
    with serving({"o/set": LITE}) as hub:
        missing = load(hub.url, "o/none")
        assert missing["code"] == 2
        assert "neither a file here nor a data set on the hub" in str(missing["error"])
        assert load(hub.url, "o/set", "train")["error"] == "o/set: has no split 'train'; it has: dev, test"


def test_silent_hub_is_an_infrastructure_error(load: Load) -> None:
    with serving({}) as hub:
        pass
    found = load(hub.url, "verified")
    assert found["code"] == 3
    assert str(found["error"]).startswith("SWE-bench/SWE-bench_Verified: the Hugging Face hub gave no data: ")


MBPP = [f"{kind}/{split}-00000-of-00001.parquet" for kind in ("full", "sanitized") for split in ("test", "train")]


def test_configuration_is_chosen_by_name(faults: list[str]) -> None:
    assert choose("o/mbpp", MBPP, "test", "sanitized", faults.append) == ["sanitized/test-00000-of-00001.parquet"]
    with pytest.raises(UsageError, match="choose a configuration: o/mbpp:full, o/mbpp:sanitized"):
        choose("o/mbpp", MBPP, "test", "", faults.append)


def test_files_without_a_split_in_their_names_are_of_every_split(faults: list[str]) -> None:
    names = ["README.md", "data/python/data/humanevalpack.jsonl", "data/go/data/humanevalpack.jsonl", "info.json"]
    assert choose("o/pack", names, "test", "python", faults.append) == ["data/python/data/humanevalpack.jsonl"]
    hashed = ["data/test-00000-of-00001-5973903632b82d40.parquet"]
    assert choose("o/plus", hashed, "test", "", faults.append) == hashed
    assert faults == []


def test_every_short_name_stands_for_a_data_set() -> None:
    assert all(is_name(name) and is_name(SHORT_NAMES[name]) for name in SHORT_NAMES)
    assert not is_name("short")
    assert not is_name("a/b/c")
