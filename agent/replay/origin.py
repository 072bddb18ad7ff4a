"""What the file of an imported attempt does not say: its repository, the commit, our settings for its actions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from aci_tools.errors import UsageError
from agent.config import Config
from agent.progress import Voice
from agent.reopen import Where
from agent.replay import foreign
from agent.replay.entries import final_patch
from agent.resume import Recorded
from tasks.task import Task

#: What our tools would add of their own to an action: it is no part of what was recorded.
_OWN = ("review_submit", "examples_after_edit", "test_after_edit", "take_back", "submit_when_solved")


def locate(recorded: Recorded, where: Where, scratch: Path, voice: Voice) -> tuple[Recorded, Where, list[str]]:
    """An imported attempt with its repository and its base commit.

    Args:
        recorded: The attempt.
        where: What the user says.
        scratch: Directory for copies of repositories.
        voice: Told what is waited for.

    Returns:
        The attempt, where its repository is, and what was assumed, a sentence each.

    Raises:
        UsageError: No commit of the repository fits it.
    """
    started = recorded.started
    notes: list[str] = []
    names = foreign.repositories_of(started)
    known = {"base_commit": "", "problem_statement": "", **started.task}
    task = {**known, "repo": (names or [""])[0], "id": known.get("id") or "imported"}
    if where.tasks is None:
        place = where.repo
        if place is None and where.repositories is not None:
            place = _kept(task, names, where.repositories, scratch, voice)
        if place is not None and Path(place).is_dir() and where.base is None:
            base, note = _base(Path(place), str(task.get("base_commit") or ""), final_patch(recorded.events))
            notes += [note] if note else []
            task["base_commit"] = base
        where = replace(where, repo=place or where.repo)
    workdir = str(started.sandbox.get("workdir") or "")
    adapted = started.model_copy(update={"task": task, "sandbox": {"workdir": workdir}})
    return Recorded(adapted, recorded.ended, [adapted, *recorded.events[1:]]), where, notes


def with_workdir(config: Config, recorded: Recorded) -> Config:
    """Settings that put the repository where it was, if that is a directory of the root."""
    workdir = str(recorded.started.sandbox.get("workdir") or "")
    if workdir.count("/") != 1 or len(workdir) == 1:
        return config
    return config.model_copy(update={"sandbox": config.sandbox.model_copy(update={"workdir": workdir})})


def playing(config: Config) -> Config:
    """Settings under which our tools do what was recorded, and nothing of their own."""
    return config.model_copy(update={"aci": config.aci.model_copy(update=dict.fromkeys(_OWN, False))})


def _kept(task: dict[str, Any], names: list[str], repositories: Path, scratch: Path, voice: Voice) -> str | None:
    """The first repository of these names in the user's collection."""
    from tasks.checkouts import Checkouts

    checkouts = Checkouts(repositories, scratch / "cache", voice.say)
    for name in names:
        wanted = Task.model_validate({**task, "repo": name, "base_commit": "HEAD"})
        for source in checkouts.likely(wanted):
            if source.repository is not None:
                return str(source.repository)
    return None


def _base(repository: Path, recorded: str, patch: str) -> tuple[str, str]:
    """The base commit of an imported attempt, and a note if it is not the recorded one."""
    from tasks.git import Git, commit_of

    git = Git(repository)
    if recorded and commit_of(git, recorded):
        return recorded, ""
    found = foreign.base_by_patch(git, patch)
    if found is None:
        missing = f"the recorded commit {recorded[:12]} is not in it" if recorded else "no commit is recorded"
        raise UsageError(f"{repository}: {missing}, and none fits the recorded patch; name it with --base")
    return found, f"no commit of this repository is recorded; the patch was made for {found[:12]}"
