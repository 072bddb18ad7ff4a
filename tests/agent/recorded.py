"""Recorded attempts of great variety: a seed gives the same actions every time, and what they print differs."""

from __future__ import annotations

import json
import random
import tempfile
from pathlib import Path
from typing import Any

from aci_tools.tools import TOOLS
from agent.attempt import open_attempt
from agent.config_files import load_config
from agent.models.scripted import ScriptedModel
from agent.progress import Voice
from agent.reopen import Reopening, Where
from agent.resume import Recorded
from tasks.task import Task
from tests.agent.conftest import call, git, scripted
from trajectories.events import AttemptEnded, AttemptStarted

FILES = {
    "calc.py": "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return a * 2\n",
    "tools/text.py": "def shout(text):\n    return text.upper()\n\n\ndef released():\n    return '2019-03-02'\n",
    "tests/test_calc.py": (
        "import time\n\nfrom calc import add, twice\n\n\ndef test_add():\n    time.sleep(0.01)\n"
        "    assert add(1, 2) == 3\n\n\ndef test_twice():\n    assert twice(4) == 8\n"
    ),
    "notes.md": "# Notes\n\nadd subtracts. It takes 0.25 s, since 12:00:00 on 2019-03-02.\n",
}
CONFIG = ("aci.review_submit=false", "sandbox.memory=null", f"agent.tools=[{', '.join(TOOLS)}]")


class Quiet(Voice):
    """Says nothing."""

    def say(self, text: str, style: str = "") -> None: ...

    def doing(self, what: str) -> None: ...


def bash(command: str) -> dict[str, Any]:
    return call("bash", command=command)


def replies(seed: int) -> list[dict[str, Any]]:
    """Ten to twenty actions: looks, searches, edits good and bad, tests, and commands that never print the same."""
    chance = random.Random(seed)
    number = chance.randint(2, 99)
    choices = [
        call("open", path=chance.choice(list(FILES))),
        call("open", path="no_such_file.py"),
        call("search_dir", term=chance.choice(["add", "return", "nothing like this"])),
        call("search_file", term="assert", path="tests/test_calc.py"),
        call("find_file", pattern=chance.choice(["*.py", "calc", "*.rs"])),
        call("replace", path="calc.py", old="    return a * 2\n", new=f"    return a * 2 * {number} // {number}\n"),
        call("insert", line=0, path="tools/text.py", text=f"LIMIT = {number}"),
        call("edit", start=1, end=1, path="calc.py", text="def add(a, b"),
        call("create", path=f"made_{number}.py", text=f"VALUE = {number}\n"),
        call("undo"),
        call("run_tests"),
        call("run_tests", target="tests/test_calc.py"),
        bash("python3 -m pytest -q tests --durations=3 2>&1 | tail -20"),
        bash("python3 -m unittest discover -s tests -p 'test_c*' 2>&1"),
        bash("date; date +%s; date -Iseconds; date -u; python3 -c 'import datetime; print(datetime.datetime.now())'"),
        bash("ls -la; stat -c '%y %n' calc.py"),
        bash(f"mktemp; d=$(mktemp -d); echo {number} > $d/x; ls $d; echo $d"),
        bash("echo $$ $PPID; sleep 0.01 & echo $!; wait; ps | wc -l"),
        bash("python3 -c 'import os, tempfile; print(os.getpid(), object(), lambda: 1, tempfile.mkdtemp())'"),
        bash("time sleep 0.01"),
        bash("head -c 9 /dev/urandom | base64; echo $RANDOM; python3 -c 'import uuid; print(uuid.uuid4())'"),
        bash(f"echo {number} > out_{number}.txt; cat notes.md; false"),
        bash(f"date > stamp_{number}.txt; echo started at $(date +%H:%M:%S) in $PWD"),
        bash(
            "git add -A; git -c user.name=A -c user.email=a@example.org commit -qm Save; "
            "git log --oneline -2; git status -s"
        ),
        bash("git log -1 --format='%H %an %ad'"),
        bash("find . -name '*.py' -not -path './.git/*'; grep -rn return --include=*.py ."),
        bash("cd tools && pwd && ls"),
        bash("cd /nowhere"),
        bash("kill -9 $$"),
        bash("echo ghp_" + "A1b2C3d4E5" * 4),
        {"content": "Let me think about it."},
    ]
    actions = [chance.choice(choices) for _ in range(chance.randint(8, 16))]
    return [
        *actions,
        call("rewrite_function", path="calc.py", name="add", code="def add(a, b):\n    return a + b\n"),
        call("submit"),
    ]


def project(place: Path) -> Path:
    """The repository that they are about."""
    for name, text in FILES.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(text)
    git(place, "init", "-q", "-b", "main")
    git(place, "add", "-A")
    git(place, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Begin")
    return place


def record(
    repository: Path, output: Path, said: list[dict[str, Any]], *settings: str, kind: str = "local"
) -> AttemptEnded:
    """Make an attempt with a scripted model, as ``agent solve`` would; its trajectory goes to a directory."""
    config = load_config([], [*CONFIG, f"sandbox.kind={kind}", *settings])
    base = git(repository, "rev-parse", "HEAD").strip()
    task = Task(id="calc", repo=str(repository), base_commit=base, problem_statement="add subtracts.")
    started = AttemptStarted(attempt_id="none", task=task.public(), sandbox={"kind": kind})
    model = ScriptedModel(scripted(*said).replies)
    place = Reopening(
        Recorded(started, None, [started]), config, Where(), Path(tempfile.mkdtemp(dir=output.parent)), Quiet()
    ).open()
    try:
        with open_attempt(
            task=task,
            sandbox=place.sandbox,
            model=model,
            config=config,
            trajectory=output / "trajectory.jsonl",
            listener=lambda event: None,
            base=place.base,
        ) as attempt:
            return attempt.run()
    finally:
        place.close()


def script(path: Path, *said: dict[str, Any]) -> str:
    """The name of a scripted model."""
    path.write_text("".join(json.dumps(reply) + "\n" for reply in said))
    return f"scripted:{path}"
