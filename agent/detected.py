"""The environment of a user's repository: what it pins or what its files speak for, made, tried once, and shown."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.sandbox import SandboxSpec
from agent.config import Config
from agent.progress import Voice

if TYPE_CHECKING:
    from aci_tools.testing import Tryout
    from tasks.environments import Environments, Made, Proposal, Tree


#: Seconds that trying out the tests may take; what was finished by then counts.
_LONGEST = 300.0


@dataclass(frozen=True)
class Detected:
    """An environment that was made for a repository.

    Attributes:
        proposal: What it needs.
        made: The image.
        environments: What made it.
        tree: The repository's files.
    """

    proposal: Proposal
    made: Made
    environments: Environments
    tree: Tree

    def try_out(self, spec: SandboxSpec, timeout: float, *, again: bool = False) -> Tryout:
        """Run the tests once in it; what they found at a commit is remembered.

        Args:
            spec: How a sandbox of it is opened.
            timeout: Seconds that the tests may take.
            again: Whether to run them although it is remembered.

        Raises:
            InfrastructureError: The sandbox failed.
        """
        from aci_tools.testing import try_out

        timeout = min(timeout, _LONGEST)
        known = None if again else self.environments.remembered(self.made, self.tree.digest("**"))
        if known is not None:
            return known
        found = try_out("docker", spec, timeout)
        self.environments.remember(self.made, self.tree.digest("**"), found)
        return found


def detect(config: Config, repository: Path, voice: Voice, *, again: bool = False) -> Detected | None:
    """Make the environment that a repository needs; ``None`` where the default image serves as it is.

    Args:
        config: The effective configuration.
        repository: The prepared copy of the repository.
        voice: Told what is waited for.
        again: Whether to try again what could not be installed before.

    Raises:
        UsageError: What the repository pins is not as it must be.
        InfrastructureError: The container engine failed.
    """
    from agent.computer import computer_settings
    from tasks.environments import Environments, Tree, propose
    from tasks.images.builder import WORKDIR

    if config.sandbox.workdir != WORKDIR:
        voice.say(f"nothing is installed, since sandbox.workdir is not {WORKDIR}", "yellow")
        return None
    tree = Tree(repository)
    proposal = propose(tree)
    if proposal.empty:
        return None
    environments = Environments(computer_settings(config), config.sandbox.memory, voice.doing)
    return Detected(proposal, environments.make(proposal, tree, repository, again=again), environments, tree)


def show(detected: Detected, checked: Tryout, voice: Voice) -> None:
    """Show what was decided, what is missing, and whether the tests run."""
    voice.say(f"environment: {'; '.join(detected.proposal.why)}", "bold")
    for note in (*detected.proposal.notes, *detected.made.notes):
        voice.say(f"  {note}", "yellow")
    if checked.problem:
        voice.say(f"  the tests do not run here: {checked.summary}", "yellow")
    else:
        voice.say(f"  the tests run: {checked.summary} ({checked.source})")


def say_what_is_missing(repository: Path, kind: str, voice: Voice) -> None:
    """Say what a repository needs where nothing can be installed for it.

    Args:
        repository: The prepared copy of the repository.
        kind: Kind of sandbox.
        voice: Told of it.

    Raises:
        UsageError: What the repository pins is not as it must be.
    """
    from tasks.environments import Tree, propose

    proposal = propose(Tree(repository))
    if proposal.install:
        why = proposal.why[0]
        voice.say(f"nothing is installed in a {kind} sandbox ({why}): it has what this machine has", "yellow")


@dataclass(frozen=True)
class Survey:
    """What ``agent environment`` has found.

    Attributes:
        proposal: What the repository needs.
        image: Where its tests were tried; ``""``: they were not.
        notes: What is missing, a sentence each.
        checked: What running the tests found; ``None``: they were not run.
    """

    proposal: Proposal
    image: str = ""
    notes: tuple[str, ...] = ()
    checked: Tryout | None = None

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        checked = self.checked.as_json() if self.checked else None
        return {**self.proposal.as_json(), "built": self.image, "notes": list(self.notes), "tests": checked}

    def as_text(self) -> str:
        """A line a fact."""
        proposal = self.proposal
        facts = [
            ("image", proposal.image or "the default one"),
            ("packages", " ".join(proposal.as_json()["packages"]) or "none"),
            *(("install", command) for command in proposal.install),
            *(("env", f"{name}={value}") for name, value in proposal.env.items()),
            *(("why", sentence) for sentence in proposal.why),
            *(("note", sentence) for sentence in self.notes),
        ]
        if self.checked is not None:
            *before, command = self.checked.test_command.strip().splitlines() or ["not found"]
            shown = f"{'… ' if before else ''}{command.strip()}"
            facts += [("built", self.image), ("tests", shown), ("outcome", self.checked.summary)]
        return "\n".join(f"{name:9} {value}" for name, value in facts)


def survey(config: Config, repository: Path, voice: Voice, *, dry_run: bool) -> Survey:
    """Find out what a repository needs, make it, and run its tests.

    Args:
        config: The effective configuration.
        repository: The prepared copy of the repository.
        voice: Told what is waited for.
        dry_run: Whether nothing is made and nothing run.

    Raises:
        UsageError: What the repository pins is not as it must be.
        InfrastructureError: The container engine failed.
    """
    from aci_tools.testing import try_out
    from agent.computer import computer_spec
    from tasks.environments import Tree, propose
    from tasks.images.base_image import default_image

    proposal = propose(Tree(repository))
    if dry_run:
        return Survey(proposal, notes=proposal.notes)
    found = detect(config, repository, voice, again=True)
    image = found.made.image if found else config.sandbox.image or default_image(voice.doing)
    spec = computer_spec(config, repository, image, found.made.python_path if found else "")
    voice.doing("trying out the tests")
    timeout = config.aci.test_timeout
    checked = found.try_out(spec, timeout, again=True) if found else try_out("docker", spec, timeout)
    return Survey(proposal, image, (*proposal.notes, *(found.made.notes if found else ())), checked)
