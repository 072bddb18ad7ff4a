"""What a model is told before its first step."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aci_tools.session import Session
from aci_tools.tools import toolset
from agent.attempt import opening_messages
from agent.config import Config
from agent.formats import make_format
from agent.retrieval import relevant_functions
from tasks.task import Task


@pytest.mark.parametrize(
    ("reach", "told"),
    [
        ({}, "no input and no network, and"),
        ({"network": True}, "no input and a network, and"),
        (
            {"allow_hosts": ("pypi.org", "*.example.org")},
            "no network but HTTP and HTTPS to pypi.org, *.example.org, and",
        ),
    ],
)
def test_the_prompt_says_what_commands_reach(session: Session, reach: dict[str, Any], told: str) -> None:
    session.sandbox.spec = replace(session.sandbox.spec, **reach)
    task = Task(id="x", repo="x", base_commit="x", problem_statement="It fails.")
    system, _ = opening_messages(Config(), task, session, make_format("tool_calls"), toolset(["bash", "submit"]))
    assert told in system.content


@pytest.mark.parametrize("name", ["default", "small", "replace", "edit", "line", "code"])
def test_each_first_message_has_the_issue_and_the_code_that_the_dialect_needs(session: Session, name: str) -> None:
    config = Config.model_validate({"agent": {"task_prompt": name, "relevant_code": 1}})
    task = Task(id="x", repo="x", base_commit="x", problem_statement="`add` subtracts.")
    tools = toolset(["replace_line", "rewrite", "submit"])
    snippets = relevant_functions(session, task.problem_statement, 1)
    _, first = opening_messages(config, task, session, make_format("line_or_block"), tools, ["A note."], snippets)
    numbered = "   1 def add(a, b):\n   2     return a - b" in first.content
    assert numbered or "\ndef add(a, b):\n    return a - b\n" in first.content
    assert numbered == (name in ("edit", "line"))
    assert first.content.count("`add` subtracts.") == 1
    assert "A note." in first.content
    assert "$" not in first.content
