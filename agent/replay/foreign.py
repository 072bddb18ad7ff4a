"""Replay of what other agents did: their actions by our tools, and where the two mean different things.

What another agent's tools said is in their words, so only what its shell printed is compared as text. Of the rest it is
compared whether it was done, and at the end the patch. What is adapted is a matter of the interface, never of a task:

- A relative path starts at the directory that its shell was in; ours starts at the repository.
- An edit without a path goes to the file that was open there.
- An edit without lines goes to those between the two cursors that were shown last; text inserted without a line goes to
  the end of the file.
- The last line of an edit may reach behind the end of the file there.
- Whether an edit was let through is taken from the record: its guard is another than ours. Where ours decides
  otherwise, that is counted, and the edit is made, or taken back.
- Each command of mini-swe-agent starts at the top of the repository.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from aci_tools.tools.base import GUARD_REFUSED, ToolError
from aci_tools.tools.calls import CallError
from agent.replay.entries import Entry
from agent.replay.player import Done, Kind, Player, Result, execute
from trajectories.events import AttemptStarted, Call, Observed
from trajectories.normalise import Told, alike, difference

if TYPE_CHECKING:
    from aci_tools.session import Session
    from tasks.git import Git

_EDITS = frozenset({"create", "edit", "insert", "replace", "rewrite_function", "undo"})
_BETWEEN_CURSORS = re.compile(r"\s*edit[ \t]*\n(.*?)end_of_edit\s*", re.DOTALL)
_CURSORS = re.compile(r"<<<<< START CURSOR >>>>>\n(\d+):(?:.*\n(\d+):[^\n]*)?.*?\n?<<<<< END CURSOR >>>>>", re.DOTALL)
#: How other agents' editors begin when they did not do what was asked.
_FAILED = re.compile(
    r"\s*(?:Your proposed edit has introduced|Your edit was not applied|Text not found|No replacement was performed|"
    r"(?:Error|ERROR|Usage|usage|Invalid|Unrecognized|Traceback)\b|Warning: Multiple|No file open|"
    r"File [^\n]* not found|The path [^\n]* (?:does not exist|is not)|No edit history|File already exists|"
    r"Found \d+ occurrences|No occurrences|Your search string)"
)
_INSTANCE = re.compile(r"\b([A-Za-z0-9][A-Za-z0-9-]*)(?:__|_1776_)([A-Za-z0-9][\w.-]*?)-\d+\b")
_OF_DIRECTORY = re.compile(r"/([A-Za-z0-9][A-Za-z0-9-]*)__([A-Za-z0-9][\w.-]*)")
#: How mini-swe-agent shows a model what its shell printed.
_WRAPPED = re.compile(r"<returncode>-?\d+</returncode>\s*<output>\n?(.*)</output>\s*", re.DOTALL)
_SECTION = re.compile(r"^(?=diff --git )", re.MULTILINE)


def format_of(started: AttemptStarted) -> str:
    """The format that an attempt was imported from; ``""`` for one of ours."""
    foreign = (started.model_extra or {}).get("foreign")
    return str(foreign.get("format") or "") if isinstance(foreign, Mapping) else ""


def repositories_of(started: AttemptStarted) -> list[str]:
    """What an imported attempt's repository may be called, ``owner/name`` each, by what data sets call its task."""
    found: list[str] = []
    if re.fullmatch(r"[\w.-]+/[\w.-]+", str(started.task.get("repo") or "")):
        found.append(str(started.task["repo"]))
    if directory := _OF_DIRECTORY.fullmatch(str(started.sandbox.get("workdir") or "")):
        found.append(f"{directory[1]}/{directory[2]}")
    for text in (str(started.task.get("id") or ""), json.dumps((started.model_extra or {}).get("foreign"))):
        found += [f"{instance[1]}/{instance[2]}" for instance in _INSTANCE.finditer(text)]
    return list(dict.fromkeys(found))


def base_by_patch(git: Git, patch: str) -> str | None:
    """The latest commit whose files are those that a patch was made for, by the ids of their content in it.

    Args:
        git: A repository with the history.
        patch: A unified diff as git writes it.
    """
    wanted = _blobs(patch)
    for path, digest in wanted.items():
        done = git.run("log", "--all", "--format=%H %P", f"--find-object={digest}", "--", path)
        lines = done.stdout.decode().splitlines() if done.returncode == 0 else []
        # Of the commits that brought the content or took it away: the parents of the latter are the last to have it.
        for commit in [parent for line in lines for parent in line.split()[1:]] + [line.split()[0] for line in lines]:
            if all(_has(git, commit, file, blob) for file, blob in wanted.items()):
                return commit
    return None


def same_patch(recorded: str, now: str) -> bool:
    """Whether two patches make the same of the same files, however git abbreviates and orders."""
    return _essence(recorded) == _essence(now)


class ForeignPlayer(Player):
    """Plays actions of another agent.

    Attributes:
        format: The format that they were imported from.
        until: The last step of that agent in a fork that went on with ours; ``None``: all are.
        given: The latest action as our tools were given it; ``None``: they were given nothing.
    """

    format: str = ""
    until: int | None = None
    given: Call | None = None
    _cursors: tuple[int, int] | None = None

    @property
    def starts_at_root(self) -> bool:
        """Whether each command starts at the top of the repository, wherever the one before it went."""
        return self.format.startswith("mini-swe-agent")

    def play(self, entry: Entry) -> Result:
        """Execute one action by our tools; see the module for what is compared.

        Raises:
            SandboxError: The sandbox is lost.
        """
        if self.until is not None:
            if entry.step > self.until:
                return super().play(entry)
            if entry.patch is not None:
                self.expected = entry.patch
        self.given = None
        if reason := self._not_run(entry):
            return Result(entry, "not_run", reason=reason)
        assert entry.observed is not None
        try:
            return self._play(entry, entry.observed)
        finally:
            if shown := _CURSORS.search(entry.observed.text):
                self._cursors = int(shown[1]), int(shown[2] or shown[1])

    def _play(self, entry: Entry, observed: Observed) -> Result:
        session = self.session
        if self.starts_at_root:
            session.cwd = session.root
        try:
            call = self._adapted(entry)
            with _to_the_letter(session):
                now = execute(session, call, self.tools)
            self.given = call
        except CallError as error:
            return Result(entry, "not_run", reason=f"our tools cannot do it: {error.text.splitlines()[0]}")
        except ToolError as error:
            return Result(entry, "not_run", reason=error.text)
        if call.name == "bash":
            return self._printed(entry, observed, now)
        if call.name in _EDITS:
            return self._edited(entry, call, observed, now)
        done = now.observation.ok or _FAILED.match(observed.text) is not None
        reason = "" if done else f"{call.name}: {_first_line(now.observation.text)}"
        return Result(entry, "equal" if done else "different", now.observation, reason=reason, changed=now.changed)

    def patch(self, recorded: str) -> tuple[Kind, str]:
        """How the patch as it is now compares with what was submitted, and a diff."""
        if self.until is not None:
            return super().patch(recorded)
        now = self.session.latest_patch()
        if same_patch(recorded, now):
            return "equal", ""
        return "different", difference(Told(_essence(recorded)), Told(_essence(now)))

    def _adapted(self, entry: Entry) -> Call:
        """The call as our tools understand it."""
        session = self.session
        call = self.moved(entry.action.call)
        raw = (entry.action.model_extra or {}).get("raw")
        if call.name == "bash" and isinstance(raw, str):
            call = self._of_its_editor(raw) or call
        arguments = dict(call.arguments)
        for key in ("path", "dir"):
            if isinstance(arguments.get(key), str):
                arguments[key] = str(PurePosixPath(session.cwd) / arguments[key])
        if call.name in ("find_file", "search_dir"):
            arguments.setdefault("dir", session.cwd)
        if call.name in ("edit", "insert") and "path" not in arguments:
            self._open(entry.observed)
            if self.session.open_path is not None:
                arguments["path"] = str(PurePosixPath(session.root) / self.session.open_path)
        if call.name == "edit":
            arguments["end"] = self._last_line(arguments)
        return Call(id=call.id, name=call.name, arguments=arguments)

    def _of_its_editor(self, raw: str) -> Call | None:
        """A command of its editor for which we have no tool of that form."""
        if (edit := _BETWEEN_CURSORS.fullmatch(raw)) and self._cursors is not None:
            start, end = self._cursors
            return Call(name="edit", arguments={"start": start, "end": end, "text": edit[1]})
        if re.match(r"insert\s", raw) and self.session.open_path is not None:
            words = _words(raw)
            if len(words) == 2:
                path = self.session.open_path
                lines = self.session.read(path).split(b"\n")
                arguments = {"line": len(lines) - (lines[-1] == b""), "path": f"{self.session.root}/{path}"}
                return Call(name="insert", arguments={**arguments, "text": words[1]})
        return None

    def _open(self, observed: Observed | None) -> None:
        """See to it that the file is open that was open there.

        Raises:
            ToolError: It is none of the repository.
        """
        data = observed.data if observed is not None else {}
        path = data.get("path")
        if not isinstance(path, str) or not path:
            return
        whole = Call(name="open", arguments={"path": str(PurePosixPath(data.get("cwd") or self.session.root) / path)})
        there = self.session.relative(self.moved(whole).arguments["path"])
        if there != self.session.open_path:
            self.session.open_path, self.session.first_line = there, 1

    def _last_line(self, arguments: Mapping[str, Any]) -> Any:
        path = arguments.get("path") or self.session.open_path
        end = arguments.get("end")
        if not isinstance(path, str) or not isinstance(end, int):
            return end
        lines = self.session.read(self.session.relative(path)).split(b"\n")
        return min(end, max(len(lines) - (lines[-1] == b""), 1))

    def _printed(self, entry: Entry, observed: Observed, now: Done) -> Result:
        wrapped = _WRAPPED.fullmatch(observed.text)
        then = wrapped[1] if wrapped else _without_notes(observed.text)
        recorded = Told(_plain(then), self.root, observed.time, max(observed.duration, 1.0))
        told = Told(_plain(_without_notes(now.observation.text)), self.session.root, now.ended, now.took)
        if alike(recorded, told) or sorted(recorded.text.split()) == sorted(told.text.split()):
            return Result(entry, "equal", now.observation, changed=now.changed)
        diff = difference(recorded, told)
        return Result(entry, "different", now.observation, diff, "the shell printed something else", now.changed)

    def _edited(self, entry: Entry, call: Call, observed: Observed, now: Done) -> Result:
        landed = observed.ok and _FAILED.match(observed.text) is None
        if landed == now.observation.ok:
            return Result(entry, "equal", now.observation, changed=now.changed)
        said = _first_line(now.observation.text)
        if not landed:
            undone = self.session.undo()
            where = f" of {undone.path}" if undone else ""
            reason = f"our guard lets an edit{where} through that was refused; it was taken back"
            return Result(entry, "different", now.observation, reason=reason)
        if now.observation.code != GUARD_REFUSED:
            return Result(entry, "different", now.observation, reason=f"{call.name}: {said}")
        guard, self.session.guard = self.session.guard, None
        try:
            now = execute(self.session, call, self.tools)
        finally:
            self.session.guard = guard
        reason = f"our guard refuses an edit that was let through ({said}); it was made without the guard"
        return Result(entry, "different", now.observation, reason=reason, changed=now.changed)


@contextmanager
def _to_the_letter(session: Session) -> Iterator[None]:
    """Edits land as they are written, or not at all."""
    settings = session.settings
    session.settings = replace(settings, fit_indentation=False)
    try:
        yield
    finally:
        session.settings = settings


def _blobs(patch: str) -> dict[str, str]:
    """The ids of the content of files before a patch, by their paths; new files left out."""
    found = {}
    for section in _SECTION.split(patch):
        index = re.search(r"^index ([0-9a-f]{7,40})\.\.", section, re.MULTILINE)
        before = re.search(r"^--- a/(.+?)\t?$", section, re.MULTILINE)
        if index and before and set(index[1]) != {"0"}:
            found[before[1]] = index[1]
    return found


def _has(git: Git, commit: str, path: str, digest: str) -> bool:
    done = git.run("rev-parse", f"{commit}:{path}")
    return done.returncode == 0 and done.stdout.decode().startswith(digest)


def _essence(patch: str) -> str:
    """A patch without what depends on how git was called: ids, the function that a hunk stands in, the order."""
    text = re.sub(r"^index .*\n", "", patch.replace("\r\n", "\n"), flags=re.MULTILINE)
    text = re.sub(r"^(@@ [^@]+ @@).*", r"\1", text, flags=re.MULTILINE)
    return "\n".join(sorted(section.strip("\n") for section in _SECTION.split(text) if section.strip()))


def _plain(text: str) -> str:
    """What a shell printed, without the line ends of a terminal."""
    return "\n".join(line.rstrip() for line in text.replace("\r\n", "\n").strip("\n").split("\n"))


def _without_notes(text: str) -> str:
    """What a shell printed, without what our tool says of it; SWE-agent says the same where that is nothing."""
    lines = [line for line in text.split("\n") if not line.startswith("[exit code ")]
    return (
        "" if lines and lines[0].startswith(("Your command ran", "The command did not produce")) else "\n".join(lines)
    )


def _words(raw: str) -> list[str]:
    try:
        return shlex.split(raw)
    except ValueError:
        return []


def _first_line(text: str) -> str:
    return next((line for line in text.splitlines() if line.strip()), "")
