"""The computer of a recorded attempt, once more: the same repository at the same commit, the same kind of sandbox."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import UsageError
from agent.batch.jobs import Job
from agent.batch.output import Output
from agent.batch.places import Place, Places
from agent.computer import computer_settings, open_computer
from agent.config import Config
from agent.progress import Voice
from agent.resume import Recorded, read_attempt
from tasks.task import Task
from trajectories.trees import root_of

if TYPE_CHECKING:
    from tasks.images import ComputerSettings
    from tasks.repository import Prepared

#: Settings by which an attempt reaches out of its sandbox, or has the user's keys sent somewhere.
_REACHING_OUT = (
    "sandbox.network",
    "sandbox.allow_hosts",
    "sandbox.read_only",
    "model.api_base",
    "model.fallbacks",
    "model.extra",
)
_OWNER_AND_NAME = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True)
class Where:
    """What a user says of where a recorded attempt is to run.

    Attributes:
        repo: Path or clone URL of its repository; ``None``: as recorded.
        base: Revision; ``None``: the recorded base commit.
        image: Container image; ``None``: as configured then.
        tasks: What names the data set that has its task; ``None``: none is needed.
        sandbox: Kind of sandbox; ``None``: as recorded.
        repositories: The user's directory of repositories.
        split: Split of that data set.
        trust: Whether what reaches out of the sandbox is taken from the trajectory too.
    """

    repo: str | None = None
    base: str | None = None
    image: str | None = None
    tasks: str | None = None
    sandbox: str | None = None
    repositories: Path | None = None
    split: str = "test"
    trust: bool = False

    def beside(self, trajectory: Path) -> Where:
        """The same, with the data set of the run that a trajectory is part of, unless the user names where to look."""
        place = trajectory_file(trajectory).resolve()
        place = root_of(place) or place
        if self.tasks is not None or self.repo is not None or len(place.parts) < 5 or place.parts[-4] != "attempts":
            return self
        run = Output(place.parents[3]).read_run()
        if run is None:
            return self
        return replace(self, tasks=str(run["tasks"]), split=run.get("selection", {}).get("split", "test"))

    def settings(self, config: Config) -> ComputerSettings:
        """How the tasks of a data set get their computers: as configured then, but for what the user says."""
        given = computer_settings(config)
        return replace(
            given,
            kind=self.sandbox or given.kind,
            base_image=self.image or given.base_image,
            repositories=self.repositories or given.repositories,
        )


def read_recorded(trajectory: Path, *, trust: bool = False) -> Recorded:
    """The attempt of a trajectory file, or of the one in a directory.

    A trajectory may be anyone's. What its commands could reach outside a sandbox, and to which server a model's key is
    sent, are therefore not taken from it: those settings are as if they had not been recorded, and are named.

    Args:
        trajectory: The file or the directory.
        trust: Whether they are taken from it nevertheless.

    Raises:
        UsageError: There is none.
    """
    path = trajectory_file(trajectory)
    recorded = read_attempt(path)
    if recorded is None:
        raise UsageError(f"{trajectory}: there is no trajectory")
    return recorded if trust else _restrained(recorded)


def say_withheld(recorded: Recorded, where: Where, voice: Voice) -> None:
    """Tell which settings were not taken from a trajectory, but for what the user has said anew."""
    names = [name for name in recorded.withheld if not (name == "sandbox.kind" and where.sandbox)]
    if names:
        voice.say(
            f"not taken from the trajectory, which may be anyone's: {', '.join(names)}; --trust takes it", "yellow"
        )


def _restrained(recorded: Recorded) -> Recorded:
    started = recorded.started
    config = {section: dict(values) for section, values in started.config.items() if isinstance(values, Mapping)}
    sandbox = dict(started.sandbox)
    withheld = []
    if "local" in (sandbox.get("kind"), config.get("sandbox", {}).get("kind")):
        withheld.append("sandbox.kind")
        sandbox.pop("kind", None)
        config.get("sandbox", {}).pop("kind", None)
    for name in _REACHING_OUT:
        section, key = name.split(".")
        if config.get(section, {}).pop(key, None):
            withheld.append(name)
    started = started.model_copy(update={"config": config, "sandbox": sandbox})
    return replace(recorded, started=started, events=[started, *recorded.events[1:]], withheld=tuple(withheld))


def trajectory_file(trajectory: Path) -> Path:
    """The file that a user means by a file or a directory."""
    return trajectory / "trajectory.jsonl" if trajectory.is_dir() else trajectory


def recorded_config(recorded: Mapping[str, Any], flags: Mapping[str, Any] | None = None) -> Config:
    """The configuration of the first event; settings that this version does not know are left out.

    Args:
        recorded: The configuration as it was recorded; of other agents' attempts there is none.
        flags: Dotted keys with values that win; ``None`` values are left out.

    Raises:
        UsageError: A value does not fit any more.
    """
    from agent.config_files import load_config

    return load_config(flags=flags, recorded=_known(recorded))


def _known(recorded: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A recorded configuration without what this version does not know."""
    known: dict[str, dict[str, Any]] = {}
    for section, field in Config.model_fields.items():
        values, names = recorded.get(section), type(field.default).model_fields
        if isinstance(values, Mapping):
            known[section] = {key: value for key, value in values.items() if key in names}
    return known


class Reopening:
    """Opens the computer of a recorded attempt, as often as it is wanted.

    Args:
        recorded: The attempt.
        config: The effective configuration.
        where: What the user says.
        scratch: Directory for copies of the repository.
        voice: Told what is waited for.

    Raises:
        UsageError: It cannot be told where the repository is; the message names the option that says it.
    """

    def __init__(self, recorded: Recorded, config: Config, where: Where, scratch: Path, voice: Voice) -> None:
        self._where, self._scratch, self._voice = where, scratch, voice
        kind = where.sandbox or recorded.started.sandbox.get("kind") or config.sandbox.kind
        changes = {"kind": kind, "image": where.image or config.sandbox.image}
        self.config = config.model_copy(update={"sandbox": config.sandbox.model_copy(update=changes)})
        self.task = self._task(recorded)
        self._prepared: Prepared | None = None
        self._count = 0

    def open(self) -> Place:
        """A fresh computer.

        Raises:
            UsageError, InfrastructureError: It cannot be had; nothing is left behind.
        """
        self._count += 1
        if self._where.tasks is not None:
            return self._of_a_task()
        prepared = self._prepare()
        origin = Path(self.task.repo) if _is_directory(self.task.repo) else None
        sandbox = open_computer(
            self.config, prepared.path, self._voice, image=self.task.image, origin=origin, announce=self._count == 1
        )
        return Place(self.task, sandbox, prepared.base_commit)

    def _task(self, recorded: Recorded) -> Task:
        task, where = recorded.task, self._where
        if where.tasks is not None:
            named = _named(where.tasks, where.split, task.id)
            return named.model_copy(update={"base_commit": task.base_commit or named.base_commit})
        changes: dict[str, Any] = {"base_commit": where.base or task.base_commit}
        if where.repo is not None:
            changes["repo"] = where.repo
        elif where.repositories is not None and not _is_directory(task.repo):
            changes["repo"] = self._kept(task)
        elif not _is_directory(task.repo) and not _is_url(task.repo):
            what = f"the repository {task.repo}" if task.repo else "the repository"
            raise UsageError(
                f"{what} of this attempt is not here: name it with --repo, or the data set of {task.id} with --tasks"
            )
        return task.model_copy(update=changes)

    def _kept(self, task: Task) -> str:
        """The repository of a task in the user's collection."""
        from tasks.checkouts import Checkouts

        checkouts = Checkouts(self._where.repositories, self._scratch / "cache", self._voice.say)
        source = next(iter(checkouts.likely(task)), None) if _OWNER_AND_NAME.fullmatch(task.repo) else None
        if source is None or source.repository is None:
            what = task.repo or "the repository of this attempt"
            commit = task.base_commit[:12] or "that it began with"
            raise UsageError(
                f"--repositories {self._where.repositories}: {what} is not in it, or not with the commit {commit}; "
                "name the repository with --repo and the commit with --base"
            )
        return str(source.repository)

    def _prepare(self) -> Prepared:
        """The copy of the repository, made once."""
        from tasks.repository import prepare

        if self._prepared is None:
            task = self.task
            uncommitted = task.source.get("uncommitted") == "included" and self._where.base is None
            self._voice.doing(f"preparing {task.repo}")
            copy = self._scratch / "repository"
            base = None if uncommitted else task.base_commit or None
            try:
                self._prepared = prepare(task.repo, base, copy, include_uncommitted=uncommitted)
            except UsageError as error:
                if "incomplete" not in str(error) or base is None:
                    raise
                # A clone that was not fetched whole; the files of the commit may be there all the same.
                self._voice.say(f"{error}; only the files of {base[:12]} are used", "yellow")
                self._prepared = _files_of(Path(task.repo), base, self._scratch / "files", copy)
            if uncommitted and self._prepared.base_commit != task.base_commit:
                self._voice.say(f"the uncommitted changes of {task.repo} are not those of the attempt", "yellow")
        return self._prepared

    def _of_a_task(self) -> Place:
        from tasks.images import Computers

        computers = Computers(self._where.settings(self.config), self._voice.say)
        self._voice.doing(f"making the computer of {self.task.id}")
        places = Places(self.config, computers, self._scratch, self._voice, "")
        return places.open(Job(self.task, self._count))


def _files_of(repository: Path, commit: str, scratch: Path, destination: Path) -> Prepared:
    """A copy of the files of a commit without its history.

    Raises:
        UsageError: Some of them are missing too.
    """
    from tasks.git import Git, GitError, quoted
    from tasks.repository import prepare

    objects = Path(Git(repository).line("rev-parse", "--path-format=absolute", "--git-path", "objects"))
    scratch.mkdir()
    # In a repository of its own: the configuration of the user's would be in force there.
    borrowing = Git(scratch, {"GIT_ALTERNATE_OBJECT_DIRECTORIES": quoted(objects)})
    try:
        borrowing.output("init", "--quiet", "--template=", ".")
        borrowing.output("read-tree", commit)
        borrowing.output("checkout-index", "--all", "--force")
    except GitError as error:
        raise UsageError(f"{repository}: the files of {commit[:12]} are not all there ({error})") from None
    shutil.rmtree(scratch / ".git")
    return prepare(str(scratch), None, destination, allow_plain=True, include_ignored=True)


def _named(reference: str, split: str, task_id: str) -> Task:
    from tasks.datasets import Selection, load_tasks

    faults: list[str] = []
    wanted = Selection(filter=f"^{re.escape(task_id)}$")
    found = load_tasks(reference, split=split, selection=wanted, on_fault=faults.append)
    if not found:
        raise UsageError(f"--tasks {reference}: there is no task {task_id} in it")
    return found[0]


def _is_directory(repo: str) -> bool:
    return bool(repo) and Path(repo).is_dir()


def _is_url(repo: str) -> bool:
    return "://" in repo or re.match(r"[\w.-]+@[\w.-]+:", repo) is not None
