"""The agent's seat at the computer: the sandbox, the open file, the directory, the edits made so far."""

from __future__ import annotations

import errno
import hashlib
import shlex
import traceback
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from aci_tools.errors import PatchError, PatchwrightError
from aci_tools.examples import Examples
from aci_tools.patch import changed_since_patch, working_tree_patch
from aci_tools.sandbox.base import Sandbox
from aci_tools.text import printable
from aci_tools.tools.base import BROKEN, COMMAND_FAILED, NOT_FOUND, Observation, Tool, ToolError

if TYPE_CHECKING:
    from aci_tools.testing.plan import TestPlan
    from aci_tools.testing.report import TestReport


# What is in the index, and behind a mark that no path looks like: what of it is no longer in the working tree.
_LIST_FILES = r"git ls-files -z --cached --others --exclude-standard; printf '\0//\0'; git ls-files -z --deleted"


class EditGuard(Protocol):
    """Inspects an edit before it lands (see :mod:`aci_tools.guard`)."""

    def refuse(self, path: str, before: bytes | None, after: bytes) -> list[Any]:
        """The diagnostics that the edit introduces; empty when it may land."""


class CommandPolicy(Protocol):
    """Judges a command before it runs (see :mod:`aci_tools.policy`)."""

    def refuse(self, text: str) -> str:
        """Why a shell text must not run and what to do instead; ``""`` where it may."""


class Pristine(Protocol):
    """Knows what tests come to before any edit."""

    def report(self, plan: TestPlan, target: str, timeout: float) -> TestReport | None:
        """The outcome of tests on the code as it was; ``None`` where that cannot be told."""


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What a profile chooses about the tools.

    Attributes:
        fit_indentation: Whether edited lines that the guard refuses are indented to fit the file where that mends them.
        window: Lines shown by the viewer at once.
        max_results: Entries that a search lists before it asks for a narrower term.
        command_timeout: Seconds for ``bash``.
        test_timeout: Seconds for ``run_tests``.
        test_command: Command that runs the tests; ``None``: found out from the repository.
        test_delta: Whether ``run_tests`` compares with the tests before any edit.
        max_output: Characters of a command's output that the model sees (head and tail).
        review_submit: Whether ``submit`` shows the diff once before it ends the attempt.
        test_after_edit: Whether an edit's observation ends with the outcome of the tests.
        take_back: Whether an edit is taken back when a check after it speaks against it (see :mod:`aci_tools.checks`).
        submit_when_solved: Whether an edit submits by itself when those checks find the issue solved.
    """

    fit_indentation: bool = True
    window: int = 100
    max_results: int = 50
    command_timeout: float = 120.0
    test_timeout: float = 600.0
    test_command: str | None = None
    test_delta: bool = True
    max_output: int = 10_000
    review_submit: bool = False
    test_after_edit: bool = False
    take_back: bool = False
    submit_when_solved: bool = False


@dataclass(slots=True)
class FileEdit:
    """One landed edit, for ``undo``: the file's bytes before it (``None``: there was no file) and after it."""

    path: str
    before: bytes | None
    after: bytes


@dataclass(slots=True)
class Session:
    """What tools work on. Everything here can be rebuilt by executing the recorded actions again.

    Attributes:
        sandbox: The computer.
        guard: Inspects edits; ``None`` switches the guard off.
        policy: Judges commands; ``None``: all may run.
        cwd: Directory in which ``bash`` starts, absolute.
        open_path: The file in the viewer, relative to the repository, or ``None``.
        first_line: First line of the viewer's window, from 1.
        edits: Landed edits, the newest last.
        test_plan: How tests are run here, once known.
        baseline: The outcome of the tests before any edit, once known.
        pristine: Tells that outcome from a sandbox that nobody has worked in; ``None``: nothing does.
        reviewed: The patch that ``submit`` has shown for review.
        search_program: The program that searches text, once known.
        examples: The issue's own examples, which are run again after every edit.
        undone: Edits in a row that were taken back.
        failed_patches: Patches that are known to be wrong. An edit that leads to one is taken back, where edits are.
        base: The commit that the patch is made against.
        patch_so_far: The patch after the latest action; ``None`` while nothing could have changed.
    """

    sandbox: Sandbox
    settings: SessionSettings = field(default_factory=SessionSettings)
    guard: EditGuard | None = None
    policy: CommandPolicy | None = None
    cwd: str = ""
    open_path: str | None = None
    first_line: int = 1
    edits: list[FileEdit] = field(default_factory=list)
    test_plan: TestPlan | None = None
    baseline: TestReport | None = None
    pristine: Pristine | None = None
    reviewed: str | None = None
    search_program: str | None = None
    examples: Examples = field(default_factory=Examples)
    undone: int = 0
    failed_patches: frozenset[str] = frozenset()
    base: str = "HEAD"
    patch_so_far: str | None = None

    def __post_init__(self) -> None:
        self.cwd = self.cwd or self.sandbox.workdir

    @property
    def root(self) -> str:
        """The repository's directory inside the sandbox."""
        return self.sandbox.workdir

    def relative(self, path: str) -> str:
        """A path as the agent gave it, relative to the repository.

        Raises:
            ToolError: The path leads out of the repository or into ``.git``.
        """
        if "\0" in path:
            raise ToolError("A path cannot hold a NUL character.")
        root = PurePosixPath(self.root)
        parts: list[str] = []
        for part in (root / path.strip()).parts[1:]:
            if part == "..":
                parts = parts[:-1]
            elif part != ".":
                parts.append(part)
        whole = PurePosixPath("/", *parts)
        if whole != root and root not in whole.parents:
            raise ToolError(f"{path} is outside the repository ({self.root}). Give a path inside it.")
        relative = whole.relative_to(root)
        if relative.parts[:1] == (".git",):
            raise ToolError(f"{path} belongs to git; files in .git cannot be viewed or edited.")
        return str(relative)

    def target(self, path: str | None) -> str:
        """The file that a tool works on: the one given, else the open one; relative to the repository.

        Raises:
            ToolError: None is given and none is open.
        """
        if path:
            return self.relative(path)
        if self.open_path is None:
            raise ToolError("No file is open. Give the path, or open the file first.")
        return self.open_path

    def read(self, path: str, limit: int | None = None) -> bytes:
        """The bytes of a repository file.

        Args:
            path: The file, relative to the repository.
            limit: Bytes that it may have at most.

        Raises:
            ToolError: There is no such file (similar names are listed), it is a directory, or too large.
        """
        try:
            return self.sandbox.read(f"{self.root}/{path}", limit)
        except FileNotFoundError:
            if self.exists(path):
                nowhere = f"{path} is a link that leads nowhere. By a command you can see where to, or remove it."
                raise ToolError(nowhere, NOT_FOUND, path=path) from None
            raise ToolError(f"There is no file {path}.{self._similar(path)}", NOT_FOUND, path=path) from None
        except IsADirectoryError:
            raise ToolError(f"{path} is a directory. Use find_file to see what is in it.", path=path) from None
        except OSError as error:
            if error.errno == errno.EFBIG and limit is not None:
                large = f"{path} has more than {limit:,} bytes. Look at parts of it by commands (head, tail, grep)."
                raise ToolError(large, path=path) from None
            raise ToolError(f"{path} cannot be read: {error.strerror or error}.", path=path) from None

    def write(self, path: str, data: bytes) -> None:
        """Land an edit and remember what was there for ``undo``.

        Raises:
            ToolError: The file cannot be written.
        """
        try:
            before: bytes | None = self.sandbox.read(f"{self.root}/{path}")
        except (FileNotFoundError, NotADirectoryError):
            before = None
        try:
            self.sandbox.write(f"{self.root}/{path}", data)
        except OSError as error:
            raise ToolError(f"{path} cannot be written: {error.strerror or error}.", path=path) from None
        self.edits.append(FileEdit(path, before, data))

    def exists(self, path: str) -> bool:
        """Whether something is there under a path relative to the repository."""
        return self.sandbox.run(f"[ -e {shlex.quote(path)} ] || [ -L {shlex.quote(path)} ]", cwd=self.root).ok

    def undo(self, path: str | None = None) -> FileEdit | None:
        """Take the newest edit back, or the newest of one file; returns it, or ``None`` when there is none."""
        edit = next((e for e in reversed(self.edits) if path in (None, e.path)), None)
        if edit is None:
            return None
        # By identity: the same edit may have been made twice.
        self.edits = [e for e in self.edits if e is not edit]
        if edit.before is None:
            self.sandbox.run(f"rm -f -- {shlex.quote(edit.path)}", cwd=self.root)
        else:
            self.sandbox.write(f"{self.root}/{edit.path}", edit.before)
        return edit

    @property
    def fingerprint(self) -> str:
        """Equal for two moments at which the files are the same."""
        return hashlib.sha256((self.patch_so_far or "").encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def execute(self, call: Tool) -> Observation:
        """Run a tool; what it cannot do becomes an observation. Brings ``patch_so_far`` up to date.

        A tool that breaks is an observation too: an attempt is worth more than the call that it stumbled over.

        Raises:
            SandboxError: The sandbox is lost for good.
        """
        if call.edits and self.patch_so_far is None:
            self.patch()
        try:
            observation = call.run(self)
        except ToolError as error:
            observation = error.observation()
        except PatchError as error:
            observation = Observation(_without_patch(error), ok=False, code=COMMAND_FAILED)
        except PatchwrightError:
            raise
        except Exception as error:
            observation = _broken(call, error)
        if call.edits and changed_since_patch(self.sandbox):
            try:
                self.patch()
            except PatchError as error:
                observation = replace(observation, text=f"{observation.text}\n{_without_patch(error)}")
        return observation

    def patch(self) -> str:
        """The unified diff of the working tree against the commit that it started from, new files included."""
        self.patch_so_far = working_tree_patch(self.sandbox, self.base)
        return self.patch_so_far

    def latest_patch(self) -> str:
        """The same, or the last one that was made where git cannot make it any more."""
        try:
            return self.patch()
        except PatchError:
            return self.patch_so_far or ""

    def files(self) -> list[str]:
        """The repository's files as git sees them: tracked, and untracked but not ignored; relative, sorted."""
        listed = self.sandbox.run(_LIST_FILES, cwd=self.root, output_limit=16 << 20)
        there, _, deleted = listed.output.decode("utf-8", "surrogateescape").partition("\0//\0")
        return sorted({name for name in there.split("\0") if name} - set(deleted.split("\0")))

    def _similar(self, path: str) -> str:
        import difflib

        files = self.files()
        name = PurePosixPath(path).name
        same = [f for f in files if PurePosixPath(f).name == name]
        same = same or difflib.get_close_matches(path, files, n=3, cutoff=0.6)
        return f" Did you mean {' or '.join(map(printable, same[:3]))}?" if same else " Use find_file to look for it."


def _without_patch(error: PatchError) -> str:
    """What is told of an action after which the changes cannot be handed in; a later one may mend that."""
    return f"Your changes cannot be handed in as things are now: {error}. Mend that first; the last patch made is kept."


def _broken(call: Tool, error: Exception) -> Observation:
    """What is told of a tool that failed as its author did not foresee, with the place for whoever mends it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    data = {"error": f"{type(error).__name__}: {error}"[:300], "at": f"{Path(frame.filename).name}:{frame.lineno}"}
    text = f"{call.tool_name()} broke on this call, which is a fault of the tool ({type(error).__name__}). Use another."
    return Observation(text, ok=False, code=BROKEN, data=data)
