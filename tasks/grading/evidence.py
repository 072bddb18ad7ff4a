"""The runner's own report: placed where tested code cannot guess, read back only as far as its signatures hold."""

from __future__ import annotations

import hashlib
import hmac
import json
import posixpath
import secrets
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aci_tools.errors import SandboxError
from aci_tools.sandbox import Sandbox

_HOOKS = Path(__file__).with_name("hooks")
_FILES = ("sitecustomize.py", "report_pytest.py", "report_unittest.py", "report_sympy.py")
_KEYS = 32  # processes that can report; a launcher uses one up as well
_READ_LIMIT = 256 * 1024 * 1024
#: Programs that start the runner and are none.
_LAUNCHERS = frozenset(
    {"tox", "nox", "pip", "pip3", "hatch", "pdm", "poetry", "pipenv", "virtualenv", "uv", "coverage"}
)


@dataclass(slots=True)
class Session:
    """What one process reported.

    Attributes:
        command: Its arguments.
        runner: ``pytest``, ``unittest`` or ``sympy``; ``""`` for a process that ran no tests.
        file: Where the runner was imported from.
        results: Each outcome in the order met: name as the runner prints it, other name, outcome in the runner's word.
        ended: The runner's own exit status; ``None`` when it did not come to its end.
        hooks: Functions that can change outcomes, with the file that they come from.
        tampered: Functions of the runner that were replaced while it ran, with the file that the new ones come from.
        forged: Lines of its report that its key did not sign.
    """

    command: tuple[str, ...] = ()
    runner: str = ""
    file: str = ""
    results: list[tuple[str, str, str]] = field(default_factory=list)
    ended: int | None = None
    hooks: list[tuple[str, str]] = field(default_factory=list)
    tampered: list[tuple[str, str]] = field(default_factory=list)
    forged: int = 0

    @property
    def launcher(self) -> bool:
        """Whether the process was only there to start another."""
        return not _LAUNCHERS.isdisjoint(posixpath.basename(word) for word in self.command[:3])

    def render(self) -> str:
        """What the runner would have printed had nothing else printed."""
        if self.runner == "pytest":
            order = ("PASSED", "SKIPPED", "XFAIL", "XPASS", "ERROR", "FAILED")  # that of its summary
            results = sorted(self.results, key=lambda result: order.index(result[2]) if result[2] in order else 0)
            return "".join(f"{outcome} {name}\n" for name, _, outcome in results)
        joint = " ... " if self.runner == "unittest" else " "
        return "".join(f"{name}{joint}{outcome}\n" for name, _, outcome in self.results)


@dataclass(slots=True)
class Report:
    """What the runners of one evaluation reported."""

    sessions: list[Session] = field(default_factory=list)

    @property
    def loaded(self) -> bool:
        """Whether a process other than a launcher came up with our hooks."""
        return any(not session.launcher for session in self.sessions)

    @property
    def runs(self) -> list[Session]:
        """The sessions that ran tests."""
        return [session for session in self.sessions if session.runner]

    @property
    def exit_status(self) -> int:
        """The worst exit status that a runner gave itself; 0 when none did."""
        return max((session.ended or 0 for session in self.runs), default=0)

    def render(self) -> str:
        """What the runners would have printed had nothing else printed."""
        return "".join(session.render() for session in self.runs)

    def faults(self, changed: Collection[str], patched: Mapping[str, str | None]) -> list[str]:
        """Why the report cannot be believed, a sentence each.

        Args:
            changed: Paths that the patch changes.
            patched: Those of them that the known solution does not, with their text at the base commit.
        """
        found: list[str] = []
        for session in self.runs:
            plugins = {file for _, file in session.hooks}  # what may change outcomes anyway
            for name, file in session.tampered:
                if file not in plugins or _among(file, changed):
                    found.append(f"{name} was replaced while the tests ran.")
            if (path := _among(session.file, patched)) and patched[path] is None:
                found.append(f"The patch brings a test runner of its own: {path}.")
            for hook, file in session.hooks:
                path = _among(file, patched)
                added = path is not None and f"def {hook}" not in (patched[path] or "")
                if added or file.startswith("<"):
                    found.append(f"The patch adds {hook}, which can change outcomes, in {path or file}.")
        if any(session.ended is None for session in self.runs):
            found_end = "The runner did not come to its end."
            return [*dict.fromkeys(found), found_end] if found else []
        return list(dict.fromkeys(found))

    @property
    def notes(self) -> list[str]:
        """What a reader of the verdict should know, a sentence each."""
        said = []
        if any(session.ended is None for session in self.runs):
            said.append("The runner did not come to its end.")
        if forged := sum(session.forged for session in self.sessions):
            said.append(f"The runner's report held {forged} lines that it did not write; they were not read.")
        return said


class Reporting:
    """Hooks of ours in a sandbox, that have the runner of the tests report.

    Args:
        sandbox: Where the tests will run; what is placed serves one run of them.
        root: Directory to make, of a name that cannot be guessed.
    """

    def __init__(self, sandbox: Sandbox, root: str) -> None:
        self._sandbox = sandbox
        self._root = root
        self._keys = {f"{number:02}": secrets.token_hex(32) for number in range(_KEYS)}
        for name in _FILES:
            sandbox.write(f"{self._root}/{name}", (_HOOKS / name).read_bytes())
        lines = [f"mkdir -p {self._root}/keys {self._root}/records"]
        lines += [f"printf %s {key} >{self._root}/keys/{name}" for name, key in self._keys.items()]
        done = sandbox.run("\n".join(lines))
        if not done.ok:
            raise SandboxError(f"no place for the tests' report could be made: {done.text.strip()[-200:] or done.end}")

    @property
    def setup(self) -> str:
        """Shell lines that have every Python started after them report."""
        return (
            f'export PYTHONPATH="{self._root}${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONNOUSERSITE=1\n'
            'export TOX_TESTENV_PASSENV="PYTHONPATH PYTHONNOUSERSITE${TOX_TESTENV_PASSENV:+ $TOX_TESTENV_PASSENV}"\n'
            'export TOX_OVERRIDE="testenv.pass_env+=PYTHONPATH,PYTHONNOUSERSITE"'
        )

    def read(self) -> Report:
        """What was reported until now."""
        report = Report()
        done = self._sandbox.run(f"cd {self._root}/records && ls")
        for name in done.text.split() if done.ok else ():
            if name not in self._keys:
                continue
            try:
                data = self._sandbox.read(f"{self._root}/records/{name}")
            except OSError:
                continue
            report.sessions.append(_session(data[:_READ_LIMIT], self._keys[name].encode()))
        return report


def _session(data: bytes, key: bytes) -> Session:
    session = Session()
    expected = 0
    for line in data.split(b"\n"):
        if not line:
            continue
        signature, _, body = line.partition(b" ")
        if not hmac.compare_digest(hmac.new(key, body, hashlib.sha256).hexdigest().encode(), signature):
            session.forged += 1
            continue
        sequence, fields = json.loads(body)
        if sequence != expected:  # a line was taken out, or put in a second time
            session.forged += 1
            break
        expected += 1
        _take(session, fields)
    return session


def _take(session: Session, fields: Mapping[str, Any]) -> None:
    match fields:
        case {"loaded": command}:
            session.command = tuple(command)
        case {"runner": runner, "file": file}:
            session.runner, session.file = runner, file
        case {"test": name, "outcome": outcome}:
            session.results.append((name, fields.get("id", ""), outcome))
        case {"hook": hook, "file": file}:
            session.hooks.append((hook, file))
        case {"tampered": name, "file": file}:
            session.tampered.append((name, file))
        case {"end": status}:
            session.ended = status


def _among(file: str, patched: Iterable[str]) -> str | None:
    """The patched path that a file is, be it imported from the repository or from an installed copy."""
    for path in patched:
        installed = path.removeprefix("src/").removeprefix("lib/")
        if file.endswith((f"/{path}", f"/{installed}")) or file == path:
            return path
    return None
