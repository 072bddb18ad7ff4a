"""Tests that an issue shows are run again after every edit."""

from __future__ import annotations

import pytest

from aci_tools.examples import Examples
from aci_tools.session import Session
from agent.attempt import open_session
from agent.config_files import load_config
from agent.documented import documented_examples
from tasks.task import Task
from tests.agent.conftest import CALC

ISSUE = """`add` in `calc.py` subtracts. This test should pass:

```python
def test_add():
    assert add(Pair(1), 2) == 3
```
"""
PAIRS = "class Pair(int):\n    pass\n"


def test_a_shown_test_fails_before_and_passes_after(session: Session) -> None:
    session.sandbox.write(f"{session.root}/shapes/pairs.py", PAIRS.encode())
    session.sandbox.write(f"{session.root}/shapes/__init__.py", b"")
    examples = documented_examples(session, ISSUE, Examples.of(ISSUE)).measured(session.sandbox)
    assert [one.right for one in examples.judge(examples.before)] == [False]
    session.sandbox.write(f"{session.root}/calc.py", CALC.replace("a - b", "a + b").encode())
    now = examples.run(session.sandbox)
    assert now is not None
    assert [one.right for one in examples.judge(now)] == [True]
    assert examples.solved(now)


def test_code_that_is_no_test_counts_for_nothing(session: Session) -> None:
    issue = "`add` in `calc.py` is wrong:\n\n```python\nx = add(1, 2)\n```\n\n```\nno python at all\n```\n"
    assert documented_examples(session, issue, Examples()) == Examples()


@pytest.mark.parametrize("told", [True, False])
def test_documented_examples_are_told_with_those_of_the_issue_or_not_at_all(session: Session, told: bool) -> None:
    task = Task(id="a", repo="r", base_commit="", problem_statement="`add(1, 2)` in `calc.py` gives -1, not 3.")
    documented = CALC.replace(":\n", ':\n    """The sum.\n\n    >>> add(1, 1)\n    2\n    """\n', 1)
    session.sandbox.write(f"{session.root}/calc.py", documented.encode())
    settings = ["aci.documented_examples=true", f"aci.examples_after_edit={str(told).lower()}"]
    opened = open_session(load_config([], settings), session.sandbox, task, "", measure=False)
    assert ("add(1, 1)" in [example.source for example in opened.examples.examples]) is told


def test_an_issue_with_line_ends_of_windows_says_the_same(session: Session) -> None:
    issue = f"{ISSUE}\n>>> from calc import add\n>>> add(1, 2)\n-1\n\nThat is wrong.\n"
    tasks = [
        Task(id="a", repo="r", base_commit="", problem_statement=text) for text in (issue, issue.replace("\n", "\r\n"))
    ]
    config = load_config([], ["aci.documented_examples=true"])
    told, same = (open_session(config, session.sandbox, task, "HEAD").examples for task in tasks)
    assert told == same
    assert told.examples
