"""Puts a patch into a user's working tree, all of it or nothing."""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import UsageError
from tasks.git import Git, GitError

_HEADER = re.compile(rb"error: (?:patch failed: )?(.*)")


@dataclass(frozen=True, slots=True)
class ApplyOutcome:
    """What came of applying a patch.

    Attributes:
        ok: Whether the files now have the patch in them; if not, none was changed.
        reason: Why not, one line; ``""`` when it was applied.
        files: Paths that the patch concerns, relative to the top of the repository.
    """

    ok: bool
    reason: str = ""
    files: tuple[str, ...] = ()


def apply_patch(repo: Path, patch: str) -> ApplyOutcome:
    """Apply a patch to the files of a working tree if all of it fits; the index and the history stay as they are.

    Git does it from outside the repository, so that no filter or hook which the repository configures is executed. Line
    endings stay as they are, and paths out of the working tree, into ``.git`` or through symbolic links are refused.

    Args:
        repo: A directory in the working tree; the paths of the patch start at its top.
        patch: A unified diff; bytes that are not UTF-8 come as surrogates.

    Raises:
        UsageError: The directory is not in a git working tree.
    """
    try:
        top = Path(Git(repo).line("rev-parse", "--show-toplevel"))
        object_format = Git(repo).line("rev-parse", "--show-object-format")
    except (GitError, NotADirectoryError, FileNotFoundError) as error:
        raise UsageError(f"not a git working tree: {repo}") from error
    if not repo.resolve().is_relative_to(top):
        raise UsageError(f"the repository's core.worktree points elsewhere: {top}")
    if not patch.strip():
        return ApplyOutcome(False, "the patch is empty")
    diff = patch.encode("utf-8", "surrogateescape")
    diff = diff if diff.endswith(b"\n") else diff + b"\n"
    with tempfile.TemporaryDirectory(prefix="patchwright-apply-") as scratch:
        Git(top).output("init", "--quiet", "--bare", "--template=", f"--object-format={object_format}", scratch)
        git = Git(top, {"GIT_DIR": scratch, "GIT_WORK_TREE": str(top)})
        listed = git.run("apply", "--numstat", "-z", "-", stdin=diff)
        files = tuple(
            entry.split(b"\t", 2)[2].decode("utf-8", "surrogateescape")
            for entry in listed.stdout.split(b"\0")
            if entry.count(b"\t") >= 2
        )
        checked = git.run("apply", "--check", "--whitespace=nowarn", "-", stdin=diff)
        if checked.returncode != 0 and (ends := _line_ends(top)):
            git = Git(top, git.env, ends)
            checked = git.run("apply", "--check", "--whitespace=nowarn", "-", stdin=diff)
        if checked.returncode != 0:
            if git.run("apply", "--check", "--reverse", "--whitespace=nowarn", "-", stdin=diff).returncode == 0:
                return ApplyOutcome(False, "the patch is in the working tree already", files)
            return ApplyOutcome(False, _reason(checked.stderr), files)
        done = git.run("apply", "--whitespace=nowarn", "-", stdin=diff)
        if done.returncode != 0:
            return ApplyOutcome(False, _reason(done.stderr), files)
    return ApplyOutcome(True, "", files)


def _line_ends(top: Path) -> dict[str, str]:
    """The user's settings by which lines end with CRLF in a working tree and not in its repository."""
    found = {}
    for key, wanted in (("core.autocrlf", ("true", "yes", "on", "1")), ("core.eol", ("crlf",))):
        local = Git(top).run("config", "--local", "--no-includes", "--get", key)
        asked = local if local.returncode == 0 else Git(Path("/"), network=True).run("config", "--global", "--get", key)
        if os.fsdecode(asked.stdout).strip().lower() in wanted:
            found[key] = wanted[0]
    return found


def _reason(stderr: bytes) -> str:
    errors = _HEADER.findall(stderr)
    said = [line.decode("utf-8", "replace") for line in errors] or ["git refused it without a word"]
    more = f" (and {len(said) - 2} more)" if len(said) > 2 else ""
    return "; ".join(said[:2]) + more
