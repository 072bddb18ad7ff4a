"""Makes the environment of a repository as a container image, in layers that are kept by what goes into them.

The first layer has Debian packages and is shared between repositories. The second has what the install commands made,
inside and outside of the repository's directory, but none of the repository's own files: these are copied over it when
a sandbox is opened, at whatever commit. So it is made anew only when a file changes that decides what is installed.

The install commands are those of a stranger. They run in a container with a network, with bounded memory and processes,
without a cache that other builds share, and without an address that holds a password.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aci_tools.errors import InfrastructureError, UsageError
from aci_tools.sandbox import MIB, Limits
from aci_tools.sandbox.engine import connect, engine_errors, ensure_image
from aci_tools.testing import Tryout
from tasks.environments.proposal import Proposal
from tasks.environments.tree import Tree
from tasks.images.base_image import default_image
from tasks.images.builder import Work, build
from tasks.images.fault import BrokenImage
from tasks.images.ledger import Ledger
from tasks.images.reach import Reach
from tasks.images.recipe import Layer, digest
from tasks.images.settings import ComputerSettings
from tasks.images.store import Store
from tasks.locks import locked

_PATIENCE = 1200  # seconds that the engine may take for one request; a commit of gigabytes is one
_PROCESSES = 4096
_PATH = "PYTHONPATH"
_APT = """\
( missing=
for name in {names}; do
    [ "$(dpkg-query --show --showformat='${{db:Status-Status}}' "$name" 2>/dev/null)" = installed ] ||
        missing="$missing $name"
done
[ -n "$missing" ] || exit 0
command -v apt-get >/dev/null || {{ echo "this image has no apt-get to install$missing"; exit 1; }}
apt-get update --quiet
known=
for name in $missing; do
    case {optional} in
    *" $name "*) apt-cache show "$name" >/dev/null 2>&1 || {{ echo "there is no package $name"; continue; }} ;;
    esac
    known="$known $name"
done
DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends $known
rm -rf /var/lib/apt/lists/* )"""


@dataclass(frozen=True)
class Made:
    """An environment that is there.

    Attributes:
        image: Tag of its image.
        built: Whether it was made just now.
        key: Names what it is made of, for what is remembered of it.
        python_path: What its commands have as PYTHONPATH, or ``""``.
        notes: What of the proposal it lacks, a sentence each.
    """

    image: str
    built: bool
    key: str
    python_path: str = ""
    notes: tuple[str, ...] = ()


class Environments:
    """Makes the environments of repositories on a Docker engine. Safe for threads and processes that share a cache.

    Args:
        settings: Where things are kept, what is built on, how long a layer may take.
        memory: MiB that the installation may use; ``None`` for no bound.
        say: Told what is built.
    """

    def __init__(self, settings: ComputerSettings, memory: int | None, say: Callable[[str], None]) -> None:
        self._settings = settings
        self._fence = Limits(memory=None if memory is None else memory * MIB, pids=_PROCESSES)
        self._cache = settings.cache_directory
        self._ledger = Ledger(self._cache)
        self._say = say

    def make(self, proposal: Proposal, tree: Tree, repository: Path, *, again: bool = False) -> Made:
        """Have the image of a proposal. What cannot be had of it is left out and noted.

        It is kept from being pruned for as long as this process lives.

        Args:
            proposal: What the repository needs.
            tree: Its files.
            repository: The same, as a directory for the installation to work on.
            again: Whether to try again what could not be built before.

        Raises:
            InfrastructureError: The engine failed.
        """
        notes: list[str] = []
        image, own = self._start(proposal, notes)
        with self._engine() as client:
            below, key = image, ensure_image(client, image)
        built = False
        packages = ("git", *proposal.packages, *(() if own else proposal.toolchain))
        planned = [self._packages(packages, proposal)] if len(packages) > 1 else []
        planned += [self._dependencies(proposal, tree)] if proposal.install or proposal.env else []
        for layer, goes_in in planned:
            key = digest(layer.name, key, goes_in)
            layer = Layer(layer.name, key, layer.commands, layer.env, (), None)
            try:
                below, new = self._layer(layer, below, repository, again=again)
            except (BrokenImage, InfrastructureError) as error:
                first, *rest = str(error).splitlines()
                why = rest[-1].strip() if rest else ""
                notes.append(first + (f": {why}" if why else ""))
                break
            built |= new
        if built and self._settings.disk_budget is not None:
            Store(self._cache, self._ledger, self._settings.prefix).prune(budget=self._settings.disk_budget)
        return Made(below, built, key, self._python_path(below), tuple(notes))

    def remembered(self, made: Made, commit: str) -> Tryout | None:
        """What running the tests of a commit found in an environment before."""
        facts = self._read(f"check-{digest(made.key, commit)[:32]}")
        return Tryout(**facts) if facts else None

    def remember(self, made: Made, commit: str, tryout: Tryout) -> None:
        """Keep what running the tests found."""
        self._write(f"check-{digest(made.key, commit)[:32]}", tryout.as_json())

    def _start(self, proposal: Proposal, notes: list[str]) -> tuple[str, bool]:
        """The image to build on, and whether it is the proposal's own."""
        if proposal.image:
            self._say(f"looking for the image {proposal.image}")
            try:
                with self._engine() as client:
                    ensure_image(client, proposal.image)
                return proposal.image, True
            except (UsageError, InfrastructureError):
                notes.append(f"the image {proposal.image} cannot be had; Debian's packages stand in for it")
        return self._settings.base_image or default_image(self._say), False

    def _packages(self, names: tuple[str, ...], proposal: Proposal) -> tuple[Layer, Any]:
        # A hint may name what another release of Debian calls otherwise; what a language needs has to be there.
        optional = f" {' '.join(name for name in proposal.packages if not proposal.pinned)} "
        ordered = sorted(set(names))
        script = _APT.format(names=shlex.join(ordered), optional=shlex.quote(optional))
        return Layer("environment", "", (script,), {}, (), None), [ordered, optional]

    def _dependencies(self, proposal: Proposal, tree: Tree) -> tuple[Layer, Any]:
        goes_in = [list(proposal.install), dict(proposal.env), tree.digest(*proposal.inputs)]
        return Layer("dependencies", "", proposal.install, proposal.env, (), None), goes_in

    def _layer(self, layer: Layer, below: str, repository: Path, *, again: bool) -> tuple[str, bool]:
        """Have a layer's image; its tag, and whether it was built now."""
        tag = layer.tag(self._settings.prefix)
        self._ledger.use([tag])
        with locked(self._cache, layer.key):
            if self._there(tag):
                return tag, False
            broken = self._read(f"broken-{layer.key[:32]}")
            if broken and not again:
                raise BrokenImage(f"{broken['message']}\n(known from before; `agent environment` tries again)")
            what = "packages" if layer.name == "environment" else "the project's dependencies"
            self._say(f"installing {what}")
            self._build(layer, tag, below, repository, what)
        return tag, True

    def _build(self, layer: Layer, tag: str, below: str, repository: Path, what: str) -> None:
        labels = {
            "patchwright.layer": layer.name,
            "patchwright.key": layer.key,
            "patchwright.parent": below,
            "patchwright.repo": "",
            "patchwright.task": "",
            "patchwright.origin": "detected",
        }
        log = self._cache / "logs" / f"{layer.key[:16]}.log"
        copy = repository if layer.name == "dependencies" else None
        work = Work(what, layer, tag, below, copy, labels, log, self._settings.build_timeout, self._fence)
        try:
            with self._engine() as client:
                build(client, work, Reach.of_this_machine().for_strangers())
        except BrokenImage as error:
            self._write(f"broken-{layer.key[:32]}", {"message": str(error)})
            raise
        with suppress(FileNotFoundError):
            self._facts(f"broken-{layer.key[:32]}").unlink()

    def _python_path(self, tag: str) -> str:
        with self._engine() as client:
            variables = client.images.get(tag).attrs["Config"].get("Env") or ()
        return next((value for name, _, value in (entry.partition("=") for entry in variables) if name == _PATH), "")

    def _there(self, tag: str) -> bool:
        from docker.errors import ImageNotFound

        with self._engine() as client:
            try:
                client.images.get(tag)
            except ImageNotFound:
                return False
        return True

    def _facts(self, name: str) -> Path:
        return self._cache / "environments" / f"{name}.json"

    def _read(self, name: str) -> dict[str, Any]:
        try:
            read = json.loads(self._facts(name).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return read if isinstance(read, dict) else {}

    def _write(self, name: str, facts: dict[str, Any]) -> None:
        path = self._facts(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(facts), "utf-8")
        draft.replace(path)

    @contextmanager
    def _engine(self) -> Iterator[Any]:
        with closing(connect(_PATIENCE)) as client, engine_errors():
            yield client
