"""What the tests share: an image made without a registry, small repositories made on the spot."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# A runner that was started in the background ignores Ctrl-C and hands that down to the programs that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def docker_answers() -> bool:
    """Whether a Docker engine answers here."""
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


@pytest.fixture(scope="session")
def docker_image() -> str:
    """Tag of a small image with sh, bash, git and python3. In CI a missing engine is a failure, elsewhere a skip."""
    if not docker_answers():
        if os.environ.get("CI"):
            pytest.fail("CI needs a Docker engine: run scripts/start-docker")
        pytest.skip("no Docker engine answers (scripts/start-docker starts one on Debian)")
    made = subprocess.run([str(ROOT / "scripts" / "base-image")], capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return made.stdout.strip().splitlines()[-1]


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    """The environment in which programs reach a server that speaks S3, on loopback; it has the bucket ``runs``.

    One for all tests: s3fs keeps its connections by the settings it was opened with, which do not name the server.
    """
    fsspec = pytest.importorskip("fsspec")
    pytest.importorskip("s3fs")
    pytest.importorskip("moto")
    from tests.object_store import BUCKET, serving_s3

    with serving_s3() as env:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in env.items():
                patch.setenv(name, value)
            fsspec.filesystem("s3").mkdir(BUCKET)
        yield env
