"""The repository that a task is solved in: a copy at the base commit that holds its history and nothing else."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import UsageError
from tasks.apply import ApplyOutcome, apply_patch
from tasks.clones import fetch_into
from tasks.git import Git, commit_of, last_line, quoted
from tasks.remote import fetch, locate, without_credentials
from tasks.worktree import WorkTree

__all__ = ["ApplyOutcome", "Prepared", "apply_patch", "prepare"]

_BRANCH = "main"


@dataclass(frozen=True, slots=True)
class Prepared:
    """A repository made ready for an attempt.

    Attributes:
        path: Top of the copy; its files are those of the base commit.
        base_commit: Id of the commit that ``HEAD`` is at.
        origin: The repository as it was given, credentials removed.
        dirty: Whether the user's working tree has changes that are not committed, or files that are not tracked.
        subdirectory: Where in the repository the given directory is, ``""`` for the top.
        uncommitted: Whether those changes are part of the copy's base commit.
        notes: What the copy lacks that a user might expect in it, a sentence each.
    """

    path: Path
    base_commit: str
    origin: str
    dirty: bool = False
    subdirectory: str = ""
    notes: tuple[str, ...] = ()
    uncommitted: bool = False


@dataclass(frozen=True, slots=True)
class _Source:
    """A repository on this machine, or a directory that is none (then it has no ``common_dir``)."""

    directory: Path
    top: Path | None
    common_dir: Path | None = None
    git_dir: Path | None = None
    objects: Path | None = None
    object_format: str = "sha1"
    shallow: bytes = b""
    partial: bool = False

    @property
    def environment(self) -> dict[str, str]:
        return {"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(self.objects)} if self.objects else {}

    def commit(self, revision: str) -> str | None:
        """The id of a revision's commit, if there is one."""
        return commit_of(Git(self.directory), revision)


def prepare(
    repo: str,
    base: str | None,
    destination: Path,
    *,
    include_uncommitted: bool = False,
    allow_plain: bool = False,
    include_ignored: bool = False,
    clones: Path | None = None,
) -> Prepared:
    """Copy a repository at a commit: the files, the history up to it, one branch, and no way to anything later.

    The copy is made from the objects that the commit reaches, so it cannot hold others. Nothing is written into the
    user's repository, and nothing that its configuration names is executed. The same repository and base give the same
    commit ids.

    Args:
        repo: A directory in a git working tree, a bare repository, or a clone URL.
        base: The revision to copy; ``None`` for the last commit, or for the default branch of a remote.
        destination: Where the copy goes: not there yet, or an empty directory.
        include_uncommitted: Put the changes of the user's working tree on top, as one commit that becomes the base.
        allow_plain: Take a directory that is no git repository too, as one commit.
        include_ignored: Take files that ``.gitignore`` names too, where files that are not committed are taken.
        clones: Where clones of remote repositories are kept for the next time; ``None`` keeps none.

    Raises:
        UsageError: There is no such repository or revision, or the destination is not empty.
        InfrastructureError: A remote could not be reached, or refused access.
    """
    found = locate(repo)
    if destination.exists() and any(destination.iterdir()):
        raise UsageError(f"the copy's directory is not empty: {destination}")
    destination = destination.absolute()
    try:
        if isinstance(found, Path):
            source = _inspect(found.resolve(), repo, allow_plain=allow_plain)
            return _copy_local(source, repo, base, destination, include_uncommitted, include_ignored)
        return _copy_remote(found, base, destination, clones)
    except BaseException:
        shutil.rmtree(destination, ignore_errors=True)
        raise


def _copy_remote(url: str, base: str | None, destination: Path, clones: Path | None) -> Prepared:
    git_dir = _start(destination, "sha1")
    if clones is None:
        scratch = git_dir / "patchwright-fetch"
        commit = fetch(url, base, scratch)
    else:
        scratch, commit = fetch_into(clones, url, base)
    _fill(destination, _Source(scratch, None, objects=scratch / "objects", partial=clones is not None), commit)
    return Prepared(destination, commit, without_credentials(url), notes=_lacking(destination))


def _copy_local(
    source: _Source, repo: str, base: str | None, destination: Path, include_uncommitted: bool, include_ignored: bool
) -> Prepared:
    head = source.commit("HEAD") if source.common_dir else None
    commit = source.commit(base) if base and source.common_dir else head
    if base and commit is None:
        raise UsageError(f"no revision {base} in {repo}")
    if source.common_dir and commit is None:
        raise UsageError(f"no commit yet in {repo}: commit the files first")
    if include_uncommitted and commit != head:
        raise UsageError("uncommitted changes belong to the last commit: leave out either them or the base revision")
    git_dir = _start(destination, source.object_format)
    notes: list[str] = []
    dirty = False
    if source.top:
        tree = WorkTree(
            source.top,
            git_dir,
            objects=source.environment,
            git_dir=source.git_dir,
            common_dir=source.common_dir,
            head=head,
        )
        changes = tree.changes(ignored=include_ignored)
        dirty = bool(changes) and head is not None
        if head is None and not changes:
            raise UsageError(f"nothing to work on: {repo} has no files")
        if head is None or (dirty and include_uncommitted):
            commit = tree.commit(changes, "Uncommitted changes" if head else "Initial state")
            notes += [f"{path} is a repository of its own and is left out" for path in changes.nested if path]
    assert commit is not None
    _fill(destination, source, commit)
    inside = source.directory.relative_to(source.top).as_posix() if source.top else "."
    notes += _lacking(destination)
    origin = without_credentials(repo)
    subdirectory = "" if inside == "." else inside
    return Prepared(destination, commit, origin, dirty, subdirectory, tuple(notes), dirty and include_uncommitted)


def _inspect(directory: Path, repo: str, *, allow_plain: bool) -> _Source:
    """Find out what a directory is, reading only."""
    git = Git(directory)
    wanted = ("--show-object-format", "--git-common-dir", "--git-dir", "--git-path", "objects", "--git-path", "shallow")
    done = git.run("rev-parse", "--path-format=absolute", *wanted)
    said = done.stderr.decode("utf-8", "replace")
    if done.returncode != 0 and "not a git repository" not in said:
        raise UsageError(f"git cannot read {repo}: {last_line(said)}")
    top = git.run("rev-parse", "--show-toplevel") if done.returncode == 0 else done
    inside = Path(_decoded(top.stdout)) if top.returncode == 0 else None
    # A hostile core.worktree may point anywhere; and a directory that merely lies below a repository is not part of it.
    foreign = inside is not None and not directory.is_relative_to(inside)
    if done.returncode != 0 or (inside not in (None, directory) and not foreign and _untracked(git)):
        if not allow_plain:
            raise UsageError(f"not a git repository: {repo}; run git init and commit its files")
        return _Source(directory, directory)
    object_format, common_dir, git_dir, objects, shallow = _decoded(done.stdout).split("\n")
    boundary = Path(shallow)
    return _Source(
        directory,
        None if foreign else inside,
        Path(common_dir),
        Path(git_dir),
        Path(objects),
        object_format,
        boundary.read_bytes() if boundary.is_file() else b"",
    )


def _untracked(git: Git) -> bool:
    done = git.run("ls-tree", "--name-only", "HEAD")
    return done.returncode == 0 and not done.stdout


def _start(destination: Path, object_format: str) -> Path:
    """An empty repository without the files of a template."""
    destination.mkdir(parents=True, exist_ok=True)
    form = ("--quiet", "--template=", f"--initial-branch={_BRANCH}", f"--object-format={object_format}")
    Git(destination).output("init", *form, ".")
    return destination / ".git"


def _fill(destination: Path, source: _Source, commit: str) -> None:
    """Take what the commit reaches out of the source's objects, and check it out."""
    git_dir = destination / ".git"
    shallow = git_dir / "shallow"
    if source.shallow:
        shallow.write_bytes(source.shallow)
    borrowing = Git(destination, source.environment)
    missing = ["--missing=allow-any"] if source.partial else []
    made = borrowing.run(
        "pack-objects", "--quiet", "--revs", *missing, "--delta-base-offset", str(git_dir / "objects/pack/pack"),
        stdin=f"{commit}\n".encode(),
    )  # fmt: skip
    if made.returncode != 0:
        reason = last_line(made.stderr.decode("utf-8", "replace"))
        hint = "in a partial clone, first fetch it all: git fetch --refetch --no-filter"
        raise UsageError(f"the history of {commit[:12]} is incomplete ({reason}); {hint}")
    git = Git(destination)
    git.output("prune-packed", "--quiet")
    for leftover in ("patchwright-index", "patchwright-excludes"):
        (git_dir / leftover).unlink(missing_ok=True)
    shutil.rmtree(git_dir / "patchwright-fetch", ignore_errors=True)
    if source.shallow:
        _keep_boundary(git, shallow)
    git.output("update-ref", f"refs/heads/{_BRANCH}", commit)
    git.output("checkout", "--quiet", "--force", _BRANCH, "--")


def _keep_boundary(git: Git, shallow: Path) -> None:
    """Leave only those commits in the list of a shallow clone that the copy has."""
    checked = git.output("cat-file", "--batch-check", stdin=shallow.read_bytes()).decode()
    kept = [line.split()[0] for line in checked.splitlines() if line.split()[1] == "commit"]
    if kept:
        shallow.write_text("".join(f"{commit}\n" for commit in kept))
    else:
        shallow.unlink()


def _lacking(destination: Path) -> tuple[str, ...]:
    git = Git(destination)
    notes = []
    staged = [entry.split("\t", 1) for entry in git.paths("ls-files", "-z", "--stage")]
    submodules = [path for mode, path in staged if mode.startswith("160000")]
    if submodules:
        notes.append(f"submodules are empty in the copy: {', '.join(submodules[:5])}{' …' if submodules[5:] else ''}")
    attributes = (destination / path for _, path in staged if Path(path).name == ".gitattributes")
    if any(re.search(rb"\bfilter=lfs\b", file.read_bytes()) for file in attributes if not file.is_symlink()):
        notes.append("files kept in Git LFS are pointers in the copy")
    return tuple(notes)


def _decoded(output: bytes) -> str:
    return output.decode("utf-8", "surrogateescape").rstrip("\n")
