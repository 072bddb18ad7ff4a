"""``agent batch``: many tasks, whatever happens to the process, the provider or the money."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.batches import CANARY, Provider, batch, predictions, results, serving, tasks_of
from tests.e2e.conftest import CALC, FIX, LOOK, SUBMIT, User, call, one_line
from tests.e2e.test_endings import containers_of, started
from tests.e2e.test_resume import kill_after
from trajectories.events import AttemptEnded, ModelReplied, Resumed
from trajectories.log import read_events

REPLIES = (
    LOOK,
    call("bash", command="mkdir -p deep && cd deep && echo one > notes.txt"),
    {**call("bash", command="pwd; echo two >> notes.txt"), "delay": 0.2},
    FIX,
    {**call("bash", command="rm notes.txt; echo three > kept.txt"), "delay": 0.2},
    SUBMIT,
)


def steps(output: Path) -> dict[str, list[int]]:
    """The steps that models were asked for, by attempt."""
    found = {}
    for path in sorted(output.glob("attempts/*/*/trajectory.jsonl")):
        replied = [event.step for event in read_events(path) if isinstance(event, ModelReplied)]
        found["/".join(path.parts[-3:-1])] = replied
    return found


def begun(user: User, arguments: list[str]) -> subprocess.Popen[str]:
    """``agent`` with these arguments, while it runs."""
    return subprocess.Popen(
        user.command(*arguments), env=user.env, cwd=user.home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def test_every_task_gets_a_prediction_and_no_hidden_field_gets_out(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 3), tmp_path / "out"
    with serving(Provider((LOOK, FIX, SUBMIT))) as provider:
        arguments = batch(user, tasks, output, "mine", "--workers", "2", "--attempts", "2")
        reached = ["--set", f"model.api_base={provider.address}", "--set", "model.seed=7"]
        done = user.agent(*arguments, *reached, "--set", "model.temperature=0.5")
    assert done.returncode == 0, done.stderr
    expected = {f"mine__calc-{number}": user.patch for number in (1, 2, 3)}
    assert list(predictions(output)) == list(expected)
    assert predictions(output) == predictions(output, "preds.2.json") == expected
    assert (output / "attempts" / "mine__calc-2" / "2" / "patch.diff").read_text() == user.patch
    assert steps(output) == {f"{task}/{number}": [1, 2, 3] for task in expected for number in (1, 2)}
    assert sorted({body["seed"] for body in provider.asked if len(body["messages"]) == 2}) == [7, 8]
    assert len(provider.asked) == 18
    assert CANARY not in json.dumps(provider.asked)
    assert all(CANARY not in path.read_text() for path in output.rglob("*") if path.is_file())
    assert results(output)["attempts_ended"] == {"submitted": 6}
    assert "6/6 done" in done.stderr
    assert "submitted" in done.stdout
    assert user.left_behind() == []


@pytest.mark.kills
@pytest.mark.parametrize("seed", range(2))
def test_a_run_killed_at_random_moments_ends_as_if_it_had_not_been(
    user: User, tmp_path: Path, kind: str, seed: int
) -> None:
    tasks, whole, killed = tasks_of(user, 3), tmp_path / "whole", tmp_path / "killed"
    model = user.script(*REPLIES)
    undisturbed = user.agent(*batch(user, tasks, whole, model, "--workers", "3", sandbox=kind))
    assert undisturbed.returncode == 0, undisturbed.stderr
    chance = random.Random(seed)
    arguments = batch(user, tasks, killed, model, "--workers", "3", "--resume", sandbox=kind)
    drivers = [kill_after(user, arguments, killed, chance.randint(1, 25)) for _ in range(3)]
    done = user.agent(*arguments)
    assert done.returncode == 0, done.stderr
    assert predictions(killed) == predictions(whole)
    assert steps(killed) == steps(whole)
    assert user.left_behind() == []
    assert kind != "docker" or [name for driver in drivers for name in containers_of(driver)] == []


def test_a_finished_attempt_is_not_repeated(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    arguments = batch(user, tasks, output, user.script(FIX, SUBMIT))
    assert user.agent(*arguments).returncode == 0
    before = {path: path.read_bytes() for path in output.glob("attempts/*/*/*")}
    done = user.agent("batch", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert {path: path.read_bytes() for path in output.glob("attempts/*/*/*")} == before
    assert predictions(output) == {f"mine__calc-{number}": user.patch for number in (1, 2)}


def test_a_provider_that_fails_at_every_third_call_fails_no_task(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 6), tmp_path / "out"
    with serving(Provider((LOOK, FIX, SUBMIT), faults=(429, 500, "reset", "truncated", 503))) as provider:
        arguments = batch(user, tasks, output, "mine", "--workers", "6", "--json")
        done = user.agent(*arguments, "--set", f"model.api_base={provider.address}", timeout=300)
    assert done.returncode == 0, done.stderr
    outcome = json.loads(done.stdout)
    assert (outcome["attempts_ended"], outcome["infrastructure"]) == ({"submitted": 6}, [])
    assert predictions(output) == {f"mine__calc-{number}": user.patch for number in range(1, 7)}
    assert provider.answered == sum(len(made) for made in steps(output).values()) == 18
    assert len(provider.asked) > 18


def scripts(user: User, **replies: tuple[dict[str, Any], ...]) -> str:
    """A model with a script for each task: ``calc_1`` for ``mine__calc-1``."""
    place = user.home / "scripts"
    place.mkdir(exist_ok=True)
    for name, script in replies.items():
        path = place / f"mine__{name.replace('_', '-')}.jsonl"
        path.write_text("".join(json.dumps(reply) + "\n" for reply in script))
    return f"scripted:{place}"


def test_failures_of_infrastructure_are_listed_apart_and_gone_on_with(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    model = scripts(user, calc_1=(FIX, SUBMIT), calc_2=(LOOK, FIX))  # the second is cut off: the model fails
    failed = user.agent(*batch(user, tasks, output, model))
    assert failed.returncode == 3
    assert list(predictions(output)) == ["mine__calc-1"]
    assert results(output)["infrastructure"] == ["mine__calc-2"]
    assert "mine__calc-2: the script has only 2 replies" in failed.stderr.splitlines()[-1]
    events = read_events(output / "attempts" / "mine__calc-2" / "1" / "trajectory.jsonl")
    assert sum(isinstance(event, Resumed) for event in events) == 2, "it was tried twice more"
    scripts(user, calc_2=(LOOK, FIX, SUBMIT))
    done = user.agent("batch", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert list(predictions(output)) == ["mine__calc-1", "mine__calc-2"]
    assert steps(output) == {"mine__calc-1/1": [1, 2], "mine__calc-2/1": [1, 2, 3]}


def test_a_task_whose_computer_cannot_be_made_fails_alone(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    rows = [json.loads(line) for line in tasks.read_text().splitlines()]
    rows[0]["base_commit"] = "0" * 40
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = user.agent(*batch(user, tasks, output, user.script(FIX, SUBMIT)))
    assert done.returncode == 3
    assert list(predictions(output)) == ["mine__calc-2"]
    assert results(output)["attempts_ended"] == {"not_started": 1, "submitted": 1}
    assert "no revision 0000" in done.stderr


def test_the_money_of_a_run_is_a_limit_that_can_be_raised(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 3), tmp_path / "out"
    paid = {"usage": {"prompt_tokens": 10, "cost": 0.5}}
    model = user.script({**FIX, **paid}, {**LOOK, **paid}, {**SUBMIT, **paid})
    arguments = batch(user, tasks, output, model, "--workers", "1")
    limited = user.agent(*arguments, "--cost-limit", "2")
    assert limited.returncode == 1, limited.stderr
    outcome = results(output)
    assert outcome["attempts_ended"] == {"submitted": 1, "run_limit": 1}
    assert (outcome["stopped_by_the_run"], outcome["not_begun"]) == (["mine__calc-2"], ["mine__calc-3"])
    assert list(predictions(output)) == ["mine__calc-1"]
    again = user.agent(*arguments, "--resume", "--cost-limit", "2")
    assert (again.returncode, steps(output)) == (1, {"mine__calc-1/1": [1, 2, 3], "mine__calc-2/1": [1]})
    done = user.agent(*arguments, "--resume", "--cost-limit", "10")
    assert done.returncode == 0, done.stderr
    assert len(predictions(output)) == 3
    assert "$4.50" in done.stderr


def test_what_has_ended_is_graded_though_the_money_is_spent(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 3), tmp_path / "out"
    environment = {"test_command": "python3 -m unittest -v", "parser": "unittest"}
    rows = [json.loads(line) | {"environment": environment} for line in tasks.read_text().splitlines()]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = user.script({**SUBMIT, "usage": {"prompt_tokens": 10, "cost": 1.0}})
    arguments = batch(user, tasks, output, model, "--workers", "1", "--cost-limit", "2")
    limited = user.agent(*arguments)
    assert limited.returncode == 1, limited.stderr
    graded = user.agent(*arguments, "--resume", "--evaluate")
    assert graded.returncode == 1, graded.stderr
    assert [row["verdict"] for row in results(output)["attempts"]] == ["empty_patch", "empty_patch"]
    assert results(output)["not_begun"] == ["mine__calc-3"]


def test_an_interrupt_ends_attempts_so_that_they_can_be_resumed(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 3), tmp_path / "out"
    slow = scripts(user, calc_1=(FIX, SUBMIT), calc_2=(FIX, {**SUBMIT, "delay": 600}), calc_3=(FIX, SUBMIT))
    arguments = batch(user, tasks, output, slow, "--workers", "2")
    with started(user, arguments, "mine__calc-3: submitted") as process:
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    (ended,) = [
        event
        for event in read_events(output / "attempts" / "mine__calc-2" / "1" / "trajectory.jsonl")
        if isinstance(event, AttemptEnded)
    ]
    assert (ended.status, ended.patch) == ("interrupted", user.patch)
    assert list(predictions(output)) == ["mine__calc-1", "mine__calc-3"]
    assert user.left_behind() == []
    scripts(user, calc_2=(FIX, SUBMIT))
    done = user.agent("batch", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert len(predictions(output)) == 3


def test_a_busy_command_holds_an_interrupt_up_for_a_second_one_only(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 1), tmp_path / "out"
    arguments = batch(user, tasks, output, user.script(FIX, call("bash", command="echo begun >&2; sleep 600")))
    with begun(user, arguments) as process:
        trajectory = output / "attempts" / "mine__calc-1" / "1" / "trajectory.jsonl"
        while not (trajectory.exists() and "sleep 600" in trajectory.read_text()):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        for line in process.stderr:
            if "stopping" in line:
                break
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 130
    assert err.splitlines()[-1] == "agent: interrupted"
    assert "infrastructure" not in err
    assert read_events(trajectory)[-1].type in ("action", "model_replied")
    assert user.left_behind() == []


def test_a_run_that_a_fault_ends_leaves_no_sandbox(user: User, tmp_path: Path) -> None:
    """As a full disk ends it: neither a patch nor what is wrong can be written."""
    tasks, output, ready = tasks_of(user, 2), tmp_path / "out", tmp_path / "ready"
    os.mkfifo(ready)
    for name in (".patch.diff.new", ".error.log.new"):
        (output / "attempts" / "mine__calc-1" / "1" / name).mkdir(parents=True)
    model = scripts(user, calc_1=(call("bash", command=f"cat {ready}"), SUBMIT), calc_2=(FIX, {**SUBMIT, "delay": 600}))
    with begun(user, batch(user, tasks, output, model, "--resume")) as process:
        busy = output / "attempts" / "mine__calc-2" / "1" / "trajectory.jsonl"
        while not (busy.exists() and "patch_changed" in busy.read_text()):
            assert process.poll() is None
        ready.write_text("now")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2, err
    assert err.splitlines()[-1].startswith("agent: cannot use ")
    assert user.left_behind() == []
    for path in output.rglob(".*.new"):
        path.rmdir()
    scripts(user, calc_2=(FIX, SUBMIT))
    done = user.agent("batch", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert predictions(output)["mine__calc-2"] == user.patch


@pytest.fixture
def finished(user: User, tmp_path: Path) -> list[str]:
    """The arguments of a run that is finished."""
    arguments = batch(user, tasks_of(user, 2), tmp_path / "out", user.script(FIX, SUBMIT))
    assert user.agent(*arguments).returncode == 0
    return arguments


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ([], "not empty; --resume goes on with the run in it"),
        (["--resume", "--filter", "calc-1"], "selection {'filter': 'calc-1'}, the run began with {}"),
        (["--resume", "--attempts", "2"], "attempts 2, the run began with 1"),
        (["--resume", "--set", "limits.steps=7"], "limits.steps is 7, the run began with 100"),
    ],
)
def test_another_run_in_the_same_place_is_refused(user: User, finished: list[str], more: list[str], says: str) -> None:
    done = user.agent(*finished, *more)
    assert says in one_line(done)
    assert done.returncode == 2


def test_a_run_that_could_not_begin_does_not_occupy_its_place(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 1), tmp_path / "out"
    refused = user.agent(*batch(user, tasks, output, "scripted:missing.jsonl"))
    assert "missing.jsonl: cannot be read" in one_line(refused)
    done = user.agent(*batch(user, tasks, output, user.script(FIX, SUBMIT)))
    assert done.returncode == 0, done.stderr


def test_a_task_that_cannot_be_graded_is_refused_before_anything_is_spent(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    rows = [json.loads(line) for line in tasks.read_text().splitlines()]
    rows[1]["environment"] = {"test_command": "true", "parser": "nose"}
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = batch(user, tasks, output, user.script(FIX, SUBMIT))
    done = user.agent(*arguments, "--evaluate")
    assert "mine__calc-2: no parser is called nose" in one_line(done)
    assert (done.returncode, list(output.glob("attempts"))) == (2, [])


def test_tasks_that_are_not_what_they_were_are_refused(user: User, finished: list[str]) -> None:
    tasks = Path(finished[finished.index("--tasks") + 1])
    text = tasks.read_text()
    tasks.write_text(text.replace("arguments (2)", "arguments (3)"))
    assert "the tasks have changed: mine__calc-2 is not what it was" in one_line(user.agent(*finished, "--resume"))
    tasks.write_text(text.splitlines()[0] + "\n")
    assert "the tasks have changed: mine__calc-2 is gone" in one_line(user.agent(*finished, "--resume"))


def test_a_run_stays_at_the_commit_of_a_branch_that_it_began_with(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    rows = [json.loads(line) | {"base_commit": "main"} for line in tasks.read_text().splitlines()]
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = scripts(user, calc_1=(FIX, SUBMIT), calc_2=())
    assert user.agent(*batch(user, tasks, output, model, "--retries", "0")).returncode == 3
    (user.repository / "calc.py").write_text("# Another beginning.\n" + CALC)
    user.git("commit", "-qam", "Go on")
    scripts(user, calc_2=(FIX, SUBMIT))
    done = user.agent("batch", "--resume", "--output", str(output))
    assert done.returncode == 0, done.stderr
    assert predictions(output) == {f"mine__calc-{number}": user.patch for number in (1, 2)}
    replayed = user.agent("replay", str(output / "attempts" / "mine__calc-2" / "1"), "--sandbox", "local")
    assert replayed.returncode == 0, replayed.stderr
    assert "patch: equal" in replayed.stdout


def test_an_attempt_of_a_run_is_replayed_on_the_task_of_that_run(user: User, tmp_path: Path) -> None:
    tasks, output = tmp_path / "tasks.jsonl", tmp_path / "out"
    row = {"instance_id": "files-1", "repo": "", "base_commit": "", "problem_statement": "add subtracts"}
    tasks.write_text(json.dumps({**row, "files": {"calc.py": CALC}}) + "\n")
    done = user.agent(*batch(user, tasks, output, user.script(FIX, SUBMIT)))
    assert done.returncode == 0, done.stderr
    replayed = user.agent("replay", str(output / "attempts" / "files-1" / "1" / "trajectory.jsonl"))
    assert replayed.returncode == 0, replayed.stderr
    assert "patch: equal" in replayed.stdout


def test_two_processes_do_not_work_in_one_place(user: User, tmp_path: Path) -> None:
    tasks, output = tasks_of(user, 2), tmp_path / "out"
    slow = scripts(user, calc_1=(FIX, SUBMIT), calc_2=(FIX, {**SUBMIT, "delay": 600}))
    with started(user, batch(user, tasks, output, slow), "mine__calc-1: submitted"):
        done = user.agent("batch", "--resume", "--output", str(output))
        assert "another process works in it" in one_line(done)


def test_an_unknown_engine_is_one_line(user: User, tmp_path: Path) -> None:
    done = user.agent(*batch(user, tasks_of(user, 1), tmp_path / "out", user.script(SUBMIT)), "--engine", "raj")
    assert "--engine raj: there are local and ray" in one_line(done)
    assert done.returncode == 2


def test_nothing_to_resume_is_one_line(user: User, tmp_path: Path) -> None:
    done = user.agent("batch", "--resume", "--output", str(tmp_path / "out"))
    assert "no run has begun there; name the tasks with --tasks" in one_line(done)
    assert done.returncode == 2


HIDDEN = f"""\
diff --git a/test_calc.py b/test_calc.py
new file mode 100644
--- /dev/null
+++ b/test_calc.py
@@ -0,0 +1,8 @@
+import unittest
+
+from calc import add
+
+class Test(unittest.TestCase):
+    def test_add(self):
+        \"\"\"{CANARY}\"\"\"
+        self.assertEqual(add(1, 2), 3)
"""


@pytest.mark.docker
def test_attempts_are_graded_as_they_finish(user: User, tmp_path: Path, docker_image: str) -> None:
    rows = [
        {
            "instance_id": f"mine__calc-{number}",
            "repo": "mine/calc",
            "base_commit": "",
            "problem_statement": "add subtracts",
            "files": {"calc.py": "def add(a, b):\n    return a - b\n"},
            "test_patch": HIDDEN,
            "FAIL_TO_PASS": ["test_add (test_calc.Test.test_add)"],
            "environment": {"test_command": "python3 -m unittest -v test_calc.py", "parser": "unittest"},
        }
        for number in (1, 2, 3)
    ]
    tasks, output = user.home / "functions.jsonl", tmp_path / "out"
    tasks.write_text("".join(json.dumps(row) + "\n" for row in rows))
    wrong = call("bash", command="echo '# no' >> calc.py")
    model = scripts(user, calc_1=(call("run_tests"), FIX, SUBMIT), calc_2=(wrong, SUBMIT), calc_3=(SUBMIT,))
    more = ["--evaluate", "--set", "agent.tools=[bash, run_tests, rewrite_function, submit]"]
    arguments = batch(user, tasks, output, model, *more, sandbox="docker")
    done = user.agent(*arguments, timeout=300)
    assert done.returncode == 0, done.stderr
    found = {row["task_id"]: row["verdict"] for row in results(output)["attempts"]}
    assert found == {"mine__calc-1": "resolved", "mine__calc-2": "unresolved", "mine__calc-3": "empty_patch"}
    assert "3/3 done, 0 running, 1 resolved" in done.stderr
    assert "33.3% (1 of 3 tasks" in done.stdout
    told = "".join(path.read_text() for path in output.glob("attempts/*/*/trajectory.jsonl"))
    assert CANARY not in told
    assert "test_calc.py" not in told
    logs = {path: path.stat().st_mtime_ns for path in output.glob("verdicts/*/*/test_output.txt")}
    assert len(logs) == 2
    again = user.agent("batch", "--resume", "--output", str(output))
    assert again.returncode == 0, again.stderr
    assert {path: path.stat().st_mtime_ns for path in output.glob("verdicts/*/*/test_output.txt")} == logs
    assert {row["task_id"]: row["verdict"] for row in results(output)["attempts"]} == found
    shutil.rmtree(output / "verdicts")
    assert user.agent("batch", "--resume", "--output", str(output)).returncode == 0
    assert {row["task_id"]: row["verdict"] for row in results(output)["attempts"]} == found, "as it was asked to"


@pytest.mark.docker
def test_an_interrupt_while_a_patch_is_judged_is_no_fault_of_the_infrastructure(
    user: User, tmp_path: Path, docker_image: str
) -> None:
    tasks, output = tasks_of(user, 1), tmp_path / "out"
    row = json.loads(tasks.read_text()) | {"test_patch": HIDDEN}
    slow = {"image": docker_image, "test_command": "sleep 300", "parser": "unittest"}
    tasks.write_text(json.dumps(row | {"environment": slow}) + "\n")
    arguments = batch(user, tasks, output, user.script(FIX, SUBMIT), "--evaluate", sandbox="docker")
    with started(user, arguments, "mine__calc-1") as process:
        while not list(output.glob("verdicts/.under-way-*/eval.sh")):
            assert process.poll() is None
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=90)
    assert process.returncode == 130, err
    assert "infrastructure" not in err
    assert err.splitlines()[-1] == "agent: interrupted"


@pytest.mark.docker
def test_an_attempt_whose_container_is_lost_goes_on_in_another(user: User, tmp_path: Path, docker_image: str) -> None:
    tasks, output = tasks_of(user, 1), tmp_path / "out"
    model = user.script(FIX, {**LOOK, "delay": 6}, SUBMIT)
    with begun(user, batch(user, tasks, output, model, sandbox="docker")) as process:
        trajectory = output / "attempts" / "mine__calc-1" / "1" / "trajectory.jsonl"
        while not (trajectory.exists() and "patch_changed" in trajectory.read_text()):
            assert process.poll() is None
        subprocess.run(["docker", "rm", "-f", *containers_of(process.pid)], capture_output=True, check=True)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert "sandbox_lost" in err
    assert predictions(output) == {"mine__calc-1": user.patch}
    assert steps(output) == {"mine__calc-1/1": [1, 2, 3]}
