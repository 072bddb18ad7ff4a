"""What a run was asked, in a form that can be kept and compared: a resumed run must be the same run."""

from __future__ import annotations

import hashlib
import json
import platform
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.errors import UsageError
from agent import __version__
from agent.config import Config
from trajectories.redact import MASK, Redactor

if TYPE_CHECKING:
    from tasks.checkouts import Checkouts
    from tasks.task import Task

#: The section that says where repositories and images come from.
_PLACES = "tasks"
#: The sections that say who is told of a run, and where its images are shared, which do not change it.
_BESIDE = ("telemetry", "images")
_COMMITS = "base_commits"


def reference(tasks: str) -> str:
    """What names the tasks, the same from every directory."""
    return str(Path(tasks).resolve()) if Path(tasks).exists() else tasks


def facts(
    run_id: str, tasks: str, selection: Mapping[str, Any], found: Sequence[Task], attempts: int, config: Config
) -> dict[str, Any]:
    """What ``run.json`` holds; secrets are masked.

    Args:
        run_id: Name of the run.
        tasks: What names the tasks.
        selection: Which of them.
        found: Those.
        attempts: Attempts on each.
        config: The effective configuration.
    """
    known: dict[str, Any] = Redactor.from_environment().data(
        {
            "run_id": run_id,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "tasks": tasks,
            "selection": dict(selection),
            "attempts": attempts,
            "model": config.model.name,
            "config": config.model_dump(mode="json"),
            "versions": {"patchwright": __version__, "python": platform.python_version()},
        }
    )
    return known | {"task_digests": {task.id: _digest(task) for task in found}}


def pinned(found: Sequence[Task], recorded: Mapping[str, Any], checkouts: Checkouts) -> list[Task]:
    """Tasks at the commits that the run began with, whatever their branches are at now.

    Args:
        found: The tasks as they are written.
        recorded: What ``run.json`` holds, if a run is resumed.
        checkouts: Tells the commits of a run that begins.
    """
    known = recorded.get(_COMMITS, {})
    return [
        task.model_copy(update={"base_commit": known[task.id]}) if task.id in known else checkouts.pinned(task)
        for task in found
    ]


def commits(found: Sequence[Task], pinned: Sequence[Task]) -> dict[str, Any]:
    """What ``run.json`` holds of the commits of tasks that name them otherwise than by their ids."""
    told = zip(found, pinned, strict=True)
    return {_COMMITS: {task.id: at.base_commit for task, at in told if task.base_commit != at.base_commit}}


def config_of(recorded: Mapping[str, Any]) -> Config:
    """The configuration that a run began with.

    Raises:
        UsageError: It holds a secret, which is not recorded.
    """
    for section, values in recorded["config"].items():
        for key, value in values.items():
            if MASK in json.dumps(value):
                raise UsageError(f"{section}.{key} holds a secret, which is not recorded; give all settings again")
    return Config.model_validate(recorded["config"])


def placed(config: Config, recorded: Mapping[str, Any], given: Mapping[str, Any]) -> Config:
    """A configuration in which repositories and images come from where the run had them, or from where they are now.

    Args:
        config: The configuration.
        recorded: What ``run.json`` holds, if a run is resumed.
        given: Settings of the section `tasks` that are given anew.
    """
    known = recorded.get("config", {}).get(_PLACES, {})
    tasks = type(config.tasks).model_validate({**config.tasks.model_dump(), **known, **given})
    return config.model_copy(update={_PLACES: tasks})


def refuse_difference(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> None:
    """Refuse to go on with a run that began otherwise.

    Raises:
        UsageError: Naming the first difference.
    """
    began = "the run began with"
    for key in ("tasks", "selection", "attempts"):
        if recorded.get(key) != asked[key]:
            raise UsageError(f"--resume: {key} {asked[key]!r}, {began} {recorded.get(key)!r}")
    for section, values in asked["config"].items():
        if section in (_PLACES, *_BESIDE):
            continue
        for key, value in values.items():
            was = recorded["config"].get(section, {}).get(key)
            if was != value:
                raise UsageError(f"--resume: {section}.{key} is {value!r}, {began} {was!r}")
    before, now = recorded.get("task_digests", {}), asked["task_digests"]
    for task_id in [*now, *before]:
        if before.get(task_id) != now.get(task_id):
            how = "is new" if task_id not in before else "is gone" if task_id not in now else "is not what it was"
            raise UsageError(f"--resume: the tasks have changed: {task_id} {how}")


def _digest(task: Task) -> str:
    # As pydantic writes it, but for halves of characters, which it refuses.
    text = json.dumps(task.model_dump(mode="json"), separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
