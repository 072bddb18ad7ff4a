"""Putting a prediction's patch into a sandbox the way the SWE-bench harness does, fallbacks included."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aci_tools.errors import SandboxError
from aci_tools.sandbox import CommandResult, Sandbox
from tasks.grading.patches import Section, sections

_TRIES = (
    "git apply --verbose",
    "git apply --verbose --3way",
    "git apply --verbose --reject",
    "patch --batch --forward --fuzz=5 -p1 -i",
)
_PATIENCE = 300.0
#: Git's own ways to run a program of the repository's choice are closed, and names are taken as they are.
GIT_ENV = {"GIT_LITERAL_PATHSPECS": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}
# An image's files have other inodes than when its index was written: by size and time alone none is read again.
_GIT = "git -c core.checkStat=minimal -c core.trustctime=false"
_DIFF = f"{_GIT} diff --no-ext-diff --no-renames --name-only -z"
_ESCAPE = r"\\\1"
_MANY = 1000  # names that fit on a command line
_SPECIAL = re.compile(r"([\\*?\[\]!#])")
_LISTING = 32 * 1024 * 1024


@dataclass(slots=True)
class Applied:
    """What came of applying a patch.

    Attributes:
        ok: Whether the repository now has it.
        reason: Why not, one line.
        notes: What a reader of the verdict should know.
        changed: Paths that differ from the base commit, new ones included.
    """

    ok: bool
    reason: str = ""
    notes: list[str] = field(default_factory=list)
    changed: tuple[str, ...] = ()


class Workplace:
    """A repository at its base commit inside a sandbox, and the log of what is done to it.

    Args:
        sandbox: Where it is.
        base: The commit.
        scratch: A directory of ours in the sandbox, outside the repository.
        env: Variables of every command.
    """

    def __init__(self, sandbox: Sandbox, base: str, scratch: str, env: Mapping[str, str]) -> None:
        self.sandbox = sandbox
        self.base = base
        self.scratch = scratch
        self._env = {**env, **GIT_ENV}
        self._log: list[str] = []
        #: What is there beside the repository: a virtual environment, build results. Directories end in a slash.
        self.environment = self.names("git ls-files --others --directory --no-empty-directory -z")

    @property
    def log(self) -> str:
        """Everything that was run, with its output."""
        return "\n".join(self._log)

    def say(self, line: str) -> None:
        """Write a line of our own into the log."""
        self._log.append(line)

    def run(self, command: str, **env: str) -> CommandResult:
        """Run a command at the top of the repository, and log it."""
        done = unless_lost(self.sandbox.run(command, env={**self._env, **env}, timeout=_PATIENCE))
        self._log.append(f"$ {command}\n{done.text.rstrip()}\n[{done.exit_code if done.end == 'exited' else done.end}]")
        return done

    def names(self, command: str) -> tuple[str, ...]:
        """The NUL-separated names that a command prints."""
        listing = f"{self.scratch}/names"
        done = self.sandbox.run(f"mkdir -p {self.scratch} && {command} >{listing}", env=self._env, timeout=_PATIENCE)
        if not done.ok:
            raise SandboxError(f"git cannot read the repository: {done.text.strip()[-200:] or done.end}")
        text = self.sandbox.read(listing).decode("utf-8", "surrogateescape")
        return tuple(name for name in text.split("\0") if name)

    def is_environment(self, path: str) -> bool:
        """Whether a path belongs to what was beside the repository before any patch."""
        return any(path == root or (root.endswith("/") and path.startswith(root)) for root in self.environment)

    def changed(self) -> tuple[str, ...]:
        """Paths that differ from the base commit, new ones included."""
        skipped = " ".join(f"-x {shlex.quote('/' + _SPECIAL.sub(_ESCAPE, root))}" for root in self.environment[:_MANY])
        found = self.names(f"{{ {_DIFF} {self.base} -- && git ls-files --others -z {skipped}; }}")
        return tuple(dict.fromkeys(name for name in found if not self.is_environment(name)))

    def at_base(self, path: str) -> str | None:
        """A file's text at the base commit; ``None`` where there was no such file."""
        command = f"git show {shlex.quote(f'{self.base}:{path}')}"
        done = unless_lost(self.sandbox.run(command, env=self._env, output_limit=_LISTING))
        return done.text if done.ok else None

    def restore(self, paths: Sequence[str]) -> None:
        """Bring paths back to what they were at the base commit; what was not there then is removed."""
        if not paths:
            return
        self.sandbox.write(f"{self.scratch}/paths", "\0".join(paths).encode("utf-8", "surrogateescape"))
        self.run(
            f"xargs -0 rm -rf -- <{self.scratch}/paths\n"
            f"xargs -0 {_GIT} reset -q {self.base} -- <{self.scratch}/paths >/dev/null 2>&1\n"
            f"xargs -0 git ls-tree -z --name-only {self.base} -- <{self.scratch}/paths >{self.scratch}/known\n"
            f"[ ! -s {self.scratch}/known ] || xargs -0 {_GIT} checkout -q {self.base} -- <{self.scratch}/known"
        )

    def reset(self) -> None:
        """Bring the whole repository back to the base commit; what is beside it stays."""
        kept = " ".join(
            f"-e {shlex.quote('/' + _SPECIAL.sub(_ESCAPE, root.rstrip('/')))}" for root in self.environment[:_MANY]
        )
        self.run(f"{_GIT} reset -q --hard {self.base}; git clean -ffdq {kept}")


def unless_lost(done: CommandResult) -> CommandResult:
    """What a command did, where the sandbox outlived it: nothing is concluded from one that was lost.

    Raises:
        SandboxError: The sandbox was lost under the command.
    """
    if done.end == "lost":
        raise SandboxError("the sandbox was lost while a command ran in it")
    return done


def apply_prediction(place: Workplace, patch: str) -> Applied:
    """Apply a patch, by the first of the harness's four ways that works.

    What the patch does outside the repository proper (``.git``, paths that lead out of it, the environment beside it)
    is left out.

    Args:
        place: The repository, at its base commit.
        patch: A unified diff.
    """
    notes: list[str] = []
    parts = sections(patch)
    refused = [(part, reason) for part in parts if (reason := _refusal(part, place))]
    if refused:
        left_out = {id(part) for part, _ in refused}
        patch = "".join(part.text for part in parts if id(part) not in left_out)
        notes += [f"Left out of the patch: {', '.join(part.paths)} ({reason})." for part, reason in refused]
        if not patch:
            return Applied(True, notes=notes)
    if not patch.endswith("\n"):
        patch += "\n"
        notes.append("The patch lacked its final newline; it was given one.")
    file = f"{place.scratch}/patch.diff"
    place.sandbox.write(file, patch.encode("utf-8", "surrogateescape"))
    done = None
    for number, command in enumerate(_TRIES):
        if number:
            place.reset()
        done = place.run(f"{command} {file}")
        if done.ok:
            place.say(">>>>> Applied Patch")
            if number:
                notes.append(f"The patch was applied by `{command.removesuffix(' -i')}`.")
            return Applied(True, notes=notes, changed=place.changed())
    if place.run(f"git apply --check --reverse {file}").ok:
        place.say(">>>>> Applied Patch: verified already applied")
        return Applied(True, notes=[*notes, "The patch was in the repository already."], changed=place.changed())
    place.say(">>>>> Patch Apply Failed")
    said = [line for line in (done.text if done else "").splitlines() if line.strip()]
    return Applied(False, reason=said[-1][:300] if said else "no way to apply it worked", notes=notes)


def _refusal(part: Section, place: Workplace) -> str:
    for path in part.paths:
        steps = path.split("/")
        if path.startswith("/") or ".." in steps:
            return "the path leads out of the repository"
        if any(step.lower() == ".git" for step in steps):
            return "git's own files"
        if place.is_environment(path):
            return "part of the environment, not of the repository"
    return ""
