"""What a working tree holds beside its last commit, read without its repository's configuration or a write to it."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tasks.git import Git

#: Settings of the user's repository that say how its files are stored; they hold no commands.
_STORAGE = ("core.autocrlf", "core.eol", "core.fileMode", "core.ignoreCase", "core.symlinks")
_IDENTITY = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Patchwright"), ("EMAIL", "patchwright@localhost"))
}
#: When a directory without history is committed: a fixed time gives the same commit id every time.
_EPOCH = "946684800 +0000"


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between a working tree and its last commit.

    Attributes:
        paths: Files changed, deleted or not tracked, relative to the top; ignored ones are not among them.
        staged: Whether the index differs from the last commit.
        nested: Untracked directories with a repository of their own, which are left alone.
    """

    paths: tuple[str, ...]
    staged: bool
    nested: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.paths) or self.staged


class WorkTree:
    """A directory of files as seen by another repository's git: the copy's.

    The index is a copy too, modification time included, since git compares files with that time.

    Args:
        top: The directory.
        copy: The copy's git directory, which takes the objects that are made.
        objects: The environment in which the copy finds the user's objects.
        git_dir: The user's git directory of this working tree; ``None`` if there is none.
        common_dir: The user's git directory that working trees share.
        head: The last commit; ``None`` if there is none.
    """

    def __init__(
        self,
        top: Path,
        copy: Path,
        *,
        objects: dict[str, str] | None = None,
        git_dir: Path | None = None,
        common_dir: Path | None = None,
        head: str | None = None,
    ) -> None:
        self._head = head
        index = copy / "patchwright-index"
        env = {"GIT_DIR": str(copy), "GIT_WORK_TREE": str(top), "GIT_INDEX_FILE": str(index)}
        config = _storage(git_dir) | _excludes(copy, common_dir)
        self._git = Git(top, env | (objects or {}), config)
        # Git renews the time of an object that it is told to write and finds: the writer must not see the user's.
        self._writer = Git(top, env, config)
        if git_dir and (git_dir / "index").is_file() and not any(git_dir.glob("sharedindex.*")):
            shutil.copy2(git_dir / "index", index)
        elif head:
            self._git.output("read-tree", head)

    def changes(self, *, ignored: bool = False) -> Changes:
        """Compare the files with the last commit.

        Args:
            ignored: Whether files that ``.gitignore`` names count too.
        """
        rules = () if ignored else ("--exclude-standard",)
        listed = self._git.paths("ls-files", "-z", "--modified", "--deleted", "--others", *rules)
        unmerged = [entry.partition("\t")[2] for entry in self._git.paths("ls-files", "-z", "--unmerged")]
        paths = sorted({path for path in listed + unmerged if not path.endswith("/")})
        nested = sorted({path for path in listed if path.endswith("/")})
        staged = False
        if self._head:
            compare = ("diff-index", "--cached", "--quiet", "--no-ext-diff", "--no-textconv", self._head, "--")
            staged = self._git.run(*compare).returncode != 0
        return Changes(tuple(paths), staged, tuple(nested))

    def commit(self, changes: Changes, message: str) -> str:
        """Make a commit of the files as they are. The same files on the same commit give the same id.

        Returns:
            The id of the commit.
        """
        names = b"".join(os.fsencode(path) + b"\0" for path in changes.paths)
        self._writer.output("update-index", "-z", "--add", "--remove", "--replace", "--stdin", stdin=names)
        tree = self._writer.line("write-tree", "--missing-ok")
        date = f"{self._git.line('log', '-1', '--format=%ct', self._head)} +0000" if self._head else _EPOCH
        dates = {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
        git = Git(self._git.cwd, {**self._git.env, **_IDENTITY, **dates})
        parents = ("-p", self._head) if self._head else ()
        return git.line("commit-tree", tree, *parents, "-m", message)


def _storage(git_dir: Path | None) -> dict[str, str]:
    if git_dir is None:
        return {}
    pattern = "^(" + "|".join(_STORAGE).lower().replace(".", r"\.") + ")$"
    done = Git(git_dir).run(
        "--git-dir", str(git_dir), "config", "--local", "--no-includes", "-z", "--get-regexp", pattern
    )
    entries = (os.fsdecode(entry).partition("\n") for entry in done.stdout.split(b"\0") if entry)
    return {key: value if separator else "true" for key, separator, value in entries}


def _excludes(copy: Path, common_dir: Path | None) -> dict[str, str]:
    """The user's own ignore rules, so that what they keep out of their commits stays out of the copy."""
    asked = Git(copy, network=True).run("config", "--global", "--type=path", "--get", "core.excludesFile")
    configured = os.fsdecode(asked.stdout).strip()
    standard = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git" / "ignore"
    files = [Path(configured) if configured else standard]
    if common_dir:
        files.append(common_dir / "info" / "exclude")
    rules = copy / "patchwright-excludes"
    rules.write_bytes(b"\n".join(file.read_bytes() for file in files if file.is_file()))
    return {"core.excludesFile": str(rules)}
