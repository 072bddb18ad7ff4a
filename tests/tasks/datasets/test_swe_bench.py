"""Rows of SWE-bench and its relatives become tasks with the image and the tests that their authors mean."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.datasets import load_tasks
from tasks.task import Task

BASE = {
    "repo": "astropy/astropy",
    "instance_id": "astropy__astropy-12907",
    "base_commit": "d16bfe05a744909de4b27f5875fe0d4ed41ce607",
    "patch": "diff --git a/a b/a\n",
    "test_patch": "diff --git a/test_a.py b/test_a.py\n",
    "problem_statement": "It fails",
    "hints_text": None,
    "created_at": "2022-03-03T15:14:54Z",
    "version": "4.3",
    "FAIL_TO_PASS": '["test_a.py::test"]',
    "PASS_TO_PASS": "[]",
}
LITE = BASE | {"environment_setup_commit": "298ccb478e6bf092953bca67a3d29dc6c35f6752"}
IMAGE = "docker.io/swebench/sweb.eval.x86_64.astropy_1776_astropy-12907:latest"

Read = Callable[[dict[str, Any]], Task]


@pytest.fixture
def read(jsonl: Any, faults: list[str]) -> Read:
    def one(row: dict[str, Any]) -> Task:
        (task,) = load_tasks(jsonl(row), on_fault=faults.append)
        return task

    return one


def test_row_without_an_image_gets_the_published_one(read: Read) -> None:
    task = read(LITE)
    assert (task.image, task.set, task.fail_to_pass) == (IMAGE, "swe-bench", ("test_a.py::test",))
    assert task.hints_text == ""


def test_name_of_an_image_is_lower_case(read: Read) -> None:
    row = LITE | {"repo": "Textualize/rich", "instance_id": "Textualize__rich-1"}
    assert read(row).image == "docker.io/swebench/sweb.eval.x86_64.textualize_1776_rich-1:latest"


def test_row_with_an_environment_of_its_own_gets_no_image(read: Read) -> None:
    assert read(LITE | {"environment": {"python": "3.11"}}).image is None
    both = read(LITE | {"image": "mine:1", "environment": {"python": "3.11"}})
    assert both.image == "mine:1"
    assert both.environment is not None
    assert both.environment.python == "3.11"


def test_row_written_by_hand_gets_no_image(read: Read) -> None:
    row = {"id": "our-bug", "repo": "our/repo", "base_commit": "HEAD", "problem_statement": "x"}
    assert read(row).image is None


def test_row_of_version_5_keeps_its_fields_and_tolerates_nulls(read: Read) -> None:
    row = LITE | {"image": "swebench/x:latest", "eval_script": "set -x", "log_parser": "parse_log_pytest"}
    task = read(row | {"eval_type": None, "difficulty": None, "image_assets": None})
    assert (task.image, task.eval_script, task.log_parser) == ("swebench/x:latest", "set -x", "parse_log_pytest")
    assert task.eval_type == "pass_and_fail"
    assert read(row | {"eval_type": "fail_only"}).eval_type == "fail_only"


def test_row_of_swe_gym(read: Read) -> None:
    row = BASE | {
        "repo": "getmoto/moto",
        "instance_id": "getmoto__moto-5406",
        "FAIL_TO_PASS": ["t::a"],
        "PASS_TO_PASS": [],
    }
    task = read(row)
    assert task.image == "docker.io/xingyaoww/sweb.eval.x86_64.getmoto_s_moto-5406:latest"
    assert task.set == "swe-gym"


def test_row_of_live(read: Read) -> None:
    row = BASE | {
        "FAIL_TO_PASS": ["t.py::a"],
        "PASS_TO_PASS": [],
        "log_parser": "pytest",
        "test_cmds": ["pytest -rA", "true"],
    }
    task = read(row)
    assert task.image == "docker.io/starryzhang/sweb.eval.x86_64.astropy_1776_astropy-12907:latest"
    assert task.environment is not None
    assert (task.environment.test_command, task.environment.parser) == ("pytest -rA\ntrue", "pytest")
    assert task.log_parser == ""  # it is no parser of SWE-bench's


def test_row_of_live_in_many_languages(read: Read) -> None:
    commands = {"rebuild_cmds": ["make"], "test_cmds": ["make test"], "print_cmds": ["cat log"]}
    task = read(BASE | commands | {"docker_image": "s/x:1", "log_parser": "def parser(log):\n    return {}\n"})
    assert task.image == "s/x:1"
    assert task.environment is not None
    assert (task.environment.test_command, task.environment.parser) == ("make\nmake test\ncat log", "")


def test_row_of_pro(read: Read) -> None:
    row = {key: value for key, value in BASE.items() if "TO_PASS" not in key and key != "version"}
    row |= {
        "instance_id": "instance_qutebrowser__qutebrowser-f91ace96-v059c",
        "fail_to_pass": "['tests/a.py::test[\\'x\\']', \"tests/a.py::test_b\"]",
        "pass_to_pass": "[]",
        "requirements": "- be kind",
        "interface": "none",
        "repo_language": "python",
        "before_repo_set_cmd": "git checkout abc -- tests/a.py",
        "selected_test_files_to_run": '["tests/a.py", "tests/with space.py"]',
        "dockerhub_tag": "qutebrowser.qutebrowser-f91ace96",
    }
    task = read(row)
    assert task.fail_to_pass == ("tests/a.py::test['x']", "tests/a.py::test_b")
    assert task.image == "docker.io/jefzda/sweap-images:qutebrowser.qutebrowser-f91ace96"
    assert task.problem_statement == "It fails\n\nRequirements:\n- be kind\n\nNew interfaces introduced:\nnone"
    assert task.environment is not None
    assert task.environment.test_command == "python -m pytest -rA tests/a.py 'tests/with space.py'"


def test_bad_list_of_pro_is_named(jsonl: Any, faults: list[str]) -> None:
    row = BASE | {"selected_test_files_to_run": "[]"}
    load_tasks(jsonl(row, row | {"instance_id": "b", "FAIL_TO_PASS": "oh"}), on_fault=faults.append)
    assert [fault.partition(": ")[2] for fault in faults] == ["fail_to_pass: neither a list nor the text of one"]


GOOD = "def a():\n    return 1\n\n\ndef b():\n    return 2\n"
BROKEN = "def a():\n    return 1\n\n\ndef b():\n    # wrong\n    return 3"


def git(directory: Path, *arguments: str, given: str = "") -> str:
    done = subprocess.run(["git", *arguments], cwd=directory, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_solution_of_swe_smith_undoes_the_bug(read: Read, tmp_path: Path) -> None:
    work = tmp_path / "work"
    work.mkdir()
    git(work, "init", "--quiet")
    (work / "code.py").write_text(GOOD)
    (work / "gone.py").write_text("x = 1\n")
    (work / "old.py").write_text("".join(f"line{n}\n" for n in range(20)))
    git(work, "add", "--all")
    before = git(work, "write-tree")
    (work / "code.py").write_text(BROKEN)  # without its final newline
    (work / "gone.py").unlink()
    (work / "old.py").rename(work / "new.py")
    (work / "new.py").chmod(0o755)
    (work / "more.py").write_text("y = 1\f\n-- not a header\n")
    git(work, "add", "--all")
    tree = git(work, "-c", "user.name=a", "-c", "user.email=a@b", "commit-tree", before.strip(), "-m", "x").strip()
    bug = git(work, "diff", "--cached", "--find-renames", tree)
    row = {
        "instance_id": "o__r.0123abcd.func_pm__x",
        "repo": "swesmith/o__r.0123abcd",
        "patch": bug,
        "FAIL_TO_PASS": ["tests/test_b.py::test_b", "tests/test_b.py::test_c"],
        "PASS_TO_PASS": ["tests/test_a.py::test_a"],
        "image_name": "jyangballin/swesmith.x86_64.o_1776_r.0123abcd",
        "problem_statement": "b is wrong",
    }
    task = read(row)
    assert "rename" in bug
    git(work, "apply", "--index", "-", given=task.patch)
    assert git(work, "write-tree") == before
    assert task.setup_patch == bug
    assert task.base_commit == task.id  # the branch of the mirror that has the bug
    assert task.image == "jyangballin/swesmith.x86_64.o_1776_r.0123abcd"
    assert task.environment is not None
    assert task.environment.test_command.endswith("--verbose tests/test_b.py")


def test_bug_that_cannot_be_undone_is_named(jsonl: Any, faults: list[str]) -> None:
    row = {"instance_id": "a", "image_name": "i", "repo": "o/r", "problem_statement": "p"}
    binary = "diff --git a/x b/x\nGIT binary patch\n"
    cut = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,3 +1,3 @@\n a\n"
    good = row | {"instance_id": "c", "patch": ""}
    load_tasks(jsonl(row | {"patch": binary}, row | {"patch": cut}, good), on_fault=faults.append)
    assert ["patch: the patch" in fault for fault in faults] == [True, True]


def test_published_rows_are_read(published: Callable[[str], Path], faults: list[str]) -> None:
    tasks = load_tasks(str(published("swebench/dev.jsonl")), on_fault=faults.append)
    assert (len(tasks), faults) == (90, [])
    assert all(task.image and task.environment and task.patch and task.fail_to_pass for task in tasks)
