"""Work for benchmarks of whole runs: small tasks with tests, an attempt's script that solves them, the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
BUG = "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a * 2\n"
FIX = BUG.replace("a - b", "a + b")
TESTS = (
    "from calc import add, twice\n\n\ndef test_twice():\n    assert twice(2) == 4\n\n\n"
    "def test_add():\n    assert add(2, 1) == 3\n"
)
#: What all tasks say.
STATEMENT = "add subtracts"
#: One commit id, and so one image, whenever it is made.
_ALWAYS = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "U"), ("EMAIL", "u@example.org"), ("DATE", "2024-01-01T00:00:00+0000"))
}


def call(tool: str, delay: float = 0.0, **arguments: Any) -> dict[str, Any]:
    """A scripted reply with one tool call."""
    return {"tool_calls": [{"name": tool, "arguments": arguments}], "delay": delay}


def script(steps: int, think: float) -> list[dict[str, Any]]:
    """Looks, commands and edits in turn; the last steps mend the bug and submit.

    Args:
        steps: Model calls.
        think: Seconds that each takes.
    """
    turns = [
        ("open", {"path": "calc.py"}),
        ("search_dir", {"term": "def "}),
        ("bash", {"command": "ls -la && git status --short && wc -l calc.py"}),
        ("edit", {"path": "calc.py", "start": 6, "end": 6, "text": "    return 2 * a"}),
        ("bash", {"command": "git diff && python3 -c 'import calc; print(calc.twice(3))'"}),
        ("edit", {"path": "calc.py", "start": 6, "end": 6, "text": "    return a * 2"}),
    ]
    replies = [call(name, think, **arguments) for name, arguments in (turns * steps)[: max(0, steps - 2)]]
    mend = call("edit", think, path="calc.py", start=2, end=2, text="    return a + b")
    return [*replies, mend, call("submit", think)]


def numbered(row: dict[str, Any], count: int, name: str) -> list[dict[str, Any]]:
    """So many tasks that differ by their ids and statements alone.

    Args:
        row: What they share.
        count: How many.
        name: Their ids without the number.
    """
    return [{**row, "instance_id": f"{name}-{n}", "problem_statement": f"{STATEMENT} ({n})"} for n in range(count)]


@dataclass(frozen=True)
class Home:
    """A directory with a repository in it, and beside it what runs there keeps.

    Attributes:
        home: The directory.
        env: The environment of what runs in it; what is kept on disk is kept below the home.
    """

    home: Path
    env: dict[str, str]

    @classmethod
    def begin(cls, home: Path, files: dict[str, str]) -> Self:
        """Make the repository.

        Args:
            home: The directory, which may not be there yet.
            files: The texts of the files of its first commit, by their paths.
        """
        kept = {name: os.environ[name] for name in ("PATH", "DOCKER_HOST") if name in os.environ}
        env = {**kept, "HOME": str(home), "PATCHWRIGHT_STATE": str(home / "state"), "PYTHONPATH": str(ROOT)}
        begun = cls(home, env)
        begun.project.mkdir(parents=True)
        for name, text in files.items():
            (begun.project / name).write_text(text)
        begun.git("init", "-q", "-b", "main")
        begun.git("add", "-A")
        begun.git("commit", "-q", "-m", "Begin")
        return begun

    @property
    def project(self) -> Path:
        return self.home / "project"

    @property
    def commit(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git in the repository; what it prints."""
        command = ["git", "-C", str(self.project), *arguments]
        return subprocess.run(command, env=self.env | _ALWAYS, check=True, capture_output=True, text=True).stdout

    def write(self, name: str, rows: Iterable[dict[str, Any]]) -> Path:
        """Write tasks, or replies of a script, a line each; the file."""
        path = self.home / name
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path


class Workload(Home):
    """A home with a data set in it."""

    @classmethod
    def make(cls, home: Path, tasks: int, steps: int, think: float, mark: str = "") -> Self:
        """Write the repository, the tasks and the script.

        Args:
            home: A directory.
            tasks: How many.
            steps: Model calls of an attempt.
            think: Seconds that a model call takes.
            mark: Text in the repository, by which its image is told from those of others.
        """
        work = cls.begin(home, {"calc.py": BUG, "README": f"Sums. {mark}\n"})
        row = {
            "repo": str(work.project),
            "base_commit": work.commit,
            "patch": work._diff("calc.py", FIX),
            "test_patch": work._diff("test_calc.py", TESTS),
            "FAIL_TO_PASS": ["test_calc.py::test_add"],
            "PASS_TO_PASS": ["test_calc.py::test_twice"],
            "environment": {"test_command": "python3 -m pytest -rA test_calc.py", "parser": "pytest"},
        }
        work.write("tasks.jsonl", numbered(row, tasks, "made__up"))
        work.write("script.jsonl", script(steps, think))
        return work

    def batch(self, output: str, workers: int, *more: str) -> list[str]:
        """The command of a run of every task in containers; the same one goes on with it."""
        known = ["batch", "--tasks", "tasks.jsonl", "--output", output, "--workers", str(workers), "--resume"]
        model = ["--model", "scripted:script.jsonl", "--set", "aci.review_submit=false"]
        return [*self._agent, *known, *model, *self._places, *more]

    def evaluation(self, output: str, workers: int, predictions: str = "gold") -> list[str]:
        """The command that judges predictions in containers."""
        known = ["evaluate", "--tasks", "tasks.jsonl", "--predictions", predictions, "--output", output]
        return [*self._agent, *known, "--workers", str(workers), *self._places]

    @property
    def _agent(self) -> list[str]:
        return [sys.executable, "-m", "agent"]

    @property
    def _places(self) -> list[str]:
        return ["--sandbox", "docker", "--set", f"tasks.cache={self.home / 'cache'}"]

    def _diff(self, name: str, text: str) -> str:
        """The patch that gives a file a text; the repository is left as it was."""
        (self.project / name).write_text(text)
        self.git("add", "-A")
        patch = self.git("diff", "--cached")
        self.git("reset", "-q", "--hard")
        return patch
