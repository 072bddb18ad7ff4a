"""A branch with one commit of ours: made of a patch without a working tree, and pushed over nobody else's work."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import InfrastructureError, UsageError
from tasks.clones import fetch_into
from tasks.credentials import Access
from tasks.git import Git, GitError, last_line, quoted
from tasks.remote import REFUSED, by_some_way, without_credentials

__all__ = ["Branch", "Identity", "base_branch"]

#: Who commits; that nobody else committed on a branch is what makes it ours to replace.
COMMITTER = ("Patchwright", "patchwright@localhost")
_OLD = "refs/patchwright/old"
_REJECTED = re.compile(r"^ ! \[(?:remote )?rejected\] .*\((.*)\)$", re.MULTILINE)
_REMOTE_SAID = re.compile(r"^remote: (?:error: )?(.*\S)", re.MULTILINE)
_OUTDATED = ("stale info", "fetch first", "non-fast-forward")


@dataclass(frozen=True, slots=True)
class Identity:
    """The author of a commit."""

    name: str
    email: str

    @classmethod
    def of_user(cls, directory: Path) -> Identity | None:
        """What the user's configuration of git says, asked in a directory that is no repository."""
        git = Git(directory, network=True)
        name, email = (
            git.run("config", f"user.{key}").stdout.decode("utf-8", "replace").strip() for key in ("name", "email")
        )
        return cls(name, email) if name and email else None


def base_branch(clones: Path, url: str, commit: str, candidates: list[str]) -> tuple[Path, str, str]:
    """The branch of a remote repository that a commit is on.

    Args:
        clones: Where clones of remote repositories are kept.
        url: The clone URL.
        commit: The id of the commit.
        candidates: Names of branches, the best first; those that the remote does not have are passed over.

    Returns:
        The directory of the clone, the name of the branch, and the commit that the branch is at.

    Raises:
        UsageError: The commit is on none of them.
        InfrastructureError: The remote could not be reached, or refused access.
    """
    there = _heads(url, candidates)
    for name in (name for name in candidates if name in there):
        clone, tip = fetch_into(clones, url, f"refs/heads/{name}")
        if Git(clone).run("merge-base", "--is-ancestor", commit, tip).returncode == 0:
            return clone, name, tip
    raise UsageError(
        f"{commit[:12]} is not on {' or '.join(candidates)} of {without_credentials(url)}, "
        "so a pull request would bring what nobody asked for: work on a commit that is there"
    )


def _heads(url: str, names: Sequence[str] = ()) -> dict[str, str]:
    """The branches of a remote repository, or those of some names, with the commits that they are at."""
    listed = b""

    def run(way: Access) -> None:
        nonlocal listed
        wanted = [f"refs/heads/{name}" for name in names]
        listed = Git(Path("/"), way.env, network=True).output("ls-remote", "--heads", way.url, *wanted)

    _by_some_way(url, run)
    pairs = (os.fsdecode(line).split("\t", 1) for line in listed.splitlines())
    # Git takes a name for a pattern that may match the end of a longer one.
    found = {reference.removeprefix("refs/heads/"): commit for commit, reference in pairs}
    return {name: found[name] for name in names if name in found} if names else found


def _by_some_way(url: str, run: Callable[[Access], None]) -> None:
    try:
        by_some_way(url, run)
    except GitError as error:
        raise _explained(url, error.stderr) from error


class Branch:
    """A branch of a remote repository that holds one commit of ours.

    Args:
        directory: Where to make a bare repository for it; not there yet.
        clone: The kept clone that has the base commit and the branch that it is on.
        source: The clone URL that the clone was made of.
        url: The clone URL of the repository that the branch is pushed to: the same, or a fork's.
        name: Its name.
        onto: The commit that the branch it goes to is at.
    """

    def __init__(self, directory: Path, clone: Path, source: str, url: str, name: str, onto: str) -> None:
        self._directory, self._source, self._url, self._name, self._onto = directory, source, url, name, onto
        form = Git(clone).line("rev-parse", "--show-object-format")
        Git(directory.parent).output(
            "init", "--quiet", "--bare", "--template=", f"--object-format={form}", str(directory)
        )
        self._objects = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(clone / "objects")}

    def commit(self, base: str, patch: str, message: str, author: Identity, time: int) -> str:
        """Make the commit; the same arguments give the same id.

        Args:
            base: The id of its parent.
            patch: A unified diff against it; bytes that are not UTF-8 come as surrogates.
            message: The commit message.
            author: Its author.
            time: Seconds since the epoch.

        Raises:
            UsageError: The patch does not apply to the base commit, or would write where git lets nobody write.
        """
        who = {"GIT_AUTHOR_NAME": author.name, "GIT_AUTHOR_EMAIL": author.email}
        who |= {"GIT_COMMITTER_NAME": COMMITTER[0], "GIT_COMMITTER_EMAIL": COMMITTER[1]}
        when = {f"GIT_{role}_DATE": f"@{time} +0000" for role in ("AUTHOR", "COMMITTER")}
        git = self._git({"GIT_INDEX_FILE": str(self._directory / "index")} | who | when)
        git.output("read-tree", base)
        diff = patch.encode("utf-8", "surrogateescape")
        done = git.run("apply", "--cached", "--whitespace=nowarn", "-", stdin=diff)
        if done.returncode != 0:
            raise UsageError(f"the patch cannot be committed: {last_line(done.stderr.decode('utf-8', 'replace'))}")
        tree = git.line("write-tree", "--missing-ok")  # A partial clone may lack large files that stay as they are.
        return git.line("commit-tree", tree, "-p", base, "-F", "-", stdin=message.encode("utf-8", "replace"))

    def push(self, commit: str) -> bool:
        """Bring the branch to a commit, unless somebody else's work would be lost.

        Returns:
            Whether it was anywhere else before.

        Raises:
            UsageError: Somebody else committed on the branch, or it changed meanwhile.
            InfrastructureError: The remote could not be reached, or does not take it.
        """
        reference = f"refs/heads/{self._name}"
        before = self._tip(reference)
        if before == commit:
            return False
        if self._url != self._source:
            self._complete(commit)
        # Nothing but what was looked at is replaced: where the branch is elsewhere by now, the remote refuses.
        lease = f"--force-with-lease={reference}:{before}"
        self._reach("push", "--quiet", "--no-verify", lease, "{url}", f"{commit}:{reference}")
        return True

    def _complete(self, commit: str) -> None:
        """Fetch what the clone, a partial one, lacks of what a fork that is behind lacks too."""
        git = self._git()
        known = [head for head in _heads(self._url).values() if git.run("cat-file", "-e", head).returncode == 0]
        wanted = "\n".join([commit, *(f"^{head}" for head in known)]) + "\n"
        listed = git.output("rev-list", "--objects", "--missing=print", "--stdin", stdin=wanted.encode()).decode()
        missing = [line[1:] for line in listed.splitlines() if line.startswith("?")]
        if missing:

            def run(way: Access) -> None:
                self._git(way.env, network=True).output("fetch", "--quiet", "--no-tags", way.url, *missing)

            _by_some_way(self._source, run)

    def _tip(self, reference: str) -> str:
        """Where the branch is at the remote, ``""`` if it is not there; raises `UsageError` if it is not only ours."""
        if self._name not in _heads(self._url, [self._name]):
            return ""
        self._reach("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "{url}", f"+{reference}:{_OLD}")
        git = self._git()
        tip = git.line("rev-parse", _OLD)
        committers = git.line("log", "--format=%ce", tip, f"^{self._onto}").split("\n")
        if set(committers) - {COMMITTER[1], ""}:
            raise UsageError(
                f"somebody else has committed on {self._name} of {without_credentials(self._url)}: nothing is pushed "
                "over it; merge it, or rename or delete that branch"
            )
        return tip

    def _reach(self, *arguments: str) -> None:
        """Run a git command that talks to the remote; ``{url}`` stands for its URL."""

        def run(way: Access) -> None:
            given = [way.url if argument == "{url}" else argument for argument in arguments]
            self._git(way.env, network=True).output(*given)

        _by_some_way(self._url, run)

    def _git(self, env: Mapping[str, str] | None = None, *, network: bool = False) -> Git:
        return Git(self._directory, self._objects | dict(env or {}), network=network)


def _explained(url: str, stderr: str) -> UsageError | InfrastructureError:
    clean = without_credentials(url)
    rejected = _REJECTED.search(stderr)
    if rejected and any(sign in rejected[1] for sign in _OUTDATED):
        return UsageError(f"the branch at {clean} has just been changed by somebody else: run it again")
    if rejected:
        said = [rejected[1], *_REMOTE_SAID.findall(stderr)]
        return InfrastructureError(f"{clean} does not take the branch: {'; '.join(said)[:400]}")
    if any(sign in stderr.lower() for sign in REFUSED):
        return InfrastructureError(f"cannot push to {clean}: access refused; the token has to allow writing")
    return InfrastructureError(f"cannot push to {clean}: {last_line(stderr)}")
