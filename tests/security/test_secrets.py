"""The user's secrets: in no sandbox, and in no file that Patchwright writes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aci_tools.sandbox import KINDS
from tests.security.conftest import CANARY, Opening, fenced_kind
from trajectories.events import Observed
from trajectories.log import EventLog
from trajectories.redact import Redactor


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), *KINDS[1:]])
def kind(request: pytest.FixtureRequest) -> str:
    return fenced_kind() if request.param == "namespace" else str(request.param)


def test_no_variable_of_the_user_is_in_a_sandbox(
    request: pytest.FixtureRequest,
    project: Path,
    opening: Opening,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    defended: bool,
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    given = {} if defended else {"ANTHROPIC_API_KEY": os.environ["ANTHROPIC_API_KEY"]}
    image = request.getfixturevalue("docker_image") if kind == "docker" else None
    sandbox = opening(kind, project, given, image=image)
    shown = sandbox.run("env; cat /proc/self/environ /proc/$PPID/environ /proc/1/environ 2>/dev/null | tr '\\0' '\\n'")
    # Without a fence the processes of the user are there to be read, as they are for every program of the user's.
    if kind != "local":
        assert (CANARY in shown.text) is not defended
    else:
        assert (CANARY in sandbox.run("env").text) is not defended


def test_a_secret_that_a_command_printed_is_not_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, defended: bool
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", CANARY)
    shaped = "ghp_" + "A1b2C3d4E5" * 4
    if not defended:
        monkeypatch.setattr(Redactor, "data", lambda self, value: value)
    with EventLog(tmp_path / "trajectory.jsonl") as log:
        log.append(Observed(step=1, text=f"key={CANARY} token={shaped}", data={CANARY: shaped}))
    written = (tmp_path / "trajectory.jsonl").read_text()
    assert (CANARY in written) is not defended
    assert (shaped in written) is not defended
