"""Executes recorded actions again, one after the other, and judges what comes of each."""

from __future__ import annotations

import hashlib
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from aci_tools.session import Session
from aci_tools.tools.base import REFUSED, WITHDRAWN, Observation
from aci_tools.tools.calls import CallError, build
from agent.formats.base import Tools
from agent.rebuild import NOT_KEPT, Rebuilt, masked, set_right
from agent.replay.entries import Entry
from trajectories.events import Call
from trajectories.normalise import Told, alike, by_chance, difference
from trajectories.redact import MASK, Redactor

#: ``chance``: it differs from the record only where two executions of now differ from each other.
Kind = Literal["equal", "chance", "different", "not_run"]

#: The order of what these list says nothing.
_UNORDERED = frozenset({"find_file", "search_dir"})
_UNORDERED_COMMAND = re.compile(r"\b(?:find|rg|ag|git grep|grep\s+(?:-\S+\s+)*-\w*[rR]|ls\s+-\w*U)\b")
_PROCESSES = re.compile(r"\$\$|\$!|\bBASHPID\b|\bPPID\b|getp?pid|\b(?:ps|pgrep|pidof|pstree|top|jobs|lsof)\b|/proc/")
_SORTED = re.compile(r"\bsort\b|\|\s*nl\b|\bcat\s+-n\b")
_COMMITS = 'git log --all --reflog --format=%H --not "$PATCHWRIGHT_BASE" 2>/dev/null'
_BINARY = re.compile(r"^(?:literal|delta) \d+\n(?:[A-Za-z][^\n ]+\n)*", re.MULTILINE)
#: So that what depends on the times of files differs on a second computer.
_OTHER_TIMES = "git ls-files -z | xargs -0 touch -h -d '-5 hours' 2>/dev/null; git status --short >/dev/null"
_HEX = re.compile(r"\b[0-9a-f]{7,40}\b")


@dataclass(frozen=True)
class Result:
    """What came of an action when it was executed again.

    Attributes:
        entry: The recorded action.
        kind: See :data:`Kind`.
        now: The new observation; ``None`` where it was not executed.
        diff: A unified diff from the recorded observation (or patch) to the new one; ``""`` where they are equal.
        reason: Why it was not executed, or what differs, in words.
        changed: Whether it changed files.
        patch: The patch after it; ``None`` where it was not executed.
    """

    entry: Entry
    kind: Kind
    now: Observation | None = None
    diff: str = ""
    reason: str = ""
    changed: bool = False
    patch: str | None = None

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "step": self.entry.step,
            "action": self.entry.action.call.model_dump(mode="json", include={"name", "arguments"}),
            "result": self.kind,
            "reason": self.reason,
            "diff": self.diff,
        }


@dataclass
class Done:
    """One execution of an action."""

    observation: Observation
    patch: str
    changed: bool
    took: float
    ended: float


@dataclass
class Player:
    """Plays the recorded actions on a fresh computer.

    Args:
        session: As it was before the first action.
        tools: The tools of the attempt.
        redactor: Masks what looks like a secret, as the record does.
        root: The repository's directory in the recorded sandbox.
        expected: The recorded patch before the first action, and then after each.
        again: Opens another session like this one, to tell chance from change; ``None``: everything counts as change.
    """

    session: Session
    tools: Tools
    redactor: Redactor
    root: str = ""
    expected: str = ""
    again: Callable[[], Session] | None = None
    _played: list[Entry] = field(default_factory=list)
    _twin: Session | None = None
    _twins_at: int = 0
    _latest: Done | None = None

    def play(self, entry: Entry) -> Result:
        """Execute one action and compare.

        Raises:
            SandboxError: The sandbox is lost.
        """
        self._played.append(entry)
        if entry.patch is not None:
            self.expected = entry.patch
        if reason := self._not_run(entry):
            # What it did to the files is in the recorded patch, the secret aside.
            set_right(self.session, self.expected, self.redactor, Rebuilt())
            return Result(entry, "not_run", reason=reason)
        try:
            now = execute(self.session, self.moved(entry.action.call), self.tools)
        except CallError as error:
            return Result(entry, "different", reason=f"it is no call of a tool any more: {error.text}")
        return replace(self._judge(entry, now), now=now.observation, changed=now.changed, patch=now.patch)

    def patch(self, recorded: str) -> tuple[Kind, str]:
        """How the patch as it is now compares with the recorded one, and a diff."""
        kind, diff, _ = self._compare_patch(recorded, self.redactor.text(self.session.latest_patch()))
        return kind, diff

    def disturb(self) -> None:
        """Say that the computer was used for something else: another one is not like it any more."""
        self.again = self._twin = None

    def moved(self, call: Call, session: Session | None = None) -> Call:
        """A call with the repository's directory as it is now called, where it names that."""
        arguments = {
            name: self.moved_text(value, session) if isinstance(value, str) else value
            for name, value in call.arguments.items()
        }
        return Call(id=call.id, name=call.name, arguments=arguments)

    def moved_text(self, text: str, session: Session | None = None) -> str:
        """A text with the repository's directory as it is now called; in this session, unless another is given."""
        root = (session or self.session).root
        if not self.root.strip("/") or self.root == root:
            return text
        return re.sub(rf"{re.escape(self.root)}(?![\w.-])", lambda _: root, text)

    def _not_run(self, entry: Entry) -> str:
        if entry.observed is None:
            return "the attempt ended before it was done"
        if entry.observed.code == NOT_KEPT:
            return "it was not executed then either, because a secret in it was not kept"
        if entry.observed.code == REFUSED:
            return "it was refused then"
        if entry.observed.code == WITHDRAWN:
            return "it was taken back half-way"
        return "what looks like a secret in it is not recorded" if masked(entry.action.call) else ""

    def _judge(self, entry: Entry, now: Done) -> Result:
        observed = entry.observed
        assert observed is not None
        recorded = Told(observed.text, self.root, observed.time, observed.duration, _processes(entry))
        told = self._told(now, self.session)
        unordered = _is_unordered(entry.action.call)
        diff = reason = ""
        if (observed.ok, observed.code) != (now.observation.ok, now.observation.code):
            reason = (
                f"{_outcome(observed.ok, observed.code)} then, {_outcome(now.observation.ok, now.observation.code)} now"
            )
        if reason or not self._alike(recorded, told, unordered):
            diff = difference(recorded, told)
            other = self._once_more()
            if other is None or not self._by_chance(recorded, observed.ok, now, other):
                return Result(entry, "different", diff=diff, reason=reason)
        kind: Kind = "chance" if diff or reason else "equal"
        if entry.patch is not None or now.changed:
            of_patch, patch_diff, why = self._compare_patch(self.expected, self.redactor.text(now.patch))
            if of_patch == "different":
                return Result(entry, of_patch, diff=patch_diff, reason=why)
            kind = of_patch if kind == "equal" else kind
        return Result(entry, kind, diff=diff, reason=reason)

    def _alike(self, recorded: Told, now: Told, unordered: bool) -> bool:
        if alike(recorded, now, unordered=unordered):
            return True
        new = self._new_commits()
        if not any(commit.startswith(word) for word in _HEX.findall(now.text) for commit in new):
            return False
        # The name of a commit is made of the time, among other things; older commits keep theirs.
        there = set(_HEX.findall(now.text))

        def named(told: Told, mine: Callable[[str], bool]) -> Told:
            text = _HEX.sub(lambda found: "<commit>" if mine(found[0]) else found[0], told.text)
            return replace(told, text=text)

        return alike(
            named(recorded, lambda word: word not in there),
            named(now, lambda word: any(commit.startswith(word) for commit in new)),
            unordered=unordered,
        )

    def _new_commits(self) -> list[str]:
        done = self.session.sandbox.run(
            _COMMITS, cwd=self.session.root, env={"PATCHWRIGHT_BASE": self.session.base}, timeout=60
        )
        return done.text.split() if done.ok else []

    def _by_chance(self, recorded: Told, ok: bool, now: Done, other: Done) -> bool:
        assert self._twin is not None
        told, again = self._told(now, self.session), self._told(other, self._twin)
        if other.observation.ok == ok and alike(recorded, again):
            return True
        same_end = ok in (now.observation.ok, other.observation.ok)
        return same_end and by_chance(recorded, told, again)

    def _compare_patch(self, recorded: str, now: str) -> tuple[Kind, str, str]:
        recorded, now = _without_masked(recorded, now)
        if recorded == now:
            return "equal", "", ""
        why = "the files are not what they became then"
        last = self._played[-1].observed if self._played else None
        then = Told(_without_digests(recorded), self.root, last.time if last else 0.0)
        told = Told(_without_digests(now), self.session.root, time.time())
        # A file may hold the time at which it was written.
        if alike(then, told):
            return "chance", "", why
        other = self._once_more()
        if other is not None and self._twin is not None:
            again = Told(_without_digests(self.redactor.text(other.patch)), self._twin.root, time.time())
            if by_chance(then, told, again):
                return "chance", "", why
        return "different", difference(then, told), why

    def _once_more(self) -> Done | None:
        """The latest action on another computer, on which all before it was done too."""
        if self.again is None:
            return None
        if self._twin is None:
            self._twin = self.again()
            self._twin.sandbox.run(_OTHER_TIMES, cwd=self._twin.root, timeout=120)
        done: Done | None = self._latest if self._twins_at == len(self._played) else None
        for entry in self._played[self._twins_at :]:
            if self._not_run(entry):
                continue
            try:
                done = execute(self._twin, self.moved(entry.action.call, self._twin), self.tools)
            except CallError:
                continue
        self._twins_at, self._latest = len(self._played), done
        return done

    def _told(self, done: Done, session: Session) -> Told:
        text = self.redactor.text(done.observation.text)
        return Told(text, session.root, done.ended, done.took, _processes(self._played[-1]))


def execute(session: Session, call: Call, tools: Tools) -> Done:
    """Execute a call as the loop does.

    Raises:
        CallError: It does not fit the tools.
        SandboxError: The sandbox is lost.
    """
    tool = build(call.name, call.arguments, tools)
    before, began = session.fingerprint, time.monotonic()
    observation = session.execute(tool)
    took = time.monotonic() - began
    return Done(observation, session.patch_so_far or "", session.fingerprint != before, took, time.time())


def _is_unordered(call: Call) -> bool:
    if call.name in _UNORDERED:
        return True
    command = call.arguments.get("command")
    return (
        call.name == "bash"
        and isinstance(command, str)
        and _UNORDERED_COMMAND.search(command) is not None
        and _SORTED.search(command) is None
    )


def _processes(entry: Entry) -> bool:
    """Whether an action asks for the numbers of processes."""
    call = entry.action.call
    return call.name == "bash" and _PROCESSES.search(str(call.arguments.get("command"))) is not None


def _outcome(ok: bool, code: str) -> str:
    return "ok" if ok else code or "not ok"


def _without_masked(recorded: str, now: str) -> tuple[str, str]:
    """Two patches without the files of which the record does not hold everything."""
    if MASK not in recorded:
        return recorded, now
    parts = [re.split(r"^(?=diff --git )", patch, flags=re.MULTILINE) for patch in (recorded, now)]
    heads = {part.partition("\n")[0] for part in parts[0] if MASK in part}
    left, right = ("".join(part for part in side if part.partition("\n")[0] not in heads) for side in parts)
    return left, right


def _without_digests(patch: str) -> str:
    """A patch without the ids of files, and with one word for the content of a binary file.

    For compiled Python the word is the same whatever it holds: that is the time of its source too.
    """
    text = re.sub(r"^index [0-9a-f]+\.\.[0-9a-f]+", "index", patch, flags=re.MULTILINE)
    if "\nGIT binary patch\n" not in text:
        return text
    parts = re.split(r"^(?=diff --git )", text, flags=re.MULTILINE)
    return "".join(_BINARY.sub(_word_for(part.partition("\n")[0]), part) for part in parts)


def _word_for(header: str) -> Callable[[re.Match[str]], str]:
    if header.endswith((".pyc", ".pyo")):
        return lambda _: "compiled\n"
    return lambda found: f"binary {hashlib.sha256(found[0].encode()).hexdigest()}\n"


def counts(results: Sequence[Result]) -> dict[str, int]:
    """How many results there are of each kind."""
    return {
        kind: sum(result.kind == kind for result in results) for kind in ("equal", "chance", "different", "not_run")
    }
