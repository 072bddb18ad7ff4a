"""Small real repositories, and a session on a copy of each."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.testing import TestReport, run_project_tests

Project = Callable[..., Session]

CALC = {
    "calc.py": "def add(a, b):\n    return a + b\n\n\ndef divide(a, b):\n    return a / b\n",
    "test_calc.py": "from calc import add, divide\n\n\ndef test_add():\n    assert add(1, 1) == 2\n",
}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Makes a git repository of the given files and opens a session on it; keywords are the session's settings."""
    opened: list[Session] = []

    def make(files: Mapping[str, str], *, path: str | None = None, **settings: Any) -> Session:
        root = tmp_path / f"repository{len(opened)}"
        for name, text in files.items():
            file = root / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all"
        subprocess.run(commit, shell=True, cwd=root, check=True)
        with_pytest = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        environment = {"PATH": path or with_pytest, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # which saves half a second
        spec = SandboxSpec(repository=root, env=environment)
        opened.append(Session(open_sandbox("local", spec), SessionSettings(**settings)))
        return opened[-1]

    yield make
    for session in opened:
        session.sandbox.close()


@pytest.fixture
def calc() -> dict[str, str]:
    """A project with one passing test."""
    return dict(CALC)


def hanging_tests(session: Session) -> TestReport:
    """The report of tests of which one hangs, at a deadline that was long enough for this machine to come to it."""
    for seconds in (1.5, 6.0, 24.0):
        session.settings = replace(session.settings, test_timeout=seconds)
        report = run_project_tests(session)
        if report.running:
            break
    return report
