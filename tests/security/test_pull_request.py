"""What a hostile issue or model may want of a pull request, which is pushed with the user's rights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.config import Config
from agent.progress import Progress
from agent.pull_request import Opening, Published, description, find_target, publish, publishing, target
from tasks.branch import Branch
from tasks.sources import read_issue
from tests.security.conftest import CANARY
from tests.security.test_model import new_file
from tests.tasks.forge_kinds import GiteaServer, settings
from tests.tasks.forge_server import Forge, Project, serving
from trajectories.events import AttemptEnded, AttemptStarted
from trajectories.log import EventLog
from trajectories.redact import Redactor

BRANCH = "patchwright/issue-7"
CHANGE = new_file("more.txt")


@pytest.fixture
def forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Forge]:
    made = GiteaServer(tmp_path / "forge")
    made.users = {CANARY: "mona"}
    with serving(made):
        for name, value in settings(made, CANARY).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("HOME", str(tmp_path))
        yield made


@pytest.fixture
def there(forge: Forge, project: Path) -> Project:
    made = forge.add("acme/calc", project, writers={"mona"})
    made.issue(7, "It is wrong")
    return made


class Finished:
    """An attempt that ended with a patch."""

    def __init__(self, forge: Forge, there: Project, directory: Path) -> None:
        self.forge, self.there, self.directory = forge, there, directory
        self.script = directory / "script.jsonl"
        self.says("Mend it", "A sign.")

    def says(self, title: str, words: str) -> None:
        """What the model answers when it is asked for a description."""
        self.script.write_text(json.dumps({"content": f"Title: {title}\nCause: {words}\nChange: {words}"}) + "\n")

    def publish(self, patch: str, *, anyway: bool = False) -> Published:
        output = self.directory / f"attempt-{len(list(self.directory.glob('attempt-*')))}"
        output.mkdir()
        task = {"id": "calc-7", "base_commit": self.there.run("rev-parse", "HEAD"), "problem_statement": "It is wrong"}
        with EventLog(output / "trajectory.jsonl") as log:
            log.append(AttemptStarted(attempt_id="1", task=task, model="scripted"))
            log.append(AttemptEnded(status="submitted", patch=patch))
        config = Config.model_validate({"model": {"name": f"scripted:{self.script}"}})
        issue = read_issue(f"{self.forge.web}/acme/calc/issues/7")
        with Progress() as progress:
            return publish(
                find_target(issue, Opening(anyway=anyway)), base=None, patch=patch, output=output, config=config,
                clones=self.directory / "clones", progress=progress,
            )  # fmt: skip


@pytest.fixture
def finished(forge: Forge, there: Project, tmp_path: Path) -> Finished:
    return Finished(forge, there, tmp_path)


def test_words_of_a_model_call_nobody_and_close_nothing_else(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    evil = "See ![x](https://evil.example/?q), <img src=//evil.example>, @everybody; closes #1"
    finished.says(evil, evil)
    if not defended:
        monkeypatch.setattr(description, "tamed", lambda said, part, **_: getattr(said, part))
    assert finished.publish(CHANGE).done == "opened"
    [pull] = finished.there.pulls
    message = finished.there.run("log", "-1", "--format=%B", BRANCH)
    said = pull.title + pull.body + message
    active = re.compile(r"(?<!`)(?:@everybody|closes #1\b|https://evil)|!\[")
    assert (active.search(said) is None) is defended, said
    assert ("<img" in pull.body) is not defended


def test_what_ci_runs_is_not_changed_unseen(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr(publishing, "_look_at", lambda *_: None)
    published = finished.publish(new_file(".github/workflows/ci.yml", "on: push"))
    assert bool(published.url) is not defended
    assert (BRANCH in finished.there.branches()) is not defended


def test_a_secret_does_not_leave_in_a_patch(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr(Redactor, "text", lambda self, text: text)
    published = finished.publish(new_file("settings.ini", f"token={CANARY}"), anyway=True)
    assert bool(published.url) is not defended
    assert (BRANCH in finished.there.branches()) is not defended


def test_a_secret_that_the_model_repeats_is_not_in_the_description(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    finished.says(CANARY, f"It is {CANARY}.")
    if not defended:
        monkeypatch.setattr(Redactor, "text", lambda self, text: text)
    assert finished.publish(CHANGE).url
    said = [finished.there.pulls[0].title, finished.there.pulls[0].body, finished.there.run("log", "-1", BRANCH)]
    assert [CANARY in text for text in said] == [not defended] * 3


def test_nobody_elses_commit_is_pushed_over(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    assert finished.publish(CHANGE).done == "opened"
    carol = ["-c", "user.name=Carol", "-c", "user.email=carol@example.org"]
    theirs = finished.there.run(*carol, "commit-tree", f"{BRANCH}^{{tree}}", "-p", BRANCH, "-m", "Mine")
    finished.there.run("update-ref", f"refs/heads/{BRANCH}", theirs)
    if not defended:
        monkeypatch.setattr(Branch, "_tip", lambda self, reference: theirs)
    published = finished.publish(new_file("less.txt"))
    assert bool(published.url) is not defended
    assert (finished.there.run("rev-parse", BRANCH) == theirs) is defended


def test_the_default_branch_is_not_pushed_to(
    finished: Finished, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    finished.there.run("branch", "-m", finished.there.default_branch, BRANCH)
    before = finished.there.run("rev-parse", BRANCH)
    if not defended:
        for module in (target, publishing):
            monkeypatch.setattr(module, "keep_off", lambda *_: None)
    finished.publish(CHANGE)
    assert (finished.there.run("rev-parse", BRANCH) == before) is defended
