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
