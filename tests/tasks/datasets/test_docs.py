"""The task in the documentation is one: its solution passes the tests that it names, and nothing does before."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tasks.datasets import load_tasks

PAGE = Path(__file__).resolve().parents[3] / "docs" / "tasks.md"
WORDS = """\
def first_word(text):
    return (text.split() or [""])[0]


def last_word(text):
    return text.split()[-1]
"""


def run(repository: Path, *command: str, given: str = "") -> str:
    plain = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
    done = subprocess.run(command, cwd=repository, input=given, env=plain, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_documented_task_holds(tmp_path: Path, faults: list[str]) -> None:
    example = re.search(r"<!-- tested: .*? -->\n```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert example is not None
    (tmp_path / "words.py").write_text(WORDS)
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "last-word.yaml").write_text(example[1])
    run(tmp_path, "git", "init", "--quiet")
    (task,) = load_tasks(str(tmp_path / "tasks"), on_fault=faults.append)
    assert (task.id, task.repo, faults) == ("last-word", str(tmp_path), [])
    assert task.image is None
    assert task.environment is not None
    command = task.environment.test_command.replace("python", sys.executable, 1).split()

    def passed() -> set[str]:
        return set(re.findall(r"^PASSED (\S+)", run(tmp_path, *command, "-p", "no:cacheprovider"), re.MULTILINE))

    assert run(tmp_path, "git", "apply", "-", given=task.test_patch) == ""
    assert passed() == set(task.pass_to_pass)
    assert run(tmp_path, "git", "apply", "-", given=task.patch) == ""
    assert passed() == {*task.fail_to_pass, *task.pass_to_pass}
