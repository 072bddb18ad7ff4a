"""Repositories on other machines: which words name one, and how its history is fetched."""

from __future__ import annotations

import re
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from aci_tools.errors import InfrastructureError, UsageError
from tasks.credentials import Access, ways_to
from tasks.forges.sites import readable
from tasks.git import Git, GitError, commit_of, last_line

_SCP_LIKE = re.compile(r"(?:[\w.+-]+@)?[A-Za-z0-9][\w.-]+:(?!//)(?!:)\S+")
_TAGS = "+refs/tags/*:refs/tags/*"
_BASE = "refs/patchwright/base"
#: What a partial clone takes: all but the old versions of large files.
_FILTER = "blob:limit=1m"
#: What git says of it when access is refused.
REFUSED = (
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "terminal prompts disabled",
    "host key verification failed",
    "returned error: 401",
    "returned error: 403",
)
_ABSENT = ("not found", "does not exist", "not appear to be a git repository", "returned error: 404", "no such")
_NO_REVISION = ("couldn't find remote ref", "not our ref", "unadvertised object", "invalid refspec", "no such ref")


def locate(repo: str) -> Path | str:
    """What a user's word for a repository names.

    Args:
        repo: A path, or a URL that ``git clone`` takes.

    Returns:
        The path of a directory, or a clone URL.

    Raises:
        UsageError: It is neither.
    """
    if not repo or repo.startswith("-") or "\n" in repo or "\0" in repo:
        raise UsageError(f"not a repository: {repo!r}; give a directory or a clone URL")
    path = Path(repo).expanduser()
    if path.is_dir():
        return path
    scheme, separator, _ = repo.partition("://")
    if separator:
        return _with_scheme(repo, scheme.lower())
    if re.match(r"[\w+-]+::", repo):
        raise UsageError(f"transport helpers are not allowed: {repo}; give an https or ssh URL")
    if path.exists():
        raise UsageError(f"not a directory: {repo}; give the repository's directory")
    if _SCP_LIKE.fullmatch(repo):
        return repo
    hint = ""
    if re.fullmatch(r"[\w.-]+/[\w.-]+", repo) and not repo.startswith("."):
        hint = f"; for GitHub's give https://github.com/{repo}"
    raise UsageError(f"no such directory: {repo}{hint}")


def _with_scheme(repo: str, scheme: str) -> Path | str:
    if not readable(repo):
        raise UsageError(f"not a clone URL: {re.sub('//[^/]*@', '//', repo)}; its host or port cannot be one")
    if scheme in ("https", "http", "ssh", "git"):
        return repo
    if scheme != "file":
        raise UsageError(f"cannot clone over {scheme}: {without_credentials(repo)}; https, ssh, git and file work")
    path = Path(unquote(urlsplit(repo).path))
    if not path.is_dir():
        raise UsageError(f"no such directory: {path}")
    return path


def without_credentials(url: str) -> str:
    """A clone URL without the password or token that it may hold."""
    if "://" not in url:
        return url
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    if at and parts.scheme == "ssh":
        host = f"{user.partition(':')[0]}@{host}"
    return urlunsplit(parts._replace(netloc=host))


def fetch(url: str, base: str | None, scratch: Path, *, tags: bool = False, partial: bool = False) -> str:
    """Fetch the history of a remote repository up to a revision into a bare repository made for it.

    Only that history is asked for when the server can find the revision by itself; otherwise all branches and tags are.

    Args:
        url: A clone URL.
        base: A branch, a tag, a commit or any other revision; ``None`` for the remote's default branch.
        scratch: Directory of the bare repository; one that is there already is added to.
        tags: Whether its tags are fetched too, with what they lead to.
        partial: Whether versions of large files that the commit does not have may be left out, if the server can.

    Returns:
        The id of the commit.

    Raises:
        UsageError: There is no such repository or revision.
        InfrastructureError: It could not be reached, or refused access.
    """
    Git(scratch.parent).output("init", "--quiet", "--bare", "--template=", str(scratch))
    wanted = base or "HEAD"
    also = [_TAGS] if tags else []
    if _one_reference(wanted):
        try:
            _fetch(scratch, url, f"+{wanted}:{_BASE}", *also, partial=partial)
            wanted = _BASE
        except GitError as error:
            if not any(sign in error.stderr.lower() for sign in _NO_REVISION):
                raise _explained(url, error.stderr) from error
    if wanted != _BASE:
        try:
            _fetch(scratch, url, "+refs/heads/*:refs/heads/*", _TAGS, partial=partial)
        except GitError as error:
            raise _explained(url, error.stderr) from error
    found = commit_of(Git(scratch), wanted)
    if found is None:
        clean = without_credentials(url)
        raise UsageError(f"no revision {base} in {clean}" if base else f"{clean} has no commit yet")
    if partial:
        complete(url, found, scratch)
    return found


def complete(url: str, commit: str, scratch: Path) -> None:
    """Fetch what a partial clone lacks of the files of a commit.

    Args:
        url: The clone URL.
        commit: The id of the commit.
        scratch: Directory of the bare repository.

    Raises:
        InfrastructureError: It could not be reached, or refused access.
    """
    listed = Git(scratch).output("rev-list", "--objects", "--no-object-names", "--missing=print", f"{commit}^{{tree}}")
    missing = [line[1:] for line in listed.decode().splitlines() if line.startswith("?")]
    if missing:
        try:
            _fetch(scratch, url, *missing, partial=True)
        except GitError as error:
            raise _explained(url, error.stderr) from error


def by_some_way(url: str, run: Callable[[Access], None]) -> None:
    """Do something with a remote repository in each of the ways to it, until one is let in.

    Args:
        url: The clone URL.
        run: What to do by a way.

    Raises:
        GitError: It failed; where every way was refused, what the first one was told.
    """
    refused: GitError | None = None
    for way in ways_to(url):
        try:
            run(way)
        except GitError as error:
            if not any(sign in error.stderr.lower() for sign in (*REFUSED, *_ABSENT)):
                raise
            refused = refused or error
        else:
            return
    assert refused is not None
    raise refused


def clone_directory(cache: Path, url: str) -> Path:
    """Where in a cache the clone of a URL is kept, whatever credentials the URL holds."""
    clean = without_credentials(url)
    digest = sha256(clean.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return cache / f"{re.sub(r'[^A-Za-z0-9]+', '-', clean)[-150:]}-{digest}.git"


def _one_reference(revision: str) -> bool:
    """Whether a revision is a name or an id that a server may know, and not an expression such as ``main~3``."""
    return not revision.startswith("-") and Git(Path("/")).run("check-ref-format", f"refs/{revision}").returncode == 0


def _fetch(scratch: Path, url: str, *refspecs: str, partial: bool = False) -> None:
    def run(way: Access) -> None:
        remote, options = way.url, []
        if partial:
            # Git takes a filter only from a remote that it can ask again for what was left out.
            remote, options = "origin", [f"--filter={_FILTER}"]
            for name, value in (("url", way.url), ("promisor", "true"), ("partialclonefilter", _FILTER)):
                Git(scratch).output("config", f"remote.origin.{name}", value)
        options += ["--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options"]
        Git(scratch, way.env, network=True).output("fetch", *options, remote, *refspecs)

    by_some_way(url, run)


def _explained(url: str, stderr: str) -> UsageError | InfrastructureError:
    clean = without_credentials(url)
    said = stderr.lower()
    if any(sign in said for sign in REFUSED):
        return InfrastructureError(
            f"cannot clone {clean}: access refused; is it private? Set up a git credential helper or an ssh key"
        )
    if any(sign in said for sign in _ABSENT) and "could not resolve" not in said:
        return UsageError(f"cannot clone {clean}: no such repository, or it is private and you have no access")
    by_ssh = [line for line in stderr.splitlines() if line.startswith("ssh: ")]
    reason = by_ssh[-1].removeprefix("ssh: ") if by_ssh else last_line(stderr)
    user = urlsplit(url).netloc.rpartition("@")[0] if "://" in url else ""
    reason = reason.replace(f"{user}@", "") if user else reason
    return InfrastructureError(f"cannot clone {clean}: {reason}")
