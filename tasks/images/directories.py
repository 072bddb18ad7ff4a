"""The computers of tasks where there is no container engine: directories of this machine, kept like images.

A task's directory holds its repository at the base commit with what its install commands made, such as a virtual
environment. The commands run in a namespace sandbox that sees the repository where the task's sandboxes will see it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import UsageError
from aci_tools.sandbox import Limits, Sandbox, SandboxSpec, open_sandbox
from tasks.checkouts import Checkouts, Source
from tasks.images import scripts
from tasks.images.builder import WORKDIR
from tasks.images.fault import BrokenImage, build_failure
from tasks.images.ledger import Ledger
from tasks.images.reach import Reach
from tasks.images.recipe import digest, pinned
from tasks.images.settings import ComputerSettings, Ready
from tasks.images.store import Store
from tasks.locks import locked
from tasks.making import scratch_for
from tasks.task import Environment, Task

_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_SCRATCH = "/tmp"
_PART = "64m"  # how much of the result crosses over at a time
_COPY_TIMEOUT = 1200.0


class Directories:
    """Makes tasks ready in directories.

    Args:
        settings: What was chosen.
        checkouts: Where repositories come from.
        ledger: Told what is taken into use.
        say: Told what happens.
    """

    def __init__(
        self, settings: ComputerSettings, checkouts: Checkouts, ledger: Ledger, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._cache = settings.cache_directory
        self._checkouts = checkouts
        self._ledger = ledger
        self._say = say

    def ready(self, task: Task, kind: str) -> Ready:
        """The task's computer, made if it is not there.

        Args:
            task: The task.
            kind: ``namespace`` or ``local``.
        """
        environment = task.environment
        if environment is None and not task.files:
            raise UsageError(f"{task.id} has no environment of its own: it needs its image, so a container engine")
        environment = environment or Environment()
        python = _Python.for_version(environment.python)
        if task.files and not environment.install:
            source = next(self._checkouts.likely(task))
            assert source.repository is not None
            return _ready(source, kind, source.repository, source.commit, python, {})
        if environment.install and kind == "local":
            raise UsageError(f"{task.id} has install commands, which would change this machine: not with local")
        for source in self._checkouts.likely(task):
            found = self._found(source, kind, python)
            if found is not None:
                return found
        source = self._checkouts.find(task)
        place = self._place(source, python)
        with self._ledger.using(str(place)), locked(self._cache, place.name):
            if not place.is_dir():
                self._say(f"{task.id}: making its directory")
                self._make(source, place, python)
            found = self._found(source, kind, python)
            assert found is not None
        if self._settings.disk_budget is not None:
            Store(self._cache, self._ledger, self._settings.prefix).prune(budget=self._settings.disk_budget)
        return found

    def names(self, task: Task) -> list[str]:
        """The directories that may serve a task, as far as can be told without fetching anything."""
        python = _Python.for_version((task.environment or Environment()).python)
        return [str(self._place(source, python)) for source in self._checkouts.likely(task)]

    def present(self, task: Task) -> float:
        """1 if a task's directory is here, or none has to be made; else 0."""
        environment = task.environment or Environment()
        if task.files and not environment.install:
            return 1.0
        return 1.0 if any(Path(name).is_dir() for name in self.names(task)) else 0.0

    def _place(self, source: Source, python: _Python) -> Path:
        environment = source.task.environment or Environment()
        what = environment.model_dump(mode="json", include={"install", "pip", "env", "python"})
        return (
            self._cache
            / "directories"
            / f"{_named(source.task)}--{digest('directory', python.path, what, source.commit)[:16]}"
        )

    def _found(self, source: Source, kind: str, python: _Python) -> Ready | None:
        place = self._place(source, python)
        self._ledger.use([str(place)])
        try:
            facts = json.loads((place / "facts.json").read_text())
        except FileNotFoundError:
            self._ledger.release([str(place)])
            return None
        return _ready(source, kind, place / "repository", facts["commit"], python, facts["env"])

    def _make(self, source: Source, place: Path, python: _Python) -> None:
        with scratch_for(place) as scratch:
            made = scratch / "made"
            made.mkdir()
            checkout = scratch / "checkout"
            self._checkouts.copy(source, checkout)
            environment = source.task.environment or Environment()
            facts: dict[str, object] = {"commit": source.commit, "env": {}}
            if environment.install:
                self._checkouts.lend_tags(source, checkout)
                facts = self._install(source.task, environment, checkout, made / "repository", python)
            else:
                checkout.rename(made / "repository")
            (made / "facts.json").write_text(json.dumps(facts))
            made.rename(place)

    def _install(
        self, task: Task, environment: Environment, checkout: Path, result: Path, python: _Python
    ) -> dict[str, object]:
        reach = Reach.of_this_machine()
        authorities = reach.authorities.resolve() if reach.authorities else None
        build_only = {"PIP_NO_INPUT": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_ROOT_USER_ACTION": "ignore"}
        build_only |= reach.variables(str(authorities))
        timeout = self._settings.build_timeout
        spec = SandboxSpec(
            WORKDIR,
            checkout,
            env={"PATH": python.path, **environment.env},
            read_only=(*python.read_only, *reach.directories, *([authorities.parent] if authorities else [])),
            network=True,
            limits=Limits(memory=None, pids=None, disk=None, lifetime=timeout + 2 * _COPY_TIMEOUT),
        )
        log = self._cache / "logs" / f"{result.parent.parent.name.removeprefix('.')}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        title = f"{task.id}: its directory"
        with closing(open_sandbox("namespace", spec)) as sandbox:
            pins = pinned(environment, environment.install)
            script = scripts.install(environment.install, _SCRATCH, environment.python, pins=bool(pins))
            sandbox.write(f"{_SCRATCH}/install", script.encode())
            sandbox.write(f"{_SCRATCH}/pins.txt", "".join(f"{line}\n" for line in pins).encode())
            done = sandbox.run(
                f"$(command -v bash || command -v sh) {_SCRATCH}/install", env=build_only, timeout=timeout
            )
            log.write_text(reach.clean(done.text))
            if done.end == "timeout":
                raise BrokenImage(f"{title}: not done after {timeout:.0f} seconds (log: {log})", log)
            if not done.ok:
                raise build_failure(title, log)
            settled = sandbox.run(scripts.SETTLE, timeout=_COPY_TIMEOUT)
            if not settled.ok:
                raise BrokenImage(f"{title}: {settled.text.strip()}")
            env = scripts.changed(sandbox.read(f"{_SCRATCH}/before"), sandbox.read(f"{_SCRATCH}/after"), build_only)
            _take_out(sandbox, result)
        log.unlink()
        return {"commit": settled.text.split()[-1], "env": env}


@dataclass(frozen=True)
class _Python:
    """An interpreter of this machine for what runs in a sandbox without an image.

    Attributes:
        path: The PATH on which it is first.
        read_only: Directories that the sandbox has to show for it to run.
    """

    path: str
    read_only: tuple[Path, ...]

    @classmethod
    def for_version(cls, version: str | None) -> _Python:
        """The interpreter that runs this program, unless another version is wanted."""
        own = f"{sys.version_info.major}.{sys.version_info.minor}"
        if version in (None, own):
            return cls(
                f"{sys.prefix}/bin:{_SYSTEM_PATH}", tuple(dict.fromkeys((Path(sys.prefix), Path(sys.base_prefix))))
            )
        found = shutil.which(f"python{version}")
        if found is None:
            raise BrokenImage(f"this machine has no python{version}: install it, or use a container engine")
        prefix = Path(os.path.realpath(found)).parent.parent
        return cls(f"{Path(found).parent}:{_SYSTEM_PATH}", (prefix,) if prefix != Path("/usr") else ())


def _named(task: Task) -> str:
    """A task's part of the names of what is kept for it."""
    return task.id.replace("/", "__")


def _ready(
    source: Source, kind: str, repository: Path, commit: str, python: _Python, changed: Mapping[str, str]
) -> Ready:
    environment = source.task.environment or Environment()
    env = {"PATH": python.path, **environment.env, **changed}
    spec = SandboxSpec(WORKDIR, repository, env=env, read_only=python.read_only)
    return Ready(source.task, kind, spec, commit, source.origin)


def _take_out(sandbox: Sandbox, target: Path) -> None:
    """Copy a sandbox's work directory to a directory of this machine."""
    packed = sandbox.run(
        f"tar -cf - . | split -b {_PART} - {_SCRATCH}/part- && ls {_SCRATCH}/part-*", timeout=_COPY_TIMEOUT
    )
    if not packed.ok:
        raise BrokenImage(f"what was installed cannot be taken over: {packed.text.strip()}")
    target.mkdir()
    argv = ["tar", "-C", str(target), "--no-same-owner", "-xf", "-"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        for part in packed.text.split():
            process.stdin.write(sandbox.read(part))
        process.stdin.close()
    if process.returncode:
        raise BrokenImage("what was installed cannot be taken over: it could not be unpacked")
