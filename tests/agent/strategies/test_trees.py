"""What a strategy spent is replayed trial by trial, and forked from a trial."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from aci_tools.errors import UsageError
from agent.fork import ForkRequest, fork_attempt
from agent.reopen import Where
from agent.replay import ReplayRequest, TreeReplayed, replay, replay_tree, trials_to_play
from tests.agent.conftest import SUBMIT, call, fix, git
from tests.agent.recorded import Quiet, script
from tests.agent.strategies.conftest import Run
from trajectories.events import AttemptEnded, AttemptStarted, Message, Observed
from trajectories.forks import draw, forest
from trajectories.log import read_events
from trajectories.redact import MASK
from trajectories.trees import chosen, trials

pytestmark = pytest.mark.strategies

LOOK = call("bash", command="cat calc.py")
LESSON = {"content": "It multiplies. It has to add."}
TRUSTED = Where(trust=True)


@pytest.fixture
def repaired(tree: Run, tmp_path: Path) -> Path:
    """An attempt of two trials, of which the second goes on from the change of the first."""
    replies = (LOOK, fix("return a * b"), SUBMIT, LESSON, LOOK, fix(), SUBMIT)
    assert tree("repair-loop", *replies).run().status == "submitted"
    return tmp_path / "attempt"


def replayed(directory: Path, where: Where = TRUSTED) -> TreeReplayed:
    return replay_tree(ReplayRequest(directory, where), trials_to_play(directory), Quiet())


def test_each_trial_is_replayed_from_its_own_beginning(repaired: Path) -> None:
    found = replayed(repaired)
    assert found.equal, found.as_json()
    assert {name: each.counts["equal"] for name, each in found.trials.items()} == {"1": 3, "2": 3}


def test_a_trial_whose_repository_changed_is_told_from_the_others(repaired: Path, repository: Path) -> None:
    trial = repaired / "trials/2/trajectory.jsonl"
    trial.write_text(trial.read_text().replace("return a * b", "return b * a", 1))  # of the change that it began with
    found = replayed(repaired)
    assert (found.trials["1"].equal, found.trials["2"].equal) == (True, False)
    assert found.trials["2"].divergence is not None
    assert found.trials["2"].divergence.entry.step == 1


def test_one_trial_is_replayed_like_any_attempt(repaired: Path, tmp_path: Path) -> None:
    found = replay(ReplayRequest(repaired / "trials/2", TRUSTED, until=1, output=tmp_path / "again"), Quiet())
    assert (found.equal, found.patch, len(found.results)) == (True, "equal", 1)
    assert read_events(tmp_path / "again/trajectory.jsonl")


def test_steps_of_an_attempt_with_trials_are_asked_for_by_trial(repaired: Path) -> None:
    request = ReplayRequest(repaired, TRUSTED, until=1)
    with pytest.raises(UsageError, match=r"--until: .*/trials/1, .*/trials/2$"):
        replay_tree(request, trials_to_play(repaired), Quiet())


def test_trials_that_are_gone_are_said(repaired: Path) -> None:
    (repaired / "trials/1/trajectory.jsonl").unlink()
    found = replayed(repaired)
    assert (found.equal, list(found.trials), found.missing) == (True, ["2"], ("1",))
    (repaired / "trials/2/trajectory.jsonl").unlink()
    with pytest.raises(UsageError, match="are not here"):
        replayed(repaired)


def test_a_root_is_not_forked_and_its_trials_are_named(repaired: Path, tmp_path: Path) -> None:
    request = ForkRequest(repaired, 0, tmp_path / "fork", TRUSTED)
    with pytest.raises(UsageError, match=r"only a trial has steps: .*trials/1, .*trials/2$"):
        fork_attempt(request, Quiet())
    assert not (tmp_path / "fork").exists()


def test_a_trial_is_forked_from_what_it_began_with(repaired: Path, tmp_path: Path) -> None:
    model = script(tmp_path / "script.jsonl", LOOK, LOOK, fix("return b + a"), SUBMIT)
    asked = ForkRequest(repaired / "trials/2", 1, tmp_path / "fork", TRUSTED, flags={"model.name": model})
    (made,), _ = fork_attempt(asked, Quiet())
    events = read_events(tmp_path / "fork/trajectory.jsonl")
    assert "return b + a" in made.ended.patch
    assert ["return a * b" in event.text for event in events if isinstance(event, Observed)][:2] == [True, True]
    first = events[0]
    assert isinstance(first, AttemptStarted)
    assert first.config["agent"]["strategy"] == "single"  # so that it can be gone on with by itself
    assert replay(ReplayRequest(tmp_path / "fork", TRUSTED), Quiet()).equal
    with pytest.raises(UsageError, match="a fork is one attempt"):
        fork_attempt(replace(asked, output=tmp_path / "more", settings=["agent.strategy=best-of-n"]), Quiet())


def test_what_looks_like_a_secret_beside_a_change_keeps_no_trial_from_being_rebuilt(
    tree: Run, repository: Path, tmp_path: Path
) -> None:
    token = "ghp_" + "a1B2" * 9
    (repository / "calc.py").write_text(f'TOKEN = "{token}"\ndef add(a, b):\n    return a - b\n')
    git(repository, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-qam", "Change")
    cut_off = (fix("return a * b"), SUBMIT, LESSON, LOOK)  # the script ends there
    assert tree("repair-loop", *cut_off).run().status == "model_error"
    begun = tmp_path / "attempt/trials/2"
    text = (begun / "trajectory.jsonl").read_text()
    assert token not in text
    assert MASK in text
    ended = tree("repair-loop", *cut_off, fix(), SUBMIT).run()
    assert ended.status == "submitted", ended.detail
    assert replayed(tmp_path / "attempt").equal
    flags = {"model.name": script(tmp_path / "script.jsonl", LOOK, fix(), SUBMIT)}
    (made,), _ = fork_attempt(ForkRequest(begun, 1, tmp_path / "fork", TRUSTED, flags=flags), Quiet())
    assert (made.ended.status, "return a + b" in made.ended.patch) == ("submitted", True), made.ended.detail


def test_a_fork_with_another_prompt_keeps_what_the_trial_was_told(repaired: Path, tmp_path: Path) -> None:
    flags = {"model.name": script(tmp_path / "script.jsonl", fix(), SUBMIT)}
    settings = ["agent.relevant_code=0"]
    asked = ForkRequest(repaired / "trials/2", 0, tmp_path / "fork", TRUSTED, flags=flags, settings=settings)
    fork_attempt(asked, Quiet())
    events = read_events(tmp_path / "fork/trajectory.jsonl")
    (prompt,) = [event.content for event in events if isinstance(event, Message) and event.purpose == "task"]
    assert "It multiplies. It has to add." in prompt


def test_the_tree_of_forks_has_trials_below_their_attempt(repaired: Path, tmp_path: Path) -> None:
    model = script(tmp_path / "script.jsonl", LOOK, fix(), SUBMIT)
    asked = ForkRequest(repaired / "trials/2", 1, tmp_path / "fork", TRUSTED, flags={"model.name": model})
    fork_attempt(asked, Quiet())
    lines = draw(forest([repaired, tmp_path / "fork"])).splitlines()
    assert [line.partition(":")[0] for line in lines[1:]] == ["├─ trial 1", "└─ trial 2", "   └─ at 1"]
    (root,) = forest([repaired / "trials/1"])  # the attempt is looked up where it lies
    assert (root.path, [node.trial for node in root.forks]) == (repaired / "trajectory.jsonl", ["1"])


def test_the_trial_whose_patch_is_submitted_is_known(repaired: Path) -> None:
    events = read_events(repaired / "trajectory.jsonl")
    found = chosen(events, repaired)
    assert found is not None
    assert found.name == "2"
    assert chosen([event for event in events if not isinstance(event, AttemptEnded)], repaired) is None


@pytest.mark.parametrize("named", ["../../secret.jsonl", "/etc/passwd", "trajectory.jsonl", "trials/../x.jsonl", "\0"])
def test_a_record_names_no_file_outside_its_trials(repaired: Path, named: str) -> None:
    for file in (repaired.parent.parent / "secret.jsonl", repaired / "x.jsonl"):
        file.write_text("{}\n")
    root = repaired / "trajectory.jsonl"
    events = [event.model_copy(update={"trajectory": named}) for event in read_events(root) if "trial_s" in event.type]
    assert [trial.path for trial in trials(events, repaired)] == [None, None]
