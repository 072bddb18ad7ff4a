"""Evaluations spread over containers, a test file in each: when, and that the verdict is that of the whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from aci_tools.sandbox import SandboxSpec
from tasks.grading import Split
from tasks.grading.files import divided
from tasks.grading.parts import parts_of
from tasks.images import Ready
from tasks.task import Task
from tests.tasks.grading.conftest import BUG, FIX, Project

ADD = "from calc import add\n\n\ndef test_add():\n    assert add(2, 1) == 3\n"
TWICE = "from calc import twice\n\n\ndef test_twice():\n    assert twice(2) == 4\n"
OTHER_FIX = BUG.replace("a - b", "b + a")
FILES = "tests/test_add.py tests/test_twice.py"


@pytest.mark.parametrize(
    ("runner", "parts"),
    [
        ("pytest -rA --tb=no -p no:cacheprovider", ["tests/test_a.py", "lib/b_test.py"]),
        (
            "python3.9 -X dev -X warn_default_encoding -m pytest -rA --durations 25",
            ["a/conf.py test_a.py", "test_b.py"],
        ),
        ("LANG='C' ./tests/runtests.py -v 2 --settings=test_sqlite --parallel 1", ["a.models a.tests", "b.test_c"]),
        ("python -m unittest -v", ["tests.test_a", "tests.test_b"]),
    ],
)
def test_a_command_is_divided_by_the_files_that_it_names(runner: str, parts: list[str]) -> None:
    assert divided(f"{runner} {' '.join(parts)}") == tuple(f"{runner} {part}" for part in parts)


@pytest.mark.parametrize(
    "command",
    [
        "pytest -rA tests/test_a.py",
        "pytest -rA tests/",
        "pytest -rA",
        "pytest -x tests/test_a.py tests/test_b.py",
        "pytest --maxfail=2 tests/test_a.py tests/test_b.py",
        "pytest --lf tests/test_a.py tests/test_b.py",
        "pytest -n 4 tests/test_a.py tests/test_b.py",
        "pytest --junitxml=report.xml tests/test_a.py tests/test_b.py",
        "pytest --cov-fail-under 90 tests/test_a.py tests/test_b.py",
        "pytest tests/test_a.py tests/test_a.py",
        "pytest tests/test_a.py::test_one tests/test_b.py::test_two",
        "pytest tests/test_a.py tests/test_b.py -k fast",
        "pytest tests/test_a.py && pytest tests/test_b.py",
        "pytest tests/test_a.py tests/test_b.py | tee log",
        "pytest $FILES tests/test_a.py tests/test_b.py",
        "pytest tests/test_*.py tests/more_test.py",
        "cd tests; pytest test_a.py test_b.py",
        "tox -e py311 -- tests/test_a.py tests/test_b.py",
        "bin/test -C --verbose a/test_a.py b/test_b.py",
        "./tests/runtests.py --shuffle a.tests b.tests",
        "./tests/runtests.py --failfast a.tests b.tests",
        "./tests/runtests.py a.tests.OneTest b.tests.OtherTest",
        "python -m unittest discover tests.test_a tests.test_b",
        "python -m unittest -f tests.test_a tests.test_b",
        "npm test test_a.py test_b.py",
        "pytest 'tests/test_a.py",
    ],
)
def test_what_cannot_be_said_to_be_the_same_is_not_divided(command: str) -> None:
    assert divided(command) == ()


def test_the_script_of_a_published_image_is_divided_at_its_test_command_only() -> None:
    script = "\n".join(
        [
            "git apply -v - <<'EOF'",
            "+pytest a b",
            "EOF",
            ": '>>>>> Start Test Output'",
            "%s",
            ": '>>>>> End Test Output'",
            "",
        ]
    )
    task = Task(instance_id="a-1", repo="a/a", base_commit="c", problem_statement="", patch="p", eval_script="")

    def parts(command: str, image_id: str = "sha256:1") -> list[str]:
        published = task.model_copy(update={"eval_script": script % command})
        ready = Ready(published, "docker", SandboxSpec(image="a"), "c", "image", image_id)
        return [part.task.eval_script for part in parts_of(ready)]

    assert parts("pytest -rA test_a.py test_b.py") == [script % "pytest -rA test_a.py", script % "pytest -rA test_b.py"]
    assert parts("pytest -rA test_a.py test_b.py", image_id="") == []
    assert parts("cd tests\npytest -rA test_a.py test_b.py") == []


@pytest.fixture
def two_files(make_project: Callable[..., Project], tmp_path: Path) -> Project:
    """A project whose hidden tests are two files."""
    pytest.importorskip("swebench", reason="grading SWE-bench tasks needs its package")
    project = make_project(
        {"calc.py": BUG, "conftest.py": ""},
        {"calc.py": FIX},
        {"tests/test_add.py": ADD, "tests/test_twice.py": TWICE},
        f"python3 -m pytest -rA {FILES}",
        fail_to_pass=("tests/test_add.py::test_add",),
        pass_to_pass=("tests/test_twice.py::test_twice",),
        log_parser="parse_log_pytest",
    )
    project.image_id = "sha256:1"
    return project


def split(tmp_path: Path, cores: int = 2) -> Split:
    return Split(tmp_path / "splits", cores=cores, worth=float("-inf"))


@pytest.mark.docker
def test_after_the_known_solution_other_patches_are_judged_in_parts(two_files: Project, tmp_path: Path) -> None:
    known = two_files.evaluate(two_files.task.patch, split=split(tmp_path))
    assert (known.resolved, known.parts) == (True, 1)
    other = two_files.evaluate(two_files.patch(calc=OTHER_FIX), split=split(tmp_path))
    assert (other.status, other.parts, other.evidence, other.tests) == ("resolved", 2, "report", known.tests)
    log = two_files.log(other)
    assert log.count("1 passed") == 2
    assert log.count(">>>>> Test Exit Code: 0") == 1


@pytest.mark.docker
def test_what_parts_do_not_call_solved_is_decided_by_the_whole(two_files: Project, tmp_path: Path) -> None:
    two_files.evaluate(two_files.task.patch, split=split(tmp_path))
    wrong = two_files.evaluate(two_files.patch(calc=FIX.replace("2 * a", "3 * a")), split=split(tmp_path))
    assert (wrong.status, wrong.parts) == ("unresolved", 1)
    assert "1 failed, 1 passed" in two_files.log(wrong)


@pytest.mark.docker
def test_files_that_depend_on_each_other_stay_together(make_project: Callable[..., Project], tmp_path: Path) -> None:
    needs_the_first = TWICE.replace("import twice\n", "import twice\nimport sys\n").replace(
        "twice(2) == 4", "twice(2) == 4 and 'test_add' in sys.modules"
    )
    project = make_project(
        {"calc.py": BUG, "conftest.py": ""},
        {"calc.py": FIX},
        {"tests/test_add.py": ADD, "tests/test_twice.py": needs_the_first},
        f"python3 -m pytest -rA {FILES}",
    )
    project.image_id = "sha256:1"
    assert project.evaluate(project.task.patch, split=split(tmp_path)).resolved
    other = project.evaluate(project.patch(calc=OTHER_FIX), split=split(tmp_path))
    assert (other.resolved, other.parts) == (True, 1)


@pytest.mark.docker
@pytest.mark.parametrize("changed", ["image", "cores", "nothing known"])
def test_nothing_is_divided_on_another_image_without_cores_or_unproven(
    two_files: Project, tmp_path: Path, changed: str
) -> None:
    if changed != "nothing known":
        two_files.evaluate(two_files.task.patch, split=split(tmp_path))
    if changed == "image":
        two_files.image_id = "sha256:2"
    cores = 1 if changed == "cores" else 2
    other = two_files.evaluate(two_files.patch(calc=OTHER_FIX), split=split(tmp_path, cores))
    assert (other.resolved, other.parts) == (True, 1)
