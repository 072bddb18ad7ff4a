"""A project with a bug, a hidden test for it, and computers to judge patches on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec
from tasks.grading import Evaluator, Prediction, Verdict
from tasks.images import Ready
from tasks.task import Environment, Task

BUG = "def add(a, b):\n    return a - b\n\n\ndef twice(a):\n    return 2 * a\n"
FIX = BUG.replace("a - b", "a + b")
OLD_TEST = "from calc import twice\n\n\ndef test_twice():\n    assert twice(2) == 4\n"
NEW_TEST = (
    "from calc import add, twice\n\n\n"
    "def test_twice():\n    assert twice(2) == 4\n\n\n"
    "def test_add():\n    assert add(2, 1) == 3\n"
)
ADD, TWICE = "tests/test_calc.py::test_add", "tests/test_calc.py::test_twice"


@dataclass
class Project:
    """A repository, and how a patch to it is judged.

    Attributes:
        repository: The files at the base commit.
        task: The task, with the hidden test and the known solution.
        image: Image that it runs in.
        store: Where verdicts go.
        readied: How often a computer was asked for.
        image_id: What is said to be the id of an image with everything in it.
        unusual: What is said to be unusual about the computers.
    """

    repository: Any
    task: Task
    image: str
    store: Path
    readied: list[str] = field(default_factory=list)
    image_id: str = ""
    unusual: dict[str, str] = field(default_factory=dict)

    def peculiar(self, task: Task) -> dict[str, str]:
        return self.unusual

    def ready(self, task: Task) -> Ready:
        self.readied.append(task.id)
        spec = SandboxSpec(image=self.image, repository=self.repository.path)
        return Ready(task, "docker", spec, self.repository.git("rev-parse", "HEAD"), "git", self.image_id)

    def release(self, ready: Ready) -> None:
        pass

    def patch(self, **files: str | None) -> str:
        """The diff that gives files this text; ``None`` removes one. ``__`` in a name stands for a slash."""
        return self.patch_of({name.replace("__", "/") + ".py": text for name, text in files.items()})

    def patch_of(self, files: dict[str, str | None]) -> str:
        for name, text in files.items():
            if text is None:
                (self.repository.path / name).unlink()
            else:
                self.repository.write(name, text)
        self.repository.git("add", "-A", "-f")
        found = subprocess.run(
            ["git", "diff", "--cached", "--binary"], cwd=self.repository.path, capture_output=True, check=True
        ).stdout.decode()
        self.repository.git("reset", "-q", "--hard")
        return found

    def evaluate(self, patch: str | None, task: Task | None = None, **options: Any) -> Verdict:
        evaluator = Evaluator(self, self.store, **{"timeout": 60.0, **options})  # type: ignore[arg-type]
        return evaluator.evaluate(task or self.task, Prediction("calc-1", "someone", patch))

    def log(self, verdict: Verdict, name: str = "test_output.txt") -> str:
        return (self.store / verdict.task_id / verdict.key / name).read_text("utf-8")

    def with_environment(self, **changes: Any) -> Task:
        environment = self.task.environment
        assert environment is not None
        return self.task.model_copy(update={"environment": environment.model_copy(update=changes)})


@pytest.fixture
def make_project(tmp_path: Path, docker_image: str, new_repository: Callable[..., Any]) -> Callable[..., Project]:
    """Makes a project out of its files at the base commit, those of the solution and those of the hidden test."""

    def make(
        base: dict[str, str | None],
        solution: dict[str, str | None],
        hidden: dict[str, str | None],
        command: str,
        **fields: Any,
    ) -> Project:
        repository = new_repository(tmp_path / "project")
        for name, text in base.items():
            repository.write(name, text)
        repository.commit("Begin")
        environment = Environment(test_command=command, env={"PYTHONDONTWRITEBYTECODE": "1"})
        draft = Task(instance_id="calc-1", repo="user/calc", base_commit="HEAD", problem_statement="It is wrong.")
        project = Project(repository, draft, docker_image, tmp_path / "verdicts")
        known = {"patch": project.patch_of(solution), "test_patch": project.patch_of(hidden)}
        project.task = draft.model_copy(update={**known, "environment": environment, **fields})
        return project

    return make


@pytest.fixture
def project(make_project: Callable[..., Project]) -> Project:
    """A module with a bug, tested by pytest and graded by SWE-bench's parser."""
    pytest.importorskip("swebench", reason="grading SWE-bench tasks needs its package")
    return make_project(
        {"calc.py": BUG, "tests/test_calc.py": OLD_TEST, "conftest.py": "", "README": "Calc.\n"},
        {"calc.py": FIX},
        {"tests/test_calc.py": NEW_TEST},
        "python3 -m pytest -rA tests/test_calc.py",
        fail_to_pass=(ADD,),
        pass_to_pass=(TWICE,),
        log_parser="parse_log_pytest",
    )


@pytest.fixture
def declared(project: Project) -> Project:
    """The same, graded by a declared parser."""
    task = project.with_environment(parser="pytest").model_copy(update={"log_parser": ""})
    return replace(project, task=task)


def statuses(verdict: Verdict) -> dict[str, str]:
    """Of each test that was judged, whether it came out as it should."""
    return {
        name: outcome
        for part in verdict.tests.values()
        for outcome in ("success", "failure")
        for name in getattr(part, outcome)
    }
