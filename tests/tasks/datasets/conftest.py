"""What the tests of data sets share: where the published files are, and a judge that runs a task's hidden test."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.task import Task

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data"

Judge = Callable[..., set[str]]


@pytest.fixture
def published() -> Callable[[str], Path]:
    """The file of a data set as its authors published it, where it lies beside the project."""

    def find(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            pytest.skip(f"{name} does not lie in shared/data beside the project")
        return path

    return find


@pytest.fixture
def faults() -> list[str]:
    return []


@pytest.fixture
def jsonl(tmp_path: Path) -> Callable[..., str]:
    """Write rows to a file and give its path."""

    def write(*rows: dict[str, Any], name: str = "tasks.jsonl") -> str:
        file = tmp_path / name
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return str(file)

    return write


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Run a task's hidden test on its own files, changed by a patch or overwritten, and give the tests that passed."""

    def run(task: Task, patch: str = "", **texts: str) -> set[str]:
        repository = tmp_path / task.id / str(len(list(tmp_path.glob(f"{task.id}/*"))))
        repository.mkdir(parents=True)
        for path, text in task.files.items():
            (repository / path).write_text(text)
        git(repository, "init", "--quiet")
        for diff in filter(None, (patch, task.test_patch)):
            git(repository, "apply", "-", given=diff)
        for stem, text in texts.items():
            (repository / f"{stem}.py").write_text(text)
        assert task.environment is not None
        command = task.environment.test_command.replace("python3", sys.executable)
        plain = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""}
        done = subprocess.run(
            command, shell=True, cwd=repository, env=plain, capture_output=True, text=True, check=False
        )
        assert "test_hidden.py" in done.stdout, done.stdout + done.stderr
        return set(re.findall(r"^PASSED (\S+)", done.stdout, re.MULTILINE))

    return run


def git(repository: Path, *arguments: str, given: str = "") -> None:
    done = subprocess.run(["git", *arguments], cwd=repository, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
