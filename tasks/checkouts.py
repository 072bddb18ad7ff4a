"""The repository of a task at its base commit, without what came later, from wherever it can be had."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from aci_tools.errors import InfrastructureError, UsageError
from tasks.git import Git, commit_of
from tasks.locks import locked
from tasks.making import scratch_for
from tasks.remote import clone_directory, fetch, locate, without_credentials
from tasks.repository import prepare
from tasks.sdist import download, unpack
from tasks.task import Sdist, Task

_OWNER_AND_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9_][\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a task's repository comes from.

    Attributes:
        task: The task as it is on that repository.
        origin: ``git``, ``sdist`` or ``files``.
        commit: Id of the base commit there.
        repository: Directory of the repository; ``None`` for a clone that was not looked into.
        reason: Which route it is and why, for the user.
    """

    task: Task
    origin: str
    commit: str
    repository: Path | None
    reason: str


class Checkouts:
    """Finds the repositories of tasks. Safe to use from threads and from several processes with one cache.

    Args:
        repositories: The user's directory of repositories, looked up by the names of tasks' repositories.
        cache: Where clones and unpacked source distributions are kept.
        say: Told which route serves a task and why.
    """

    def __init__(self, repositories: Path | None, cache: Path, say: Callable[[str], None]) -> None:
        self._repositories = repositories
        self._cache = cache
        self._say = say
        self._unreachable: dict[str, str] = {}
        self._guard = threading.Lock()

    def likely(self, task: Task) -> Iterator[Source]:
        """The sources that a task may have, as far as can be told without a network and with little work."""
        nearby = self._nearby(task)
        if nearby is not None:
            yield nearby
            return
        if _COMMIT.fullmatch(task.base_commit) and _hosted(task) is not None:
            yield Source(task, "git", task.base_commit, None, "")
        sdist = task.environment.sdist if task.environment else None
        if sdist is not None and self._sdist_directory(sdist).is_dir():
            yield self._unpacked(task, sdist, "")

    def pinned(self, task: Task) -> Task:
        """A task with the whole id of its base commit, where it names another revision of a repository on this machine.

        A branch, and HEAD, are other commits tomorrow; what was found of a task today is not about those.
        """
        if not task.base_commit or task.files or task.image or _COMMIT.fullmatch(task.base_commit):
            return task
        source = self._nearby(task)
        return task if source is None else task.model_copy(update={"base_commit": source.commit})

    def find(self, task: Task) -> Source:
        """The source of a task's repository, fetched if need be.

        Raises:
            UsageError: The repository has no such commit.
            InfrastructureError: No route leads to it now.
        """
        source = self._nearby(task) or self._fetched(task)
        self._say(f"{task.id}: {source.reason}")
        return source

    @staticmethod
    def copy(source: Source, destination: Path) -> None:
        """Make a leak-free repository of a source that `find` gave.

        Args:
            source: Where it comes from.
            destination: An empty directory, or none yet.
        """
        assert source.repository is not None
        prepare(str(source.repository), source.commit, destination)

    @staticmethod
    def lend_tags(source: Source, checkout: Path) -> None:
        """Give a copy the tags of its own past, for an installation that reads the package's version from them.

        They are to be taken away again before an agent sees the copy.
        """
        assert source.repository is not None
        commit = "%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end)"
        wanted = ("for-each-ref", f"--format={commit} %(refname)", f"--merged={source.commit}", "refs/tags")
        tags = Git(source.repository).output(*wanted)
        if tags:
            (checkout / ".git/packed-refs").write_bytes(tags)

    def _nearby(self, task: Task) -> Source | None:
        """The task's own files, or a repository on this machine that has the commit."""
        if task.files:
            repository = self._of_files(task.files)
            return Source(task, "files", _head(repository), repository, "the repository is the task's own files")
        for place in (*self._kept(task), *_own_path(task)):
            commit = commit_of(Git(place), task.base_commit)
            if commit is not None:
                return Source(task, "git", commit, place, f"the repository is {place}")
        return None

    def _kept(self, task: Task) -> Iterator[Path]:
        """Directories of the user's collection that may be the task's repository."""
        if self._repositories is None:
            return
        for wanted in _names(task):
            owner, _, name = wanted.rpartition("/")
            for stem in (wanted, f"{owner}__{name}", f"{owner}+{name}", name):
                for relative in (stem, f"{stem}.git", f"{stem}/repo", f"{stem}/repo.git"):
                    place = self._repositories.expanduser() / relative
                    if _is_repository(place):
                        yield place

    def _fetched(self, task: Task) -> Source:
        sdist = task.environment.sdist if task.environment else None
        try:
            return self._cloned(task)
        except InfrastructureError as error:
            if sdist is None:
                raise
            return self._unpacked(task, sdist, str(error))

    def _cloned(self, task: Task) -> Source:
        url = _hosted(task)
        if url is None:
            raise InfrastructureError(
                f"{task.id}: no repository {task.repo} here; name a directory that has it with --repositories"
            )
        host = urlsplit(url).hostname or url
        with self._guard:
            if reason := self._unreachable.get(host):
                raise InfrastructureError(reason)
        clone = clone_directory(self._cache / "clones", url)
        with locked(self._cache, clone.name):
            commit = commit_of(Git(clone), task.base_commit) if clone.is_dir() else None
            if commit is None:
                clone.parent.mkdir(parents=True, exist_ok=True)
                try:
                    commit = fetch(url, task.base_commit, clone, tags=True)
                except InfrastructureError as error:
                    with self._guard:
                        self._unreachable[host] = str(error)
                    raise
        return Source(task, "git", commit, clone, f"the repository is cloned from {without_credentials(url)}")

    def _unpacked(self, task: Task, sdist: Sdist, reason: str) -> Source:
        repository = self._sdist_directory(sdist)
        with locked(self._cache, repository.name):
            if not repository.is_dir():
                with scratch_for(repository) as scratch:
                    archive = download(sdist.package, sdist.release, scratch / "download", sha256=sdist.sha256)
                    _one_commit(unpack(archive, scratch / "source"), scratch / "made")
                    (scratch / "made").rename(repository)
        said = f"the source distribution {sdist.package} {sdist.release} serves as the repository"
        return Source(task.on_sdist(), "sdist", _head(repository), repository, f"{said} ({reason})" if reason else said)

    def _sdist_directory(self, sdist: Sdist) -> Path:
        return self._cache / "sdists" / f"{sdist.package}-{sdist.release}"

    def _of_files(self, files: dict[str, str]) -> Path:
        repository = self._cache / "files" / _digest(repr(sorted(files.items())), 32)
        if not repository.is_dir():
            with locked(self._cache, repository.name):
                if not repository.is_dir():
                    with scratch_for(repository) as scratch:
                        _write(files, scratch / "source")
                        _one_commit(scratch / "source", scratch / "made")
                        (scratch / "made").rename(repository)
        return repository


def _names(task: Task) -> Iterator[str]:
    """What the task's repository may be called, ``owner/name`` each, the likeliest first."""
    declared = task.environment.source if task.environment else ""
    for name in (declared.removeprefix("github:"), task.repo):
        if _OWNER_AND_NAME.fullmatch(name):
            yield name


def _hosted(task: Task) -> str | None:
    """The clone URL of the task's repository."""
    if "://" in task.repo or re.match(r"[\w.-]+@[\w.-]+:", task.repo):
        return task.repo
    name = next(_names(task), None)
    return None if name is None else f"https://github.com/{name}"


def _own_path(task: Task) -> Iterator[Path]:
    if not task.repo:
        return
    try:
        found = locate(task.repo)
    except UsageError:
        return
    if isinstance(found, Path):
        yield found


def _is_repository(place: Path) -> bool:
    return (place / ".git").exists() or ((place / "objects").is_dir() and (place / "HEAD").is_file())


def _write(files: dict[str, str], directory: Path) -> None:
    for name, text in files.items():
        file = directory / name
        if Path(name).is_absolute() or {"..", ".git"} & set(Path(name).parts):
            raise UsageError(f"the files of a task stay inside its repository: {name}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def _one_commit(source: Path, destination: Path) -> None:
    prepare(str(source), None, destination, allow_plain=True, include_ignored=True)


def _head(repository: Path) -> str:
    commit = commit_of(Git(repository), "HEAD")
    assert commit is not None
    return commit


def _digest(text: str, length: int = 8) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:length]
