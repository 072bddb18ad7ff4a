"""Function-level sets: the known solution passes the hidden test, what the agent is given does not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tasks.datasets import Selection, load_tasks
from tasks.task import Task

HUMANEVAL = {
    "task_id": "HumanEval/0",
    "prompt": 'def helper(x):\n    return x\n\n\ndef add(a: int, b: int) -> int:\n    """Add."""\n',
    "entry_point": "add",
    "canonical_solution": "    return a + b\n",
    "test": "\n\nMETADATA = {}\n\n\ndef check(candidate):\n    assert candidate(1, 2) == helper(3)\n",
}
PLUS_TEST = """

import numpy as np

def is_floats(x) -> bool:
    if isinstance(x, float):
        return True
    if isinstance(x, (list, tuple)):
        return all(isinstance(i, float) for i in x)
    if isinstance(x, np.ndarray):
        return x.dtype == np.float64 or x.dtype == np.float32
    return False


def assertion(out, exp, atol):
    exact_match = out == exp

    if atol == 0 and is_floats(exp):
        atol = 1e-6
    if not exact_match and atol != 0:
        assert np.allclose(out, exp, rtol=1e-07, atol=atol)
    else:
        assert exact_match


def check(candidate):
    inputs = [[1, 2], [0.1, 0.2]]
    results = [3, 0.3]
    for i, (inp, exp) in enumerate(zip(inputs, results)):
        assertion(candidate(*inp), exp, 0)
"""
FIX = HUMANEVAL | {
    "task_id": "Python/0",
    "test": "\n\n\ndef check(add):\n    assert add(1, 2) == 3\n\ncheck(add)",
    "buggy_solution": "    return a - b\n",
    "failure_symptoms": "incorrect output",
    "bug_type": "operator misuse",
}
MBPP = {
    "task_id": 7,
    "text": 'Write a function to make a \\ and """ pair.',
    "code": "class Pair:\r\n    def __init__(self, a):\r\n        self.a = a\r\ndef first(p):\r\n    return p.a",
    "test_setup_code": "root = Pair(1)",
    "test_list": ["assert first(Pair(5)) == 5", "assert first(root) == 1"],
    "challenge_test_list": ["assert first(Pair(None)) is None"],
}
SANITIZED = {
    "task_id": 8,
    "prompt": "Write a function to find the square root.",
    "code": "import math\ndef root(n):\n  return math.sqrt(n)",
    "test_imports": ["import math"],
    "test_list": ["assert math.isclose(root(4), 2)"],
}
MBPP_PLUS = SANITIZED | {
    "test": PLUS_TEST.partition("def check")[0]
    + "inputs = [[4], [2]]\nresults = [2.0, 1.4142135]\n"
    + "for i, (inp, exp) in enumerate(zip(inputs, results)):\n    assertion(root(*inp), exp, 0)\n",
}
QUIXBUGS = {
    "name": "double",
    "buggy": '\ndef double(n):\n    return n + 2\n\n\n"""\nDouble a number.\n"""\n',
    "reference": '\ndef double(n):\n    return n * 2\n\n"""\nreturn 2 * n\n"""\n',
    "cases": [[[2], 4], [[3], 6], [[99], 198]],
    "pytest": """import pytest
from load_testdata import load_json_testcases

if pytest.use_correct:
    from correct_python_programs.double import double
else:
    from python_programs.double import double


testdata = load_json_testcases(double.__name__)


@pytest.mark.parametrize("input_data,expected", testdata)
def test_double(input_data, expected):
    if not pytest.run_slow and input_data == [99]:
        pytest.skip("Takes too long!")
    assert double(*input_data) == expected
""",
}
QUIXBUGS_GRAPH = {
    "name": "value_of",
    "buggy": "def value_of(node):\n    return None\n",
    "reference": "def value_of(node):\n    return node.value\n",
    "cases": None,
    "pytest": """import pytest
from node import Node

if pytest.use_correct:
    from correct_python_programs.value_of import value_of
else:
    from python_programs.value_of import value_of


def test1():
    assert value_of(Node(1)) == 1


def test2():
    assert value_of(Node("x")) == "x"
""",
}
NODE = "class Node:\n    def __init__(self, value=None):\n        self.value = value\n"
ROWS = {
    "humaneval": HUMANEVAL,
    "humaneval-plus": HUMANEVAL | {"test": PLUS_TEST},
    "humanevalfix": FIX,
    "mbpp": MBPP,
    "mbpp-sanitized": SANITIZED,
    "mbpp-plus": MBPP_PLUS,
    "quixbugs": QUIXBUGS,
}

Read = Callable[[dict[str, Any]], Task]


@pytest.fixture
def read(jsonl: Any, faults: list[str], tmp_path: Path) -> Read:
    def one(row: dict[str, Any]) -> Task:
        (tmp_path / "support.json").write_text(json.dumps({"node": NODE}))
        (task,) = load_tasks(jsonl(row, name="whatever.jsonl"), on_fault=faults.append)
        return task

    return one


@pytest.mark.parametrize("name", ROWS)
def test_solution_passes_and_what_is_given_fails(name: str, read: Read, judge: Any) -> None:
    task = read(ROWS[name])
    assert task.set == task.repo == name
    assert judge(task, task.patch) == set(task.fail_to_pass)
    assert not set(task.fail_to_pass) <= judge(task)


def test_ids_are_safe_as_names_of_files(read: Read) -> None:
    assert read(HUMANEVAL).id == "humaneval__HumanEval_0"
    assert read(FIX).id == "humanevalfix__Python_0"
    assert read(MBPP).id == "mbpp__7"


def test_agent_sees_nothing_of_the_hidden_test_or_the_solution(read: Read) -> None:
    for row in (FIX, MBPP):
        task = read(row)
        seen = json.dumps([task.public(), task.files])
        assert "a + b" not in seen
        assert "operator misuse" not in seen
        assert "first(root)" not in seen


def test_every_case_of_mbpp_is_a_test_of_its_own(read: Read, judge: Any) -> None:
    task = read(MBPP)
    assert task.fail_to_pass == tuple(f"test_hidden.py::test_{number}" for number in (1, 2, 3))
    solution = "class Pair:\n    def __init__(self, a):\n        self.a = a\n\n\ndef first(p):\n    return p.a or 0\n"
    assert judge(task, solution=solution) == {"test_hidden.py::test_1", "test_hidden.py::test_2"}


def test_closeness_is_numpys_without_numpy(read: Read, judge: Any) -> None:
    task = read(MBPP_PLUS)
    assert judge(task, solution="def root(n):\n    return n ** 0.5 + 1e-7\n")
    assert not judge(task, solution="def root(n):\n    return n ** 0.5 + 1e-5\n")
    assert not judge(task, solution="def root(n):\n    return None\n")


@pytest.mark.parametrize(
    "solution",
    [
        "def add(a, b):\n    try:\n        while 1:\n            pass\n    except BaseException:\n        return 3\n",
        "import os\nos._exit(0)\n",
        "import sys\nsys.exit(0)\n",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "def add(a, b):\n    return bytearray(5 << 30)\n",
        "import pytest\npytest.skip('no')\n",
        "syntax error\n",
    ],
)
def test_solution_that_does_not_play_fair_fails_and_ends(solution: str, read: Read, judge: Any) -> None:
    assert judge(read(HUMANEVAL), solution=solution) == set()


def test_call_that_takes_too_long_fails(read: Read, judge: Any) -> None:
    task = read(ROWS["humaneval-plus"])
    assert judge(task, solution="import time\n\n\ndef add(a, b):\n    time.sleep(30)\n    return a + b\n") == set()


def test_call_may_take_four_times_as_long_as_the_reference(read: Read, judge: Any) -> None:
    slow = "    import time\n    time.sleep(1.5 if a == 1 else 0)\n    return a + b\n"
    task = read(ROWS["humaneval-plus"] | {"canonical_solution": slow})
    slower = "import time\n\n\ndef add(a, b):\n    time.sleep(4.5 if a == 1 else 0)\n    return a + b\n"
    assert judge(task, solution=slower) == set(task.fail_to_pass)


def test_quixbugs_leaves_out_what_its_authors_skip(read: Read) -> None:
    task = read(QUIXBUGS)
    assert task.fail_to_pass == ("test_hidden.py::test_double[0]", "test_hidden.py::test_double[1]")
    assert "Double a number." in task.files["double.py"]
    assert "-    return n + 2\n+    return n * 2\n" in task.patch


def test_quixbugs_programs_on_graphs_are_tested_with_the_authors_class(read: Read, judge: Any) -> None:
    task = read(QUIXBUGS_GRAPH)
    assert task.files["node.py"] == NODE
    assert judge(task, task.patch) == {"test_hidden.py::test1", "test_hidden.py::test2"}
    assert judge(task, task.patch, node="class Node:\n    pass\n") == set(task.fail_to_pass)


def test_quixbugs_without_its_class_is_named(jsonl: Any, faults: list[str]) -> None:
    load_tasks(jsonl(QUIXBUGS, QUIXBUGS_GRAPH), on_fault=faults.append)
    assert len(faults) == 1
    assert "needs the class Node of support.json" in faults[0]


APPS = {"name": "1", "id": 1, "description": "Do it.", "difficulty": "introductory", "sample_io": []}


def apps(starter: str, *cases: tuple[str, Any]) -> dict[str, Any]:
    return APPS | {"starter_code": starter, "test_list": [{"input": given, "output": [out]} for given, out in cases]}


def test_apps_function_takes_one_argument_a_line(read: Read, judge: Any) -> None:
    task = read(apps("\ndef join(words, n):\n\t", ("a b\n2", "a ba b"), ("[1, 2]\n1", "[1, 2]"), ("x\n0", "")))
    assert task.files["solution.py"] == "def join(words, n):\n    pass\n"
    assert task.patch == ""
    assert judge(task, solution="def join(words, n):\n    return words * n\n") == set(task.fail_to_pass)
    half = judge(task, solution="def join(words, n):\n    return words\n")
    assert half == {"test_hidden.py::test_case[1]"}


def test_apps_argument_may_be_a_number_or_its_text(read: Read, judge: Any) -> None:
    task = read(apps("\ndef lucky(ticket):\n\t", ("123321", True), ("007", [1, {"2": 3}])))
    solution = "def lucky(ticket):\n    return ticket == '123321' or (1, {2: 3})\n"
    assert judge(task, solution=solution) == set(task.fail_to_pass)


def test_apps_method_of_a_class_is_called(read: Read, judge: Any) -> None:
    task = read(apps("class Solution:\n    def twice(self, n: int) -> int:\n        ", ("2", 4)))
    assert "pass" in task.files["solution.py"]
    assert judge(task, solution="class Solution:\n    def twice(self, n):\n        return 2 * n\n") == set(
        task.fail_to_pass
    )


def test_apps_program_is_run_on_its_input(read: Read, judge: Any) -> None:
    task = read(apps("", ("1 2\n", "3\n"), ("1 1\n", "2.0000001"), ("0 0", "0\nend")))
    solution = "a, b = map(int, input().split())\nprint(a + b, end=' \\n\\n')\n"
    assert judge(task, solution=solution) == {f"test_hidden.py::test_case[{number}]" for number in (0, 1)}


def test_apps_own_rows_are_read(read: Read, judge: Any) -> None:
    tests = {"fn_name": "add", "inputs": [[1, "2"]], "outputs": [[3]]}
    row = {
        "problem_id": 4,
        "question": "Add.",
        "starter_code": "def add(a, b):\n",
        "input_output": json.dumps(tests),
        "solutions": json.dumps(["def add(a, b):\n    return a + int(b)\n"]),
    }
    task = read(row)
    assert task.id == "apps__4"
    assert judge(task, task.patch) == set(task.fail_to_pass)
    assert judge(task) == set()


def test_bad_rows_are_named_by_field(jsonl: Any, faults: list[str]) -> None:
    rows = [
        HUMANEVAL,
        {key: value for key, value in HUMANEVAL.items() if key != "prompt"},
        MBPP | {"test_list": []},
        FIX | {"task_id": "Go/1"},
        HUMANEVAL | {"task_id": "x", "test": "def check(:"},
        MBPP_PLUS | {"test": MBPP_PLUS["test"] + "np.zeros(3)"},
        apps("", ("", "")) | {"test_list": []},
    ]
    load_tasks(jsonl(*rows), on_fault=faults.append)
    fields = [fault.split(": ")[1] for fault in faults]
    assert fields == ["prompt", "test_list", "task_id", "test", "test", "test_list"]


SETS = {
    "humaneval/HumanEval.jsonl.gz": (164, "_(32|53)$"),
    "humanevalplus/HumanEvalPlus-OriginFmt.jsonl.gz": (164, "_2$"),
    "humanevalfix/humanevalpack_python.jsonl": (164, "_38$"),
    "mbpp/mbpp.jsonl": (974, "_601$"),
    "mbpp/sanitized-mbpp.json": (427, "_82$"),
    "mbppplus/MbppPlus-OriginFmt.jsonl.gz": (378, "_737$"),
    "quixbugs/quixbugs_python.jsonl": (40, "_(hanoi|detect_cycle)$"),
}
#: Its test in HumanEval+ is broken: the reference fails.
BROKEN = {"humaneval-plus__HumanEval_32"}


@pytest.mark.parametrize("name", SETS)
def test_published_set_is_read_whole_and_a_sample_of_it_holds(
    name: str, published: Callable[[str], Path], judge: Any, faults: list[str]
) -> None:
    count, sample = SETS[name]
    tasks = load_tasks(str(published(name)), on_fault=faults.append)
    assert (len(tasks), faults) == (count, [])
    for task in filter(Selection(filter=sample).matches, tasks):
        assert judge(task, task.patch) == set(task.fail_to_pass), task.id
        assert not set(task.fail_to_pass) <= judge(task), task.id


def test_published_apps_is_read_and_its_repeated_rows_are_named(
    published: Callable[[str], Path], faults: list[str]
) -> None:
    tasks = load_tasks(str(published("apps/selected150.jsonl")), on_fault=faults.append)
    assert len(tasks) == 128
    assert len(faults) == 22
    assert all("is taken" in fault for fault in faults)


def test_issues_of_quixbugs_tell_what_happens(published: Callable[[str], Path], faults: list[str]) -> None:
    tasks = {
        task.id: task for task in load_tasks(str(published("quixbugs/quixbugs_python.jsonl")), on_fault=faults.append)
    }
    assert (
        "gcd(13, 13)\n```\n\nshould give `13`, but it raises `RecursionError`"
        in tasks["quixbugs__gcd"].problem_statement
    )
    assert "does what its" not in "".join(task.problem_statement for task in tasks.values())


@pytest.mark.skipif("PATCHWRIGHT_WHOLE_SETS" not in os.environ, reason="takes an hour: set PATCHWRIGHT_WHOLE_SETS=1")
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", SETS)
def test_published_set_holds_whole(name: str, published: Callable[[str], Path], judge: Any) -> None:
    wrong = []
    for task in load_tasks(str(published(name)), on_fault=print):
        if (set(task.fail_to_pass) <= judge(task, task.patch)) == (task.id in BROKEN):
            wrong.append(f"solution of {task.id}")
        if set(task.fail_to_pass) <= judge(task):
            wrong.append(f"what is given of {task.id}")
    assert wrong == []
