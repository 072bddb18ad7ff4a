"""Drives the command line as a user does: a process of its own, a repository of the user's, a home of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CALC = "def add(a, b):\n    return a - b\n"
FIXED = "def add(a, b):\n    return a + b\n"
#: What fixing ``add`` comes to, whatever the sandbox.
PATCH = """\
diff --git a/calc.py b/calc.py
index {before}..{after} 100644
--- a/calc.py
+++ b/calc.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""
TOOLS = "agent.tools=[open, bash, rewrite_function, submit]"


def call(tool: str, **arguments: Any) -> dict[str, Any]:
    """A scripted reply with one native tool call."""
    return {"tool_calls": [{"name": tool, "arguments": arguments}]}


LOOK = call("bash", command="ls")
FIX = call("rewrite_function", path="calc.py", name="add", code=FIXED)
SUBMIT = call("submit")


@dataclass
class User:
    """A user with a home, a repository with a bug, and a script that a model plays.

    Attributes:
        home: Home directory; the state and the cache are below it.
        repository: A git repository with ``calc.py``.
        env: The environment of what the user starts.
    """

    home: Path
    repository: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> Path:
        """What runs keep on disk."""
        return self.home / "state" / "patchwright"

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "agent", *arguments]

    def agent(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run ``agent`` to its end."""
        text = {"encoding": "utf-8", "errors": "surrogateescape", "check": False}
        options = {"cwd": self.home, "env": self.env, "stdin": subprocess.DEVNULL, **text, **options}
        if "input" in options:
            del options["stdin"]
        return subprocess.run(self.command(*arguments), capture_output=True, **options)

    def script(self, *replies: dict[str, Any]) -> str:
        """The name of a scripted model that gives these replies."""
        path = self.home / "script.jsonl"
        path.write_text("".join(json.dumps(reply) + "\n" for reply in replies))
        return f"scripted:{path}"

    def solving(self, model: str, *more: str, sandbox: str = "local") -> list[str]:
        """The arguments of ``agent solve`` on the repository."""
        known = ["solve", "--issue", "add subtracts its arguments", "--repo", str(self.repository)]
        settings = ["--set", TOOLS, "--set", "aci.review_submit=false"]
        return [*known, "--model", model, "--sandbox", sandbox, *settings, *more]

    def solve(
        self, *replies: dict[str, Any], more: tuple[str, ...] = (), sandbox: str = "local", **options: Any
    ) -> Any:
        """Run ``agent solve`` with a scripted model."""
        return self.agent(*self.solving(self.script(*replies), *more, sandbox=sandbox), **options)

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.repository, env=self.env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def patch(self) -> str:
        """The patch that fixes ``add``."""
        before, after = (self._blob(text) for text in (CALC, FIXED))
        return PATCH.format(before=before, after=after)

    def _blob(self, text: str) -> str:
        hashed = subprocess.run(
            ["git", "hash-object", "--stdin"], input=text, capture_output=True, text=True, check=True
        )
        return hashed.stdout[:7]

    def left_behind(self) -> list[str]:
        """Sandboxes and workspaces on disk."""
        place = self.state / "sandboxes"
        return sorted(path.name for path in place.iterdir()) if place.is_dir() else []


@pytest.fixture
def user(tmp_path: Path) -> User:
    home = tmp_path / "home"
    repository = home / "project"
    repository.mkdir(parents=True)
    kept = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST", "COVERAGE_PROCESS_START") if name in os.environ}
    env = {
        **kept,
        "HOME": str(home),
        "XDG_STATE_HOME": str(home / "state"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONPATH": str(ROOT),
        "LC_ALL": "C.UTF-8",
    }
    made = User(home, repository, env)
    (repository / "calc.py").write_text(CALC)
    made.git("init", "-q", "-b", "main")
    made.git("config", "user.name", "User")
    made.git("config", "user.email", "user@example.org")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "Begin")
    return made


@pytest.fixture(params=["local", "namespace", pytest.param("docker", marks=pytest.mark.docker)])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of sandbox; where one cannot be had, CI fails and other machines skip."""
    if request.param == "docker":
        request.getfixturevalue("docker_image")
    if request.param == "namespace":
        from aci_tools.sandbox import available_kinds

        (found,) = [known for known in available_kinds() if known.kind == "namespace"]
        if not found.usable and os.environ.get("CI"):
            pytest.fail(f"CI needs namespaces: {found.reason}")
        if not found.usable:
            pytest.skip(f"namespaces do not work here: {found.reason}")
    return str(request.param)


def one_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line on standard error that says what is wrong; progress may stand before it."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("agent: ")]
    assert len(lines) == 1, done.stderr
    assert done.stderr.splitlines()[-1] == lines[0], done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return lines[0]


Runner = Callable[..., subprocess.CompletedProcess[str]]
