"""How near an attempt came to the places that the known solution touches."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from posixpath import join, normpath

from trajectories.stats.commands import command_of
from trajectories.stats.gold import Touched, path_of
from trajectories.stats.reader import Action, Recorded

#: Arguments that name a file, in our tools and in others'.
PATH_ARGUMENTS = ("path", "file", "file_path", "filepath", "filename", "file_name", "target_file", "relative_path")
#: Tools that name files without showing what is in them.
_NAMING_TOOLS = frozenset({"find_file", "search_dir", "run_tests", "submit"})
_WORDS = re.compile(r"[^\s;|&()<>\"'`=:,]+")
_GIT_HEADER = re.compile(r"""^diff --git (?:(a/(.+)) b/\2$|("a/(?:\\.|[^"\\])*") |(a/.*) "?b/)""", re.M)
#: Above a hunk: within one, a removed line may look like the first half of it.
_PLAIN_HEADER = re.compile(r"^--- ([^\t\r\n]+).*\n\+\+\+ ([^\t\r\n]+).*\n(?=@@ -)", re.M)
_CHANGES_DIRECTORY = re.compile(r"^\s*cd\s+([^\s;&|]+)")


@dataclass(slots=True)
class Localisation:
    """What an attempt found of the known solution's places.

    A file is *named* when an action or an observation holds its path; *opened* when an action that succeeded was about
    it: a tool called with its path (searching a tree, listing files and running tests aside), or a shell command with
    its path among the words; *edited* when the last patch changes it. A function is *seen* when such an action's
    observation has its ``def`` or ``class`` line, shows, before anything was edited, one of the lines that the solution
    changes in a file that has it, or rewrites it by name.

    Attributes:
        files: Files that the solution changes and that were there before it.
        functions: Functions that it changes, as ``path::name``.
        named: Files named.
        opened: Files opened.
        edited: Files edited.
        seen: Functions seen.
        first_opened: Step that first opened one of the files; ``None`` if none was.
    """

    files: frozenset[str]
    functions: frozenset[str]
    named: set[str] = field(default_factory=set)
    opened: set[str] = field(default_factory=set)
    edited: frozenset[str] = frozenset()
    seen: set[str] = field(default_factory=set)
    first_opened: int | None = None

    @property
    def file_recall(self) -> float | None:
        """Share of the files that were opened; ``None`` if there are none to open."""
        return len(self.opened) / len(self.files) if self.files else None

    @property
    def function_recall(self) -> float | None:
        """Share of the functions that were seen; ``None`` if the solution changes none."""
        return len(self.seen) / len(self.functions) if self.functions else None


def localise(recorded: Recorded, gold: Sequence[Touched]) -> Localisation:
    """Follow an attempt's way to the places of a known solution."""
    places = [place for place in gold if not place.new]
    found = Localisation(
        frozenset(place.path for place in places),
        frozenset(f"{place.path}::{name}" for place in places for name in place.functions),
    )
    prefix = re.escape(recorded.workdir.rstrip("/")) if recorded.workdir else r"(?:/[\w.\-]+){1,3}"
    mention = {p.path: re.compile(rf"(?<![\w.\-/])(?:\./|{prefix}/)?{re.escape(p.path)}(?![\w/])") for p in places}
    pristine = True
    for number, action, cwd in _actions(recorded):
        about = {place.path for place in places if action.ok and is_about(action, place.path, recorded.workdir, cwd)}
        for place in places:
            if place.path not in found.named and (place.path in about or _names(action, mention[place.path])):
                found.named.add(place.path)
            if place.path in about:
                found.opened.add(place.path)
                found.first_opened = found.first_opened or number
                found.seen.update(f"{place.path}::{name}" for name in _seen(action, place, pristine))
        pristine = pristine and not action.changed
    found.edited = found.files & patched_files(recorded.patch)
    return found


def patched_files(patch: str) -> frozenset[str]:
    """Paths that a diff changes, as they are called before it; new files by their name after it."""
    headed = [same or quoted or old for same, _, quoted, old in _GIT_HEADER.findall(patch)]
    plain = [old if old != "/dev/null" else new for old, new in _PLAIN_HEADER.findall(patch)]
    return frozenset(map(path_of, headed + plain))


def is_about(action: Action, path: str, workdir: str, cwd: str) -> bool:
    """Whether an action was about a file: a tool called with its path, or a command with its path among the words.

    Args:
        action: The action.
        path: Relative to the repository.
        workdir: Where the repository stood; ``""`` when unknown: then any absolute path that ends so will do.
        cwd: The directory that a command ran in.
    """
    if action.tool in _NAMING_TOOLS:
        return False
    given = action.data.get("path")
    paths = [given] if isinstance(given, str) else []
    paths += [value for name in PATH_ARGUMENTS if isinstance(value := action.arguments.get(name), str)]
    if any(_same(each, path, workdir, workdir) for each in paths):
        return True
    command = command_of(action.arguments)
    if path.rsplit("/", 1)[-1] not in command:
        return False
    if moved := _CHANGES_DIRECTORY.match(command):
        cwd = join(cwd, moved[1].strip("'\""))
    return any(_same(word, path, workdir, cwd) for word in _WORDS.findall(command))


def _same(given: str, path: str, workdir: str, cwd: str) -> bool:
    absolute = normpath(join(cwd or workdir or "/", given))
    if workdir:
        return absolute == normpath(join(workdir, path)) or normpath(given) == path
    return normpath(given) == path or absolute.endswith(f"/{path}")


def _actions(recorded: Recorded) -> Iterator[tuple[int, Action, str]]:
    """Every action with its step and the directory that it began in."""
    cwd = recorded.workdir
    for step in recorded.steps:
        for action in step.actions:
            yield step.number, action, cwd
            ended_in = action.data.get("cwd")
            cwd = ended_in if isinstance(ended_in, str) and ended_in else cwd


def _names(action: Action, mention: re.Pattern[str]) -> bool:
    texts = [action.text, *(value for value in action.arguments.values() if isinstance(value, str))]
    return any(mention.search(text) for text in texts)


def _seen(action: Action, place: Touched, pristine: bool) -> set[str]:
    seen = {name for name in place.functions if re.search(rf"\b(?:def|class)\s+{name}\b", action.text)}
    called = action.arguments.get("name")
    if isinstance(called, str):
        seen |= place.functions & {called.rsplit(".", 1)[-1]}
    match action.data.get("lines"):
        case [int(first), int(last)] if pristine:
            seen |= {name for line, name in place.spots if first <= line <= last}
    return seen
