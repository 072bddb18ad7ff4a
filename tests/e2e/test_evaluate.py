"""``agent evaluate`` as a user runs it, on a task that the user wrote by hand."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import User, one_line
from tests.e2e.test_endings import containers_of

TEST = "from calc import add\n\n\ndef test_add():\n    assert add(2, 1) == 3\n"
TEST_PATCH = "--- /dev/null\n+++ b/test_calc.py\n@@ -0,0 +1,5 @@\n" + "".join(
    f"+{line}\n" for line in TEST.splitlines()
)


def rows(user: User, image: str, **environment: Any) -> Path:
    """A file with three tasks on the user's repository."""
    task = {
        "repo": str(user.repository),
        "base_commit": user.git("rev-parse", "HEAD").strip(),
        "problem_statement": "add subtracts its arguments",
        "patch": user.patch,
        "test_patch": TEST_PATCH,
        "FAIL_TO_PASS": ["test_calc.py::test_add"],
        "PASS_TO_PASS": [],
        "environment": {"image": image, "test_command": "python3 -m pytest", "parser": "pytest", **environment},
    }
    path = user.home / "tasks.jsonl"
    names = ("calc-1", "calc-2", "calc-3")
    path.write_text("".join(json.dumps({"instance_id": name, **task}) + "\n" for name in names))
    return path


def arguments(tasks: Path, predictions: object, *more: str) -> list[str]:
    return ["evaluate", "--tasks", str(tasks), "--predictions", str(predictions), "--output", "out", *more]


@pytest.mark.docker
def test_gold_empty_and_a_file(user: User, docker_image: str) -> None:
    tasks = rows(user, docker_image)
    done = user.agent(*arguments(tasks, "gold"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "resolved 3/3 (100.0 %)"
    assert "[3/3] calc-" in done.stderr
    empty = user.agent(*arguments(tasks, "empty", "--json"))
    assert json.loads(empty.stdout)["statuses"] == {"empty_patch": 3}
    wrong = user.patch.replace("+    return a + b", "+    return a * b")
    predictions = user.home / "preds.jsonl"
    entries = [("calc-1", user.patch), ("calc-2", wrong)]
    lines = [{"instance_id": name, "model_name_or_path": "x/y", "model_patch": patch} for name, patch in entries]
    predictions.write_text("\n".join(map(json.dumps, lines)))
    done = user.agent(*arguments(tasks, predictions, "--run-id", "mine"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == "resolved 1/3 (33.3 %)"
    assert "no prediction for 1 of 3 tasks" in done.stderr
    report = json.loads((user.home / "out/x__y.mine.json").read_text())
    assert (report["resolved_ids"], report["unresolved_ids"], report["incomplete_ids"]) == (
        ["calc-1"],
        ["calc-2"],
        ["calc-3"],
    )
    assert user.left_behind() == []


@pytest.mark.docker
def test_a_fault_in_one_evaluation_leaves_the_others_their_verdicts(user: User, docker_image: str) -> None:
    tasks = rows(user, docker_image)
    (user.home / "out/verdicts").mkdir(parents=True)
    (user.home / "out/verdicts/calc-2").write_text("where its verdict would go")
    done = user.agent(*arguments(tasks, "gold", "--json"))
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)["statuses"] == {"resolved": 2, "infrastructure": 1}
    (user.home / "out/verdicts/calc-2").unlink()
    done = user.agent(*arguments(tasks, "gold", "--json"))
    assert (done.returncode, json.loads(done.stdout)["resolved"]) == (0, 3)


def test_a_verdict_is_on_the_commit_that_a_branch_is_at(user: User) -> None:
    tasks = rows(user, "none")
    row = json.loads(tasks.read_text().splitlines()[0]) | {"base_commit": "main"}
    tasks.write_text(json.dumps(row) + "\n")
    judge = arguments(tasks, "gold", "--json", "--sandbox", "local")
    done = user.agent(*judge)
    assert json.loads(done.stdout)["statuses"] == {"resolved": 1}, done.stderr
    (user.repository / "calc.py").write_text("def add(*numbers):\n    return 0\n")
    user.git("commit", "-qam", "Begin anew")
    done = user.agent(*judge)
    assert json.loads(done.stdout)["statuses"] == {"unappliable": 1}, done.stderr


def test_wrong_input_is_one_line(user: User) -> None:
    tasks = rows(user, "none")
    predictions = user.home / "preds.json"
    predictions.write_text(json.dumps([{"instance_id": "calc-9", "model_name_or_path": "m", "model_patch": ""}]))
    done = user.agent(*arguments(tasks, predictions))
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].endswith("not among those chosen: calc-9")
    assert "Traceback" not in done.stderr
    for name in ("../../x", "a\nb"):
        done = user.agent(*arguments(tasks, "gold", "--run-id", name))
        assert one_line(done).startswith(f"agent: --run-id {name!a}: ")
        assert done.returncode == 2
    assert not (user.home / "out").exists()


@pytest.mark.docker
def test_an_interrupt_keeps_what_is_finished(user: User, docker_image: str) -> None:
    slow = "echo started >&2; [ -e /fast ] || sleep 300"
    tasks = rows(user, docker_image, test_command=slow)
    command = user.command(*arguments(tasks, "gold", "--workers", "1"))
    with subprocess.Popen(command, cwd=user.home, env=user.env, stderr=subprocess.PIPE, text=True) as running:
        while not list((user.home / "out").glob("verdicts/.under-way-*/eval.sh")):
            assert running.poll() is None
            time.sleep(0.1)
        running.send_signal(signal.SIGINT)
        assert running.stderr is not None
        said = running.stderr.read()
    assert running.returncode == 130
    assert said.splitlines()[-1] == "agent: interrupted; running the same again goes on"
    assert not list((user.home / "out").glob("verdicts/.under-way-*"))
    assert containers_of(running.pid) == []
