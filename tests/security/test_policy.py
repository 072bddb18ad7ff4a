"""Commands that would get around a list of what is denied, or past the person who confirms."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest

from aci_tools.policy import Policy
from aci_tools.session import Session, SessionSettings
from aci_tools.tools.base import ToolError
from aci_tools.tools.bash import Bash
from agent.formats.base import ParsedCall
from agent.human.person import Person
from tests.security.conftest import Opening
from trajectories.events import Call

PUSH = "git push -q {remote} HEAD:refs/heads/stolen"


class Prefixes:
    """What is often done instead: the beginning of the text is compared."""

    def refuse(self, text: str) -> str:
        return "refused" if text.startswith("git push") else ""


@pytest.mark.parametrize(
    "wrapped",
    [
        "true && {push}",
        "sh -c '{push}'",
        "bash <<'END'\n{push}\nEND",
        "echo $({push})",
        "x=`{push}`",
        "env A=1 timeout 9 {push}",
        "eval '{push}'",
        "echo '{push}' | sh",
        "find . -maxdepth 0 -exec {push} \\;",
        "echo HEAD:refs/heads/stolen | xargs git push -q {remote}",
        'g\\it "pu"sh -q {remote} HEAD:refs/heads/stolen',
        "git -c a.b=c push -q {remote} HEAD:refs/heads/stolen",
        "f() {{ {push}; }}; f",
    ],
)
def test_a_wrapped_command_is_seen_through(
    project: Path, tmp_path: Path, opening: Opening, wrapped: str, defended: bool
) -> None:
    remote = tmp_path / "remote.git"
    subprocess.run(["git", "init", "-q", "--bare", str(remote)], check=True)
    session = Session(opening("local", project), SessionSettings())
    session.policy = Policy() if defended else Prefixes()
    command = wrapped.format(push=PUSH.format(remote=remote), remote=remote)
    with pytest.raises(ToolError, match="Nothing was run") if defended else contextlib.nullcontext():
        Bash(command=command).run(session)
    assert (remote / "refs" / "heads" / "stolen").exists() is not defended


class Glass:
    """A terminal that keeps what it is shown."""

    def __init__(self) -> None:
        self.shown = ""

    def say(self, text: str, style: str = "") -> None:
        self.shown += f"{text}\n"

    def prompt(self, question: str) -> str:
        return "n"


@pytest.mark.parametrize(
    "hidden",
    ["\x1b[8mrm -rf .\x1b[0m", "rm -rf .\r", "\x1b[1A\x1b[2Krm -rf .", "\u202erm -rf .", "rm -rf .\x08\x08\x08\x08"],
    ids=["concealed", "overwritten", "erased", "turned round", "taken back"],
)
def test_a_command_does_not_hide_from_who_confirms_it(
    monkeypatch: pytest.MonkeyPatch, hidden: str, defended: bool
) -> None:
    if not defended:
        monkeypatch.setattr("agent.human.person.visible", lambda text: text)
    glass = Glass()
    command = f"ls; {hidden}"
    parsed = ParsedCall(Call(name="bash", arguments={"command": command}), Bash(command=command))
    Person(glass, Policy(), "all", chat=False).review(parsed, "")
    assert "rm -rf ." in glass.shown
    assert all(char.isprintable() or char == "\n" for char in glass.shown) is defended
