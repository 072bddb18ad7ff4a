"""Downloads a source distribution from wherever pip is configured to look, without executing anything of it."""

from __future__ import annotations

import hashlib
import re
import ssl
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urljoin, urlsplit

from aci_tools.errors import InfrastructureError
from tasks.pip_settings import pip_settings

if TYPE_CHECKING:
    from httpx2 import Client

_TIMEOUT = 60.0


def download(package: str, version: str, directory: Path, *, sha256: str | None = None) -> Path:
    """Download a source distribution.

    ``pip download`` would run the package's build for its metadata, with build requirements of its own. So the file is
    looked up here, in the directories and indexes of pip's configuration; pip itself is only asked where that is not
    enough, as for an index whose password is in a keyring.

    Args:
        package: Name of the package.
        version: Its exact version.
        directory: Where the file goes; made if it is not there.
        sha256: Digest of the file, in hexadecimal; a file with another is never kept. ``None``: the first one found is.

    Raises:
        InfrastructureError: No place has that file, or none could be reached.
    """
    directory.mkdir(parents=True, exist_ok=True)
    settings = pip_settings()
    problems: list[str] = []
    with _client(settings) as client:
        for place in _places(settings, package):
            try:
                for address in _links(client, place):
                    name = unquote(urlsplit(address).path).rpartition("/")[2]
                    if not _is_sdist(name, package, version):
                        continue
                    content = _content(client, address)
                    if sha256 in (None, hashlib.sha256(content).hexdigest()):
                        (directory / name).write_bytes(content)
                        return directory / name
                    problems.append(f"{name} has another SHA-256 than expected")
            except InfrastructureError as error:
                problems.append(str(error))
    return _by_pip(package, version, sha256, directory, problems)


def unpack(archive: Path, directory: Path) -> Path:
    """Unpack a source distribution.

    Args:
        archive: What `download` gave.
        directory: Where to; made if it is not there.

    Returns:
        The one directory that it consists of.

    Raises:
        InfrastructureError: It is damaged, or no source distribution.
    """
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(directory, filter="data")
        (top,) = directory.iterdir()
    except (tarfile.TarError, OSError, ValueError) as error:
        raise InfrastructureError(f"cannot unpack {archive.name}: {error}") from error
    return top


def _by_pip(package: str, version: str, sha256: str | None, directory: Path, problems: list[str]) -> Path:
    requirements = directory / "requirements.txt"
    requirements.write_text(f"{package}=={version}{f' --hash=sha256:{sha256}' if sha256 else ''}\n")
    options = ["--quiet", "--no-deps", "--no-binary", ":all:", "--dest", str(directory)]
    options += ["--require-hashes"] if sha256 else []
    done = subprocess.run(
        [sys.executable, "-m", "pip", "download", *options, "-r", str(requirements)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    found = [file for file in directory.iterdir() if _is_sdist(file.name, package, version)]
    if done.returncode != 0 or not found:
        said = [line.removeprefix("ERROR: ") for line in done.stderr.splitlines() if line.startswith("ERROR: ")]
        reason = "; ".join(dict.fromkeys([*problems, *said[-1:]])) or "no index has it"
        raise InfrastructureError(f"cannot download {package} {version}: {reason}")
    return found[0]


def _default_index() -> str:
    """The index that pip takes where none is configured; only pip knows it."""
    from pip._internal.models.index import PyPI

    return str(PyPI.simple_url)


def _client(settings: dict[str, list[str]]) -> Client:
    import httpx2

    authorities = settings.get("cert", [])[:1]
    context = ssl.create_default_context(cafile=authorities[0]) if authorities else None
    proxy = next(iter(settings.get("proxy", [])), None)
    return httpx2.Client(timeout=_TIMEOUT, follow_redirects=True, proxy=proxy, verify=context or True)


def _places(settings: dict[str, list[str]], package: str) -> Iterator[str]:
    """Where to look, the nearest first: what a file's digest decides needs no order of trust."""
    yield from settings.get("find-links", [])
    if settings.get("no-index", ["0"])[0].lower() in ("1", "true", "yes", "on"):
        return
    normalised = re.sub(r"[-_.]+", "-", package).lower()
    for index in settings.get("extra-index-url", []) + (settings.get("index-url") or [_default_index()]):
        yield f"{index.rstrip('/')}/{normalised}/"


class _Anchors(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.links += [value for name, value in attrs if tag == "a" and name == "href" and value]


def _links(client: Client, place: str) -> list[str]:
    """The addresses of the files that a directory, a page or an index lists."""
    path = _local(place)
    if path is None:
        page, base = _get(client, place, accept="application/vnd.pypi.simple.v1+html, text/html;q=0.1")
    elif (path / "index.html").is_file() or path.is_file():
        page = (path / "index.html" if path.is_dir() else path).read_bytes()
        base = f"{path.absolute().as_uri()}/" if path.is_dir() else path.absolute().as_uri()
    else:
        return [file.absolute().as_uri() for file in sorted(path.iterdir())] if path.is_dir() else []
    parser = _Anchors()
    parser.feed(page.decode("utf-8", "replace"))
    return [urljoin(base, link) for link in parser.links]


def _content(client: Client, address: str) -> bytes:
    path = _local(address)
    if path is None:
        return _get(client, address, accept="*/*")[0]
    try:
        return path.read_bytes()
    except OSError as error:
        raise InfrastructureError(f"cannot read {path}: {error.strerror}") from error


def _local(place: str) -> Path | None:
    if place.startswith("file:"):
        return Path(unquote(urlsplit(place).path))
    return None if "://" in place else Path(place).expanduser()


def _get(client: Client, address: str, accept: str) -> tuple[bytes, str]:
    """What is at an address, and the address that redirections led to."""
    import httpx2

    host = urlsplit(address).hostname
    try:
        response = client.get(address, headers={"Accept": accept})
    except (httpx2.RequestError, httpx2.InvalidURL) as error:
        raise InfrastructureError(f"cannot reach {host}: {str(error) or type(error).__name__}") from error
    if response.status_code == 404:
        return b"", address
    if response.status_code != 200:
        raise InfrastructureError(f"{host} answered {response.status_code}")
    return response.content, str(response.url)


def _is_sdist(file_name: str, package: str, version: str) -> bool:
    """Whether a file is the source distribution of a release, however its name is normalised."""
    stem, ending = file_name.removesuffix(".tar.gz"), file_name.endswith(".tar.gz")
    name, _, its_version = stem.rpartition("-")
    return (
        ending
        and its_version == version
        and re.sub(r"[-_.]+", "-", name).lower() == re.sub(r"[-_.]+", "-", package).lower()
    )
