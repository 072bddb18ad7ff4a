"""The project's own tests as judges of a patch: which are run for it, and what they say."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session
from aci_tools.testing.files import beside, holds_tests, is_test, nearest
from agent.strategies.imports import Imports
from tests.agent.conftest import SUBMIT, call, fix, git
from tests.agent.strategies.conftest import Run
from trajectories.events import Evaluated, Noted
from trajectories.log import read_events

pytestmark = pytest.mark.strategies

FILES = {
    "pytest.ini": "[pytest]\npythonpath = .\n",
    "shop.py": (
        "import calc\n\n\ndef total(prices):\n    return sum(prices)\n\n\n"
        "def change(a, b):\n    return calc.add(a, -b)\n"
    ),
    "tests/test_calc.py": (
        "from calc import add, twice\n\n\ndef test_zero():\n    assert add(4, 0) == 4\n\n\n"
        "def test_add():\n    assert add(2, 3) == 5\n\n\ndef test_twice():\n    assert twice(2) == 4\n"
    ),
    "tests/test_shop.py": (
        "import shop\n\n\ndef test_total():\n    assert shop.total([1, 2]) == 3\n\n\n"
        "def test_change():\n    assert shop.change(3, 0) == 3\n"
    ),
    "tests/test_other.py": "def test_other():\n    assert True\n",
}
SETTINGS = ("strategy.evaluators=[regression]", "strategy.candidates=2")
BREAKS = fix("return 7")


@pytest.fixture
def project(repository: Path) -> Path:
    """The repository with tests, some of which have to do with ``calc.py``, and one of which fails."""
    for name, text in FILES.items():
        (repository / name).parent.mkdir(exist_ok=True)
        (repository / name).write_text(text)
    git(repository, "add", "-A")
    git(repository, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Test")
    return repository


def judged(place: Path) -> list[dict[str, bool]]:
    events = read_events(place / "attempt/trajectory.jsonl")
    return [{check["name"]: check["passed"] for check in e.checks} for e in events if isinstance(e, Evaluated)]


def on_base(place: Path) -> list[dict[str, Any]]:
    events = read_events(place / "attempt/trajectory.jsonl")
    return [e.data for e in events if isinstance(e, Noted) and e.key.startswith("regression/")]


def test_a_patch_that_breaks_what_worked_is_told_from_one_that_does_not(
    tree: Run, project: Path, tmp_path: Path
) -> None:
    done = tree("best-of-n", BREAKS, SUBMIT, fix(), SUBMIT, settings=SETTINGS)
    done.run()
    assert "+    return a + b" in done.patch
    # test_add failed before, test_total executes nothing of calc.py, test_other does not import it.
    assert judged(tmp_path) == [
        {
            "1 of the project's tests around calc.py": True,
            "tests/test_calc.py::test_zero": False,
            "tests/test_shop.py::test_change": False,
        },
        {"3 of the project's tests around calc.py": True},
    ]
    (known,) = on_base(tmp_path)  # looked at once for both candidates
    assert known["files"] == ["tests/test_calc.py", "tests/test_shop.py"]
    assert "tests/test_calc.py::test_twice" in known["tests"]


def test_tests_that_the_patch_changes_itself_are_not_asked(tree: Run, project: Path, tmp_path: Path) -> None:
    weaken = call("bash", command="sed -i 's/== 4/== 7/' tests/test_calc.py")
    tree("best-of-n", BREAKS, weaken, SUBMIT, settings=(*SETTINGS, "strategy.candidates=1")).run()
    assert judged(tmp_path) == [{"tests/test_shop.py::test_change": False}]


def test_a_test_that_cannot_be_run_any_more_has_failed(tree: Run, project: Path, tmp_path: Path) -> None:
    rename = call("bash", command="sed -i 's/def twice/def double/' calc.py")
    tree("best-of-n", rename, SUBMIT, settings=(*SETTINGS, "strategy.candidates=1")).run()
    assert judged(tmp_path)[0]["tests/test_calc.py::test_zero"] is False
    events = read_events(tmp_path / "attempt/trajectory.jsonl")
    text = next(event.text for event in events if isinstance(event, Evaluated))
    assert "cannot import name 'twice'" in text


def test_a_test_file_with_a_blank_in_its_name_is_run_like_others(tree: Run, project: Path, tmp_path: Path) -> None:
    git(project, "mv", "tests/test_shop.py", "tests/test_the shop.py")
    git(project, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-q", "-m", "Move")
    tree("best-of-n", BREAKS, SUBMIT, settings=(*SETTINGS, "strategy.candidates=1")).run()
    (found,) = judged(tmp_path)
    assert [name for name, passed in found.items() if not passed] == [
        "tests/test_calc.py::test_zero",
        "tests/test_the shop.py::test_change",
    ]


def test_tests_that_run_in_processes_of_their_own_are_found_too(
    tree: Run, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("xdist")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    (project / "pytest.ini").write_text(f"{FILES['pytest.ini']}addopts = -n 1\n")
    git(project, "-c", "user.name=U", "-c", "user.email=u@example.org", "commit", "-qam", "Test in parallel")
    tree("best-of-n", BREAKS, SUBMIT, settings=(*SETTINGS, "strategy.candidates=1")).run()
    (known,) = on_base(tmp_path)
    assert "tests/test_shop.py::test_change" in known["tests"]
    assert "tests/test_shop.py::test_total" not in known["tests"]


def test_without_tests_nothing_is_said(tree: Run, tmp_path: Path) -> None:
    tree("best-of-n", BREAKS, SUBMIT, settings=(*SETTINGS, "strategy.candidates=1")).run()
    assert judged(tmp_path) == [{}]


def test_imports_are_followed_through_packages_and_fixtures() -> None:
    imports = Imports(
        {
            "src/shop/__init__.py": [],
            "src/shop/price.py": [".", ".rate"],
            "src/shop/rate.py": ["decimal"],
            "src/shop/basket.py": ["shop.price", "shop.price.Price"],
            "tests/conftest.py": ["shop.basket"],
            "tests/test_fixture.py": ["pytest"],
            "tests/test_rate.py": ["shop", "shop.rate"],
            "other.py": ["decimal"],
        }
    )
    found = imports.distances(["src/shop/rate.py"])
    assert found == {
        "src/shop/rate.py": 0,
        "src/shop/price.py": 1,
        "tests/test_rate.py": 1,
        "src/shop/basket.py": 2,
        "tests/conftest.py": 3,
        "tests/test_fixture.py": 4,
    }
    assert imports.distances(["README.md"]) == {}


def test_a_file_of_which_python_warns_is_read_like_others(repository: Path) -> None:
    (repository / "pattern.py").write_text('import calc\n\nDIGIT = "\\d"\n')
    spec = SandboxSpec(repository=repository, env={"PYTHONWARNINGS": "default"})  # as Python 3.12 and later warn
    with contextlib.closing(open_sandbox("local", spec)) as sandbox:
        assert Imports.of(Session(sandbox)).distances(["calc.py"]) == {"calc.py": 0, "pattern.py": 1}


@pytest.mark.parametrize(
    ("example", "new"),
    [
        ("tests/test_calc.py", "tests/test_issue.py"),
        ("pkg/calc_test.go", "pkg/issue_test.go"),
        ("src/calc.test.ts", "src/issue.test.ts"),
        ("spec/calc_spec.rb", "spec/issue_spec.rb"),
        ("tests/CalcTest.php", "tests/IssueTest.php"),
        ("src/test/java/a/TestCalc.java", "src/test/java/a/TestIssue.java"),
        ("tests/calc.rs", "tests/test_issue.rs"),
    ],
)
def test_a_new_test_file_is_named_as_those_beside_it(example: str, new: str) -> None:
    assert holds_tests(example)
    assert beside(example, "issue", [example]) == new
    assert beside(example, "issue", [new]) not in (new, example)
    assert is_test(example)


def test_the_test_file_of_a_source_file_is_the_one_that_is_named_after_it() -> None:
    tests = ["tests/test_shop.py", "tests/unit/test_calc.py", "tests/test_other.py"]
    assert nearest(tests, "src/calc.py") == "tests/unit/test_calc.py"
    assert nearest([], "src/calc.py") == ""
    assert not is_test("src/latest.py")
    assert not holds_tests("tests/conftest.py")
