"""Two trajectories side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from trajectories.compare import Comparison, compare
from trajectories.events import ActionTaken, AttemptEnded, AttemptStarted, Call, Message, ModelReplied, Observed
from trajectories.log import EventLog
from trajectories.stats import facts, read_attempt


def written(path: Path, *steps: tuple[str, str], task: str = "t", patch: str = "", root: str = "") -> Path:
    """An attempt of shell commands and what they said; an empty command is a malformed reply."""
    with EventLog(path) as log:
        log.append(AttemptStarted(attempt_id=path.stem, task={"id": task}, sandbox={"workdir": root}))
        for number, (command, text) in enumerate(steps, 1):
            log.append(ModelReplied(step=number))
            if not command:
                log.append(Message(role="user", purpose="correction", content="?", code="no-action", step=number))
                continue
            log.append(ActionTaken(step=number, call=Call(name="bash", arguments={"command": command})))
            log.append(Observed(step=number, text=text, duration=float(number)))
        log.append(AttemptEnded(status="submitted", patch=patch))
    return path


def compared(a: Path, b: Path) -> Comparison:
    read = [read_attempt(path) for path in (a, b)]
    return compare(read[0], read[1], facts(read[0])[0], facts(read[1])[0])


def test_equal_trajectories_have_no_divergence(tmp_path: Path) -> None:
    a = written(tmp_path / "a.jsonl", ("ls", "x"), ("", ""), ("pytest", "1 passed in 0.03s"))
    b = written(tmp_path / "b.jsonl", ("ls", "x"), ("", ""), ("pytest", "1 passed in 1.2s"))
    found = compared(a, b)
    assert found.divergence is None
    assert found.counts == {"same": 3}
    assert (found.same_task, found.same_patch, found.shared_actions) == (True, True, 2)


def test_what_the_clock_and_the_place_say_is_no_divergence(tmp_path: Path) -> None:
    slowest = "== slowest 2 durations ==\n"
    hidden = "durations < 0.005s hidden.  Use -vv to show these durations.)\n"
    both = [("ls", "x"), ("python -c 'print(object())'", "<object object at 0x7f12ab3400>")]
    a = written(tmp_path / "a.jsonl", *both, ("pytest", f"{slowest}0.01s call t.py::x\n(1 {hidden}1 passed in 0.1s"))
    both[1] = (both[1][0], "<object object at 0x55ee12345600>")
    b = written(tmp_path / "b.jsonl", *both, ("pytest", f"{slowest}(2 {hidden}1 passed in 0.2s"))
    assert compared(a, b).divergence is None
    c = written(tmp_path / "c.jsonl", *both, ("pytest", f"{slowest}(2 {hidden}2 passed in 0.3s"))
    found = compared(a, c).divergence
    assert found is not None
    assert found.diff.splitlines()[-2:] == ["-1 passed in <seconds>", "+2 passed in <seconds>"]
    assert "call" not in found.diff


def test_the_same_action_in_another_place_is_the_same(tmp_path: Path) -> None:
    roots = ("/s/sandboxes/111/tree", "/s/sandboxes/222/tree")
    a, b = (written(tmp_path / f"{n}.jsonl", (f"cat {root}/a.py", "x"), root=root) for n, root in enumerate(roots))
    found = compared(a, b)
    assert (found.divergence, found.shared_actions) == (None, 1)
    c = written(tmp_path / "c.jsonl", (f"cat {roots[0]}-old/a.py", "x"), root=roots[1])
    assert compared(a, c).counts == {"action": 1}


def test_an_argument_that_is_null_is_as_good_as_none(tmp_path: Path) -> None:
    files = []
    for name, arguments in (("a", {"path": "x.py", "line": None}), ("b", {"path": "x.py"})):
        files.append(tmp_path / f"{name}.jsonl")
        with EventLog(files[-1]) as log:
            log.append(AttemptStarted(attempt_id=name))
            log.append(ModelReplied(step=1))
            log.append(ActionTaken(step=1, call=Call(name="open", arguments=arguments)))
            log.append(Observed(step=1, text="1:x"))
    found = compared(*files)
    assert (found.divergence, found.shared_actions) == (None, 1)


def test_the_first_divergence_is_found_and_said(tmp_path: Path) -> None:
    common: Any = [("ls", "x"), ("cat x", "one\ntwo\n")]
    a = written(tmp_path / "a.jsonl", *common, ("make", "ok"))
    b = written(tmp_path / "b.jsonl", ("ls", "x"), ("cat x", "one\n2\n"), ("make all", "ok"), ("ls", "x"), patch="p")
    found = compared(a, b)
    assert found.divergence is not None
    assert (found.divergence.step, found.divergence.kind) == (2, "observation")
    assert found.divergence.diff.splitlines()[-2:] == ["-two", "+2"]
    assert [pair.kind for pair in found.pairs] == ["same", "observation", "action", "only_b"]
    assert found.shared_actions == 2
    assert not found.same_patch
    assert json.loads(json.dumps(found.as_dict()))["divergence"]["step"] == 2


def test_attempts_on_other_tasks_are_said_to_be_such(tmp_path: Path) -> None:
    a, b = written(tmp_path / "a.jsonl", task="one"), written(tmp_path / "b.jsonl", task="two")
    assert not compared(a, b).same_task
