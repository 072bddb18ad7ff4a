"""Where problem statements come from: an issue's URL, a file, standard input or plain text."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from aci_tools.errors import UsageError
from tasks.sources.issue import Comment, Issue, Reference

if TYPE_CHECKING:
    from httpx2 import Client

__all__ = ["Comment", "Issue", "Reference", "read_issue"]

#: Bytes of an issue's file or of standard input; what is larger is a mistake.
_LIMIT = 4 << 20
_SUFFIXES = (".md", ".markdown", ".rst", ".txt")


def read_issue(spec: str, *, stdin: TextIO | None = None, client: Client | None = None) -> Issue:
    """Read an issue from wherever a user's words say.

    What has white space in it is text, unless a file has that name. One word that looks like a path (a separator, or
    the ending of a text file) has to be a file: a mistyped name is never taken for an issue's text.

    Args:
        spec: The URL of an issue or pull request on GitHub, GitLab, Gitea or Forgejo, the path of a text file,
            ``-`` for standard input, or text.
        stdin: What ``-`` reads; the process's standard input if ``None``.
        client: The HTTP client to use; one of its own for each request if ``None``.

    Raises:
        UsageError: There is no such issue or file, it is empty, or its kind is not supported.
        InfrastructureError: The forge could not be reached, refused access or limits the rate.
    """
    if spec == "-":
        text = (stdin or sys.stdin).read(_LIMIT + 1)
        return _from_text(text, "standard input", "stdin")
    if _is_url(spec):
        from tasks.forges.addresses import read_forge_issue

        return read_forge_issue(spec, client)
    path = _file(spec)
    if path is None:
        return _from_text(spec, "the issue", "text")
    try:
        with path.open("rb") as file:
            content = file.read(_LIMIT + 1)
    except OSError as error:
        raise UsageError(f"cannot read {spec}: {error.strerror}") from error
    if b"\0" in content:
        raise UsageError(f"{spec} is not a text file")
    return _from_text(content.decode("utf-8-sig", "replace"), spec, "file")


def _is_url(spec: str) -> bool:
    return (
        re.fullmatch(r"\s*(https?://|(www\.)?(github|gitlab|gitea)\.com/|codeberg\.org/)\S+\s*", spec, re.IGNORECASE)
        is not None
    )


def _file(spec: str) -> Path | None:
    """The file that is meant, or ``None`` if the words are text."""
    one_word = spec.strip() != "" and not re.search(r"\s", spec.strip())
    try:
        path = Path(spec).expanduser()
        directory = path.is_dir()
        if path.exists() and not directory:
            return path  # Perhaps a pipe, such as a shell's <(…).
    except (OSError, RuntimeError, ValueError):
        return None  # Too long for a name, an unknown home, a NUL: text.
    if not one_word:
        return None
    if directory:
        raise UsageError(f"{spec} is a directory: give a file with the issue's text")
    if "/" in spec or spec.lower().endswith(_SUFFIXES):
        raise UsageError(f"no such file: {spec}")
    return None


def _from_text(text: str, name: str, kind: str) -> Issue:
    if len(text) > _LIMIT:
        raise UsageError(f"{name} is longer than {_LIMIT >> 20} MB: that is no issue")
    if not text.strip():
        raise UsageError(f"{name} is empty: say what is wrong")
    return Issue.from_markdown(text, kind)
