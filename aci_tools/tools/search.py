"""Searching: files by name, text in a directory, text in one file."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from aci_tools.occurrences import count_occurrences
from aci_tools.text import Document, printable
from aci_tools.tools.base import BAD_ARGUMENT, NOT_FOUND, Field, Observation, Tool, ToolError
from aci_tools.tools.landing import document

if TYPE_CHECKING:
    from aci_tools.session import Session

_WIDEST = 200
_ANY_CASE = " when upper and lower case are the same; none does exactly"
_REGEX = re.compile(r"\.\*|\\[\w.(]|\[[^\]]+\]|\w\||\(\?|^\^|\$$")


class FindFile(Tool):
    """Find files by name or by a pattern with * and **."""

    pattern: str = Field(description="A file name, the end of a path, or a pattern such as test_*.py or src/**/*.c.")
    dir: str = Field(".", description="Directory to search in.")

    def run(self, session: Session) -> Observation:
        """List the files, relative to the repository."""
        wanted = self.pattern.strip().removeprefix("./")
        if not wanted:
            raise ToolError("The pattern is empty. Give a file name or a pattern such as *.py.")
        directory, files = _files_in(session, self.dir)
        where = _where(directory)
        found, how = _named(wanted, files, directory)
        data = {"pattern": wanted, "dir": directory, "count": len(found)}
        if not found:
            return Observation(f"No file{where} is named {wanted}.{_other_names(wanted, files)}", data=data)
        most = session.settings.max_results
        lines = [f"{_number(len(found), 'file')}{where} {how.format(wanted)}:", *map(printable, found[:most])]
        if len(found) > most:
            lines.append(f"({len(found) - most} more files. Narrow your search: a longer name, or a directory.)")
        return Observation("\n".join(lines), data=data)


class SearchDir(Tool):
    """Search for a text in all files of a directory and its subdirectories."""

    term: str = Field(description="Literal text to look for, within one line.")
    dir: str = Field(".", description="Directory to search in.")

    def run(self, session: Session) -> Observation:
        """List the lines, grouped by file; where they are too many, only the counts of the files."""
        _check(self.term)
        directory, _ = _files_in(session, self.dir)
        where = _where(directory)
        for ignore_case in (False, True):
            counts = count_occurrences(session, self.term, directory, ignore_case=ignore_case)
            note = _ANY_CASE if ignore_case else ""
            if sum(counts.values()) > session.settings.max_results:
                return _counts(self.term, where, counts, session.settings.max_results, note)
            groups = {path: _hits(session, path, self.term, ignore_case) for path in counts}
            groups = {path: hits for path, hits in groups.items() if hits}
            if groups:
                break
        total = sum(map(len, groups.values()))
        data = {"term": self.term, "dir": directory, "count": total, "files": len(groups)}
        if not total:
            return Observation(
                f"No line{where or ' of the repository'} has {self.term!r}.{_literal(self.term)}", data=data
            )
        lines = [
            f"{_number(total, 'line')} in {_number(len(groups), 'file')}{where} {_has(total)} {self.term!r}{note}:"
        ]
        for path, hits in groups.items():
            lines += [f"{printable(path)} ({len(hits)}):", *(f"  {number}:{text}" for number, text in hits)]
        return Observation("\n".join(lines), data=data)


class SearchFile(Tool):
    """Search for a text in one file."""

    term: str = Field(description="Literal text to look for, within one line.")
    path: str | None = Field(None, description="The file; the open file when left out.")

    def run(self, session: Session) -> Observation:
        """List the lines of the file that hold the text."""
        _check(self.term)
        path = session.target(self.path)
        opened = document(session, path)
        note = ""
        hits = _matching(opened, self.term, ignore_case=False)
        if not hits:
            hits = _matching(opened, self.term, ignore_case=True)
            note = _ANY_CASE
        data = {"term": self.term, "path": path, "count": len(hits)}
        if not hits:
            return Observation(f"No line of {path} has {self.term!r}.{_literal(self.term)}", data=data)
        most = session.settings.max_results
        lines = [f"{_number(len(hits), 'line')} of {path} {_has(len(hits))} {self.term!r}{note}:"]
        lines += [f"  {number}:{text}" for number, text in hits[:most]]
        if len(hits) > most:
            lines.append(f"({len(hits) - most} more lines. Narrow your search: a longer term.)")
        return Observation("\n".join(lines), data=data)


def _files_in(session: Session, directory: str) -> tuple[str, list[str]]:
    """A directory relative to the repository, and the files in it."""
    relative = session.relative(directory)
    files = session.files()
    if relative == ".":
        return relative, files
    inside = [path for path in files if path == relative or path.startswith(f"{relative}/")]
    if not inside:
        folders = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}
        name = PurePosixPath(relative).name
        near = sorted(f for f in folders if PurePosixPath(f).name == name)[:3]
        near = near or difflib.get_close_matches(relative, sorted(folders), n=3, cutoff=0.6)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise ToolError(
            f"There is no directory {directory} with files in it.{hint} A term with blanks goes in quotes.",
            NOT_FOUND,
            dir=relative,
        )
    return relative, inside


def _named(wanted: str, files: Sequence[str], directory: str) -> tuple[list[str], str]:
    """The files that a name or pattern means, by the strictest reading that finds any, and that reading in words."""
    is_pattern = any(c in wanted for c in "*?[")
    verb = "match {}" if is_pattern else "are named {}"
    base = "" if directory == "." else f"{directory}/"
    for flags, note in ((0, ""), (re.IGNORECASE, ", upper and lower case being the same")):
        try:
            rule = re.compile(_glob(wanted), flags)
        except re.error:
            raise ToolError(f"{wanted} is no pattern: mend what stands in its brackets.", BAD_ARGUMENT) from None
        found = [f for f in files if rule.fullmatch(f.removeprefix(base)) or rule.fullmatch(f)]
        if found:
            return found, verb + note
    if not is_pattern:
        found = [f for f in files if wanted.lower() in PurePosixPath(f).name.lower()]
    return found, "have {} in their name; none is named just so"


def _glob(pattern: str) -> str:
    """The regular expression of a pattern. Without a slash in front it matches at any depth."""
    out = "" if pattern.startswith("/") else "(?:.*/)?"
    pattern = pattern.lstrip("/")
    at = 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            out, at = out + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            out, at = out + ".*", at + 2
        elif pattern[at] in "*?":
            out, at = out + ("[^/]*" if pattern[at] == "*" else "[^/]"), at + 1
        elif pattern[at] == "[" and (end := pattern.find("]", at + 2)) > 0:
            inner = pattern[at + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out, at = out + "[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]", end + 1
        else:
            out, at = out + re.escape(pattern[at]), at + 1
    return out


def _other_names(wanted: str, files: Sequence[str]) -> str:
    folders = sorted({str(p) for f in files for p in PurePosixPath(f).parents if p.name == PurePosixPath(wanted).name})
    if folders:
        return f" There is a directory {folders[0]}."
    by_name = {PurePosixPath(f).name: f for f in reversed(files)}
    near = difflib.get_close_matches(PurePosixPath(wanted).name, list(by_name), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(printable(by_name[name]) for name in near)}?" if near else ""


def _check(term: str) -> None:
    if not term.strip():
        raise ToolError("The term is empty. Give a text to look for.")
    if "\n" in term or "\0" in term:
        raise ToolError("The term must be a text within one line. Search for its most telling line.")


def _hits(session: Session, path: str, term: str, ignore_case: bool) -> list[tuple[int, str]]:
    try:
        data = session.sandbox.read(f"{session.root}/{path}")
    except OSError:
        return []
    return [] if b"\0" in data else _matching(Document.parse(data), term, ignore_case=ignore_case)


def _matching(opened: Document, term: str, *, ignore_case: bool) -> list[tuple[int, str]]:
    """The lines that hold a term, as they are shown or by their bytes as grep sees them."""
    text, data = (term.lower() if ignore_case else term), term.encode("utf-8", "surrogateescape")
    data = data.lower() if ignore_case else data

    def holds(number: int, line: bytes) -> bool:
        shown = opened.text(number)
        return text in (shown.lower() if ignore_case else shown) or data in (line.lower() if ignore_case else line)

    found = [number for number, line in enumerate(opened.lines, 1) if holds(number, line)]
    return [(number, _cut(opened.text(number), term)) for number in found]


def _cut(text: str, term: str) -> str:
    """A long line around the term."""
    if len(text) <= _WIDEST:
        return text
    start = max(0, text.lower().find(term.lower()) - _WIDEST // 4)
    end = min(start + _WIDEST, len(text))
    front = f"[{start} characters] " if start else ""
    return f"{front}{text[start:end]}" + (f" [{len(text) - end} more characters]" if end < len(text) else "")


def _counts(term: str, where: str, counts: dict[str, int], most: int, note: str) -> Observation:
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    listed = ranked[: min(most, 20)]
    lines = [
        f"{total} lines in {_number(len(counts), 'file')}{where} have {term!r}{note}. That is too many to list. "
        "Narrow your search: a longer term, a directory, or search_file in one of these:",
        *(f"{printable(path)} ({count})" for path, count in listed),
    ]
    if len(ranked) > len(listed):
        lines.append(f"({_number(len(ranked) - len(listed), 'more file')})")
    return Observation("\n".join(lines), data={"term": term, "count": total, "files": len(counts), "listed": False})


def _where(directory: str) -> str:
    return "" if directory == "." else f" in {directory}"


def _has(count: int) -> str:
    return "has" if count == 1 else "have"


def _number(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _literal(term: str) -> str:
    return " The term is taken literally, not as a regular expression." if _REGEX.search(term) else ""
