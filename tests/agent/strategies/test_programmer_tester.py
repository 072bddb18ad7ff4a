"""Tests designed before any fix: what of them counts, what the programmer sees of them, what they decide."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from agent.models.base import ModelError, Query, Reply
from agent.models.scripted import ScriptedModel
from agent.status import Status
from tests.agent.conftest import SUBMIT, call, fix, git, scripted, types
from tests.agent.strategies.conftest import CANARY, Run, texts
from trajectories.events import Evaluated, Noted, SubagentReplied
from trajectories.log import read_events

pytestmark = pytest.mark.strategies

ISSUE = "`add` in `calc.py` subtracts.\n"
#: Takes the examples out of the game, so that the designed tests alone decide.
ALONE = ("strategy.evaluators=[]", "aci.documented_examples=false")
WRONG = fix("return a * b + 1")


def commit(repository: Path) -> None:
    git(repository, "add", "-A")
    git(repository, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Go on")


def says(text: str) -> dict[str, Any]:
    return {"content": text}


CASES = says("```python\nimport calc\n# basic\nassert add(2, 3) == 5\n# edge\nassert calc.add(4, 0) == 4\n```")
CONFIRMED = says("add(2, 3) == 5")


class _Asked(ScriptedModel):
    """A script that keeps what it was asked, and fails at one call, once."""

    def __init__(self, *replies: dict[str, Any], fails_at: int | None = None) -> None:
        super().__init__(scripted(*replies).replies)
        self.prompts: list[str] = []
        self.fails_at = fails_at

    def query(self, query: Query) -> Reply:
        if query.index == self.fails_at:
            self.fails_at = None
            raise ModelError("the network is down")
        self.prompts.append("\n".join(str(message.get("content", "")) for message in query.messages))
        return super().query(query)


def suite(place: Path) -> dict[str, Any]:
    """What was recorded of the designed tests."""
    events = read_events(place / "attempt/trajectory.jsonl")
    return next(event.data for event in events if isinstance(event, Noted) and event.key == "designed-tests")


def reasons(place: Path) -> dict[str, str]:
    return {each["name"]: each["reason"] for each in suite(place)["dropped"]}


def test_a_candidate_that_fails_the_designed_tests_is_tried_again(tree: Run, repository: Path, tmp_path: Path) -> None:
    (repository / "calc.py").write_text('def add(a, b):\n    """The sum."""\n    return a - b\n')
    commit(repository)
    model = _Asked(CASES, CONFIRMED, WRONG, SUBMIT, fix(), SUBMIT)
    done = tree("programmer-tester", model=model, settings=ALONE, issue=ISSUE)
    ended = done.run()
    assert ended.status == Status.SUBMITTED
    assert "+    return a + b" in done.patch
    events = read_events(tmp_path / "attempt/trajectory.jsonl")
    assert [e.key for e in events if isinstance(e, SubagentReplied)] == ["design/1", "confirm/1"]
    assert types(events)[-4:] == ["trial_ended", "evaluated", "patch_changed", "attempt_ended"]
    judged = [[(c["name"], c["passed"]) for c in e.checks] for e in events if isinstance(e, Evaluated)]
    assert judged == [
        [("add(2, 3) == 5", False), ("add(4, 0) == 4", False)],
        [("add(2, 3) == 5", True), ("add(4, 0) == 4", True)],
    ]
    # The tests were designed from the requirement: neither the code nor a candidate was seen.
    assert "def add(a, b)" in model.prompts[0]
    assert "The sum." in model.prompts[0]
    assert "return a - b" not in model.prompts[0]
    # And the programmer saw them when it had failed, with what they found.
    assert "add(2, 3) == 5" not in model.prompts[2]
    assert "assert add(2, 3) == 5" in model.prompts[4]
    assert "gives 7, should give 5" in model.prompts[4]


@pytest.mark.parametrize(("policy", "first", "second"), [("never", False, False), ("always", True, True)])
def test_the_programmer_sees_the_tests_as_the_policy_says(tree: Run, policy: str, first: bool, second: bool) -> None:
    model = _Asked(CASES, CONFIRMED, WRONG, SUBMIT, fix(), SUBMIT)
    tree("programmer-tester", model=model, settings=(*ALONE, f"strategy.show_tests={policy}"), issue=ISSUE).run()
    assert ("add(2, 3) == 5" in model.prompts[2]) is first
    assert ("add(2, 3) == 5" in model.prompts[4]) is second
    assert "designed test 1: failed" in model.prompts[4] or second


def traced(place: Path) -> dict[str, Any]:
    events = read_events(place / "attempt/trajectory.jsonl")
    return next(event.data for event in events if isinstance(event, Noted) and event.key == "trace/1.2")


@pytest.mark.parametrize("policy", ["after_failure", "never"])
def test_a_repair_is_shown_what_the_code_did_in_a_designed_case_unless_it_is_hidden(
    tree: Run, tmp_path: Path, policy: str
) -> None:
    explained = () if policy == "never" else (says("It multiplies."),)
    settings = (*ALONE, "strategy.rounds=1", f"strategy.show_tests={policy}")
    script = (CASES, CONFIRMED, WRONG, SUBMIT, *explained, fix(), SUBMIT)
    done = tree("programmer-tester+repair-loop", *script, settings=settings, issue=ISSUE)
    assert done.run().steps == len(script)
    assert ("calc.py: add(a=2, b=3) returned 7." in traced(tmp_path)["text"]) is (policy != "never")


def test_tests_that_do_not_hold_what_they_promise_are_dropped_with_the_reason(tree: Run, tmp_path: Path) -> None:
    reply = says(
        "assert add(1, 1) == 2\nassert add(1) == 1\nassert twice(2) == 4\nassert add(1, 1) == 2\n"
        "assert add(7, 1) == 9\nassert add(8, 8) == 16\nassert add(3,\n"
        "import random\n"
    )
    second = says("add(1, 1) == 2\n`add(7, 1) == 8`\n")
    settings = (*ALONE, "strategy.designed_tests=9")
    tree("programmer-tester", reply, second, fix(), SUBMIT, settings=settings, issue=ISSUE).run()
    assert [(test["name"], test["fails_on_base"]) for test in suite(tmp_path)["tests"]] == [
        ("add(1, 1) == 2", True),
    ]
    found = reasons(tmp_path)
    assert found["add(1) == 1"].startswith("the test itself raises TypeError")
    assert found["twice(2) == 4"] == "it does not call add"
    assert found["add(1, 1) == 2"] == "it stands there twice"
    assert found["add(7, 1) == 9"] == "it fails, and a second answer is 8"
    assert found["add(8, 8) == 16"] == "it fails, and no second answer confirms its value"


def test_a_test_that_ends_differently_each_time_is_dropped(tree: Run, tmp_path: Path) -> None:
    flaky = "assert add(int(hash('a') % 2 == hash('b') % 2), 0) + 0 * hash('c') == 1"
    # Hashes of texts differ from run to run: of the seeds 0, 1 and 2, at least one gives another outcome.
    reply = says(f"{flaky}\nassert add(9, 0) == 9")
    tree("programmer-tester", reply, fix(), SUBMIT, settings=("strategy.design_rounds=1", *ALONE), issue=ISSUE).run()
    assert [test["name"] for test in suite(tmp_path)["tests"]] == ["add(9, 0) == 9"]
    assert "does not end the same way in 3 runs" in "".join(reasons(tmp_path).values())


def test_a_test_that_compares_what_cannot_be_compared_is_at_fault_itself(
    tree: Run, repository: Path, tmp_path: Path
) -> None:
    # As a comparison with an array, it raises without a line of the project.
    odd = "class Odd:\n    __eq__ = len\n\n\ndef odd():\n    return Odd()\n"
    (repository / "calc.py").write_text(odd)
    commit(repository)
    tree("programmer-tester", says("assert odd() == 3"), says("assert odd()"), SUBMIT, issue="`odd` is odd").run()
    assert reasons(tmp_path)["odd() == 3"] == "the test itself raises TypeError: object of type 'int' has no len()"


def test_a_reply_that_repeats_itself_without_end_is_read_as_far_as_it_can_be(tree: Run, tmp_path: Path) -> None:
    source = "\n".join(
        ["assert add(1, 1) == 2", f"assert add(3, 1) == 1{' + 1' * 600}", f"assert add(4, {'-' * 9000}1"]
    )
    tree("programmer-tester", says(source), says("add(1, 1) == 2"), fix(), SUBMIT, settings=ALONE, issue=ISSUE).run()
    assert [test["name"] for test in suite(tmp_path)["tests"]] == ["add(1, 1) == 2"]


def test_where_no_test_shows_the_issue_they_are_designed_once_more(tree: Run, tmp_path: Path) -> None:
    model = _Asked(says("assert add(4, 0) == 4"), CASES, CONFIRMED, fix(), SUBMIT)
    tree("programmer-tester", model=model, settings=ALONE, issue=ISSUE).run()
    assert "These pass before any fix" in model.prompts[1]
    assert [test["name"] for test in suite(tmp_path)["tests"]] == ["add(2, 3) == 5", "add(4, 0) == 4"]


@pytest.mark.parametrize("replies", [("I cannot.", "Really not."), ("", "")])
def test_without_any_test_the_attempt_goes_on(tree: Run, tmp_path: Path, replies: tuple[str, str]) -> None:
    script = [*map(says, replies)][: 2 if replies[0] else 1]
    done = tree("programmer-tester", *script, fix(), SUBMIT, settings=ALONE, issue=ISSUE)
    assert done.run().status == Status.SUBMITTED
    assert "+    return a + b" in done.patch
    assert suite(tmp_path)["tests"] == []


def test_hidden_tests_reach_neither_designer_nor_programmer(tree: Run, tmp_path: Path) -> None:
    tree("programmer-tester", CASES, CONFIRMED, WRONG, SUBMIT, fix(), SUBMIT, settings=ALONE, issue=ISSUE).run()
    recorded = texts(tmp_path / "attempt")
    assert "subtracts" in recorded
    assert CANARY not in recorded


def test_the_designer_is_paid_out_of_the_one_budget(tree: Run) -> None:
    looks = [fix(f"return a * {number}") for number in range(40)]
    ended = tree("programmer-tester", CASES, CONFIRMED, *looks, settings=(*ALONE, "limits.steps=8"), issue=ISSUE).run()
    assert ended.steps == 8


@pytest.mark.parametrize("at", [0, 1, 2, 4])
def test_an_attempt_that_was_cut_off_goes_on_with_the_same_tests(tree: Run, tmp_path: Path, at: int) -> None:
    script = (CASES, CONFIRMED, WRONG, SUBMIT, fix(), SUBMIT)
    model = _Asked(*script, fails_at=at)
    assert tree("programmer-tester", model=model, settings=ALONE, issue=ISSUE).run().status == Status.MODEL_ERROR
    again = tree("programmer-tester", model=model, settings=ALONE, issue=ISSUE)
    assert again.run().status == Status.SUBMITTED
    assert len(model.prompts) == len(script)
    assert "+    return a + b" in again.patch
    kept = [e.key for e in read_events(tmp_path / "attempt/trajectory.jsonl") if isinstance(e, Noted)]
    assert kept == ["validated/1", "designed-tests"]


def test_tests_are_designed_once_for_all_candidates(tree: Run, tmp_path: Path) -> None:
    settings = (*ALONE, "strategy.rounds=1")
    script = (CASES, CONFIRMED, WRONG, SUBMIT, fix(), SUBMIT)
    done = tree("best-of-n+programmer-tester", *script, settings=settings, issue=ISSUE)
    assert done.run().steps == len(script)
    assert "+    return a + b" in done.patch


TESTS = """Here they are.

```python
import pytest

from calc import add, twice


def test_reproduces_the_difference():
    assert add(2, 3) == 5


def test_reproduces_nothing():
    assert add(1, 0) == 1


def test_reproduces_with_a_slip():
    assert ad(2, 3) == 5


def test_keeps_zero():
    assert add(4, 0) == 4


def test_keeps_what_is_wrong():
    assert twice(2) == 5


@pytest.mark.parametrize("a", [1, 2])
def test_reproduces_each(a):
    assert add(a, 1) == a + 1
```
"""


@pytest.fixture
def project(repository: Path) -> Path:
    """The repository with a test of its own."""
    (repository / "tests").mkdir()
    (repository / "tests/test_calc.py").write_text(
        "from calc import twice\n\n\ndef test_twice():\n    assert twice(2) == 4\n"
    )
    (repository / "pytest.ini").write_text("[pytest]\npythonpath = .\n")
    git(repository, "add", "-A")
    git(repository, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Test")
    return repository


def test_a_project_gets_a_test_file_of_its_own_framework(tree: Run, project: Path, tmp_path: Path) -> None:
    verdicts = says("tests/test_issue.py::test_reproduces_the_difference: YES\n- `test_reproduces_each[1]`: NO\n")
    model = _Asked(says(TESTS), verdicts, WRONG, SUBMIT, fix(), SUBMIT)
    done = tree("programmer-tester", model=model, settings=ALONE, issue=ISSUE)
    assert done.run().status == Status.SUBMITTED
    assert "+    return a + b" in done.patch
    assert "test_issue" not in done.patch
    assert "def test_twice" in model.prompts[0]
    assert "return a - b" in model.prompts[0]
    assert [test["name"] for test in suite(tmp_path)["tests"]] == [
        "tests/test_issue.py::test_reproduces_the_difference",
        "tests/test_issue.py::test_keeps_zero",
    ]
    found = {name.rpartition("::")[2]: reason for name, reason in reasons(tmp_path).items()}
    assert found["test_reproduces_nothing"] == "it should fail before any fix, but passes"
    assert found["test_reproduces_with_a_slip"].startswith("the test itself raises NameError")
    assert found["test_keeps_what_is_wrong"].startswith("it should pass before any fix, but ")
    assert found["test_reproduces_each[1]"].startswith("a second look does not find the issue")
    # What was dropped is not shown to the programmer either.
    assert "def test_reproduces_the_difference" in model.prompts[4]
    assert "test_reproduces_with_a_slip" not in model.prompts[4]


def test_a_repair_is_shown_what_the_code_did_in_a_designed_test_file(tree: Run, project: Path, tmp_path: Path) -> None:
    settings = (*ALONE, "strategy.confirm_tests=false", "strategy.design_rounds=1", "strategy.rounds=1")
    script = (says(TESTS), WRONG, SUBMIT, says("It multiplies."), fix(), SUBMIT)
    done = tree("programmer-tester+repair-loop", *script, settings=settings, issue=ISSUE)
    assert done.run().steps == len(script)
    assert "calc.py: add(a=2, b=3) returned 7." in traced(tmp_path)["text"]
    assert "test_issue" not in done.patch


def test_a_test_file_in_a_directory_with_a_blank_is_run(tree: Run, project: Path, tmp_path: Path) -> None:
    git(project, "mv", "tests", "the tests")
    commit(project)
    settings = (*ALONE, "strategy.confirm_tests=false", "strategy.design_rounds=1")
    tree("programmer-tester", says(TESTS), fix(), SUBMIT, settings=settings, issue=ISSUE).run()
    kept = [test["name"] for test in suite(tmp_path)["tests"]]
    assert "the tests/test_issue.py::test_reproduces_the_difference" in kept


def test_a_file_that_is_no_python_is_asked_for_again(tree: Run, project: Path, tmp_path: Path) -> None:
    broken = says("```python\ndef test_reproduces(:\n```")
    right = says("```python\nfrom calc import add\n\n\ndef test_reproduces():\n    assert add(2, 3) == 5\n```")
    script = (broken, right, says("test_reproduces: yes"), fix(), SUBMIT)
    tree("programmer-tester", *script, settings=ALONE, issue=ISSUE).run()
    assert [test["name"] for test in suite(tmp_path)["tests"]] == ["tests/test_issue.py::test_reproduces"]
    assert reasons(tmp_path)["tests/test_issue.py"].startswith("it is not Python")


def test_an_exception_counts_where_the_project_raises_it_or_the_issue_asks_for_what_is_missing(
    tree: Run, repository: Path, tmp_path: Path
) -> None:
    (repository / "calc.py").write_text("def add(a, b):\n    return {}[a]\n\n\ndef twice(a):\n    return a * 2\n")
    own = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_nothing(self):\n        pass\n"
    (repository / "test_calc.py").write_text(own)
    (repository / "tox.ini").write_text("[testenv]\ncommands = python -m unittest\n")
    commit(repository)
    designed = """```python
import unittest
import calc


class Issue(unittest.TestCase):
    def test_reproduces_the_error(self):
        calc.add(2, 3)

    def test_reproduces_what_is_missing(self):
        calc.subtract(2, 3)

    def test_reproduces_a_slip(self):
        calc.ad(2, 3)
```"""
    verdicts = says("test_reproduces_the_error: YES\ntest_reproduces_what_is_missing: YES\n")
    issue = "`add` does not work, and there should be `subtract`."
    tree(
        "programmer-tester", says(designed), verdicts, fix(), SUBMIT, settings=("strategy.rounds=1",), issue=issue
    ).run()
    names = [test["name"].rpartition(".")[2] for test in suite(tmp_path)["tests"]]
    assert names == ["test_reproduces_the_error", "test_reproduces_what_is_missing"]
    assert "has no attribute 'ad'" in "".join(reasons(tmp_path).values())


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node here")
def test_a_project_in_another_language_gets_a_test_file_too(tree: Run, repository: Path, tmp_path: Path) -> None:
    (repository / "calc.js").write_text("exports.add = (a, b) => a - b;\nexports.twice = a => a * 2;\n")
    (repository / "package.json").write_text('{"name": "calc", "scripts": {"test": "node --test"}}')
    (repository / "test").mkdir()
    head = "const test = require('node:test');\nconst assert = require('node:assert');\n"
    own = f"{head}test('twice', () => assert.equal(require('../calc').twice(2), 4));\n"
    (repository / "test/calc.test.js").write_text(own)
    commit(repository)
    designed = f"""```js
{head}const {{ add }} = require('../calc');
test('reproduces the difference', () => assert.equal(add(2, 3), 5));
test('keeps 1.5 as it is', () => assert.equal(add(1.5, 0), 1.5));
test('reproduces nothing', () => assert.equal(add(2, 0), 2));
```"""
    repair = call("bash", command="sed -i 's/a - b/a + b/' calc.js")
    script = (says(designed), says("reproduces the difference: YES"), repair, SUBMIT)
    done = tree("programmer-tester", *script, settings=("strategy.evaluators=[regression]",), issue=ISSUE)
    assert done.run().steps == len(script)
    assert "issue.test.js" not in done.patch
    events = read_events(tmp_path / "attempt/trajectory.jsonl")
    (judged,) = ({check["name"]: check["passed"] for check in e.checks} for e in events if isinstance(e, Evaluated))
    assert judged == {
        "1 of the project's tests around calc.js": True,
        "reproduces the difference": True,
        "keeps 1.5 as it is": True,
    }
    assert reasons(tmp_path) == {"reproduces nothing": "it should fail before any fix, but passes"}
