"""What an agent sees of a function at run time."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from aci_tools.sandbox import SandboxSpec, open_sandbox
from aci_tools.session import Session, SessionSettings
from aci_tools.tools.base import ToolError
from aci_tools.tools.trace import Trace
from aci_tools.tracing import Subject, trace
from aci_tools.tracing.patchwright_trace.recorder import Recorder
from aci_tools.tracing.patchwright_trace.sources import Function
from aci_tools.tracing.watch import plan_for, watch

Make = Callable[..., Session]

BUCKETS = """\
def bucketsort(arr, k):
    \"\"\"Sort whole numbers below k.\"\"\"
    counts = [0] * k
    for x in arr:
        counts[x] += 1
    done = []
    for i, count in enumerate(arr):
        done.extend([i] * count)
    return done
"""
TEST_BUCKETS = """\
from buckets import bucketsort

def test_empty():
    assert bucketsort([], 3) == []

def test_two():
    assert bucketsort([1, 0], 2) == [0, 1]
"""
ACCOUNT = """\
class Account:
    def __init__(self, balance):
        self.balance = balance

    def take(self, amount):
        if amount > self.limit():
            raise ValueError("too much")
        self.balance += amount
        return self.balance

    def limit(self):
        return self.balance


class Cash:
    def take(self, amount):
        return amount


def both(amount):
    return Account(10).take(Cash().take(amount))
"""
HANGING = "def count_down(n):\n    steps = 0\n    while n != 0:\n        n -= 2\n        steps += 1\n    return steps\n"


@pytest.fixture
def on(tmp_path: Path) -> Iterator[Make]:
    """Makes a session on a repository of the given files; ``path`` is where its programs are looked for."""
    opened: list[Session] = []

    def make(files: Mapping[str, str], path: str | None = None, **settings: object) -> Session:
        root = tmp_path / f"repository{len(opened)}"
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        commit = "git init -q && git add -A && git -c user.name=a -c user.email=a@example.org commit -qm all"
        subprocess.run(commit, shell=True, cwd=root, check=True)
        path = path or f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        spec = SandboxSpec(repository=root, env={"PATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
        opened.append(Session(open_sandbox("local", spec), SessionSettings(**settings)))
        return opened[-1]

    yield make
    for session in opened:
        session.sandbox.close()


def test_a_wrong_result_shows_the_function_that_the_test_called(on: Make) -> None:
    session = on({"buckets.py": BUCKETS, "test_buckets.py": TEST_BUCKETS})
    seen = session.execute(Trace())
    assert seen.ok
    assert seen.text == (
        "test_buckets.py::test_two fails: AssertionError: assert [0] == [0, 1]\n"
        "  Right contains one more item: 1\n"
        "buckets.py: bucketsort(arr=[1, 0], k=2) returned [0].\n"
        "\n"
        "[1] block 1, line 3\n  before: k=2\n    3      counts = [0] * k\n  after: counts=[0, 0]\n"
        "\n"
        "[2] block 2, line 4\n  before: arr=[1, 0]\n    4      for x in arr:\n  after: x=1\n"
        "\n"
        "[3] block 3, line 5\n  before: counts=[0, 0], x=1\n    5          counts[x] += 1\n  after: counts=[0, 1]\n"
        "\n"
        "[4] block 2, line 4\n  before: arr=[1, 0], x=1\n    4      for x in arr:\n  after: x=0\n"
        "\n"
        "[5] block 3, line 5\n  before: counts=[0, 1], x=0\n    5          counts[x] += 1\n  after: counts=[1, 1]\n"
        "\n"
        "... 3 more executions of blocks ...\n"
        "\n"
        "[9] block 6, line 8\n  before: count=1, i=0, done=[]\n    8          done.extend([i] * count)\n"
        "  after: done=[0]\n"
        "\n"
        "[10] block 5, line 7\n  before: arr=[1, 0], count=1, i=0\n    7      for i, count in enumerate(arr):\n"
        "  after: count=0, i=1\n"
        "\n"
        "[11] block 6, line 8\n  before: count=0, i=1, done=[0]\n    8          done.extend([i] * count)\n"
        "  after: unchanged\n"
        "\n"
        "[12] block 5, line 7\n  before: arr=[1, 0], count=0, i=1\n    7      for i, count in enumerate(arr):\n"
        "  after: unchanged\n"
        "\n"
        "[13] block 7, line 9\n  before: done=[0]\n    9      return done\n  after: returned [0]"
    )
    assert seen.data["path"] == "buckets.py"
    assert [e["n"] for e in seen.data["executions"]] == [1, 2, 3, 4, 5, 9, 10, 11, 12, 13]
    assert session.patch() == ""


def test_an_exception_shows_the_innermost_function_of_the_project(on: Make) -> None:
    test = "from account import both\n\ndef test_both():\n    assert both(11) == -1\n"
    seen = on({"account.py": ACCOUNT, "tests/test_account.py": test, "conftest.py": ""}).execute(
        Trace(test="test_both")
    )
    assert "tests/test_account.py::test_both fails: ValueError: too much" in seen.text
    assert "account.py: Account.take(self=Account(balance=10), amount=11) raised ValueError('too much')." in seen.text
    assert "Never executed in this call: lines 8-9." in seen.text
    assert "can be traced as `function`: both, Account.__init__, Cash.take, Account.limit." in seen.text


def test_attributes_are_shown_beside_variables(on: Make) -> None:
    seen = on({"account.py": ACCOUNT}).execute(Trace(call="import account\naccount.Account(10).take(3)"))
    assert "The call gives 13\n" in seen.text
    assert "before: amount=3, self.balance=10" in seen.text
    assert "after: self.balance=13, returned 13" in seen.text


def test_the_function_can_be_named(on: Make) -> None:
    session = on({"bank/account.py": ACCOUNT, "bank/__init__.py": ""})
    call = ">>> from bank.account import both\n>>> both(3)\n7"

    def function(name: str) -> str:
        return str(session.execute(Trace(call=call, function=name)).data.get("function"))

    assert function("limit") == "Account.limit"
    assert function("Cash.take") == "Cash.take"
    assert function("bank/account.py::Account.take") == "Account.take"
    assert function("bank.account.both") == "both"
    several = session.execute(Trace(call=call, function="take"))
    assert (several.ok, several.code) == (False, "not-found")
    assert "may be any of bank/account.py::Cash.take, bank/account.py::Account.take" in several.text
    none = session.execute(Trace(call=call, function="give"))
    assert none.text.startswith("give was not called. It calls bank/account.py::both")


def test_what_does_not_end_is_stopped_and_its_last_blocks_are_shown(on: Make) -> None:
    session = on({"hanging.py": HANGING})
    found = trace(session, Subject(call="from hanging import count_down; count_down(3)"), deadline=3)
    assert found.ended == "deadline"
    assert "did not end before its deadline" in found.text
    assert "hanging.py: count_down(n=3) was still running." in found.text
    assert "more executions of blocks ..." in found.text
    assert len(found.recorded["executions"]) == 10
    assert found.recorded["executions"][-1]["n"] == found.recorded["total"] > 10
    assert "Never executed in this call: line 6." in found.text


def test_what_is_reported_while_the_function_runs_on_counts_what_it_shows() -> None:
    function = Function("hanging.py", "count_down", ast.parse(HANGING).body[0])
    recorder = Recorder(function, HANGING.splitlines())
    reports: list[dict[str, Any]] = []

    class Interrupted(set[int]):
        def add(self, number: int) -> None:
            reports.append(recorder.report())
            super().add(number)

    recorder.executed = Interrupted()
    for _ in range(12):
        recorder.add({"block": 1})
    assert [each["total"] for each in reports] == list(range(12))
    assert all(each["executions"][-1]["n"] == each["total"] for each in reports[1:])


def test_a_recursion_without_end_is_shown(on: Make) -> None:
    session = on({"gcd.py": "def gcd(a, b):\n    if b == 0:\n        return a\n    return gcd(a % b, b)\n"})
    seen = session.execute(Trace(call="import gcd; gcd.gcd(5, 3)"))
    assert "fails: RecursionError" in seen.text
    assert "gcd(a=5, b=3) raised RecursionError" in seen.text
    assert "call 2\n  before: a=2, b=3\n    4      return gcd(a % b, b)" in seen.text
    assert "Never executed in this call: line 3." in seen.text


def test_long_and_strange_values_stay_short(on: Make) -> None:
    source = (
        "class Rude:\n    def __repr__(self):\n        raise KeyError('no')\n\n"
        "def f(text, numbers, rude, big):\n    loop = [1]\n    loop.append(loop)\n    made = object()\n"
    )
    call = "import m; m.f('a' * 5000 + 'z', list(range(5000)), m.Rude(), 1 << 99999)"
    found = trace(on({"m.py": source}), Subject(call=call), "f")
    values = [*found.recorded["arguments"].values(), *found.recorded["executions"][0]["after"].values()]
    assert all(len(value) <= 100 for value in values)
    assert found.recorded["arguments"]["text"].endswith("aaaz'")
    assert found.recorded["arguments"]["numbers"].endswith("4996, 4997, 4998, 4999]")
    assert found.recorded["arguments"]["rude"] == "<Rude; its repr raises KeyError>"
    assert found.recorded["executions"][0]["after"]["made"] == "<object>"


def test_what_a_generator_does_is_seen(on: Make) -> None:
    source = "def evens(n):\n    for i in range(n):\n        yield i * 2\n"
    seen = on({"m.py": source}).execute(Trace(call="import m; m.evens(2)"))
    assert "gives [0, 2]\n" in seen.text
    assert "after: yielded 2" in seen.text


def test_only_what_calls_the_project_can_be_traced(on: Make) -> None:
    session = on({"buckets.py": BUCKETS, "test_buckets.py": TEST_BUCKETS.replace("[0, 1]", "[0]")})

    def said(**arguments: str) -> str:
        seen = session.execute(Trace(**arguments))
        assert not seen.ok
        return seen.text

    assert said() == "No test fails. Give a failing one, or the statements that go wrong as `call`."
    assert "import what it uses" in said(call="bucketsort([], 1)")
    assert said(call="1 + 1") == "No function of the project was called."
    assert said(call="bucketsort(").startswith("`call` is not Python")
    assert "it ran no such test" in said(test="test_three")
    assert said(test="test_two", call="1").startswith("Give a test or a call")
    assert "it ended the interpreter" in said(call="import os; os._exit(0)")


def test_projects_in_other_languages_are_told_so(on: Make) -> None:
    session = on({"Makefile": "test:\n\ttrue\n"}, test_command="make test")
    with pytest.raises(ToolError, match="only tests of pytest, unittest and Django"):
        trace(session, Subject(test="x"))


def test_tests_that_start_a_python_or_trace_themselves_are_not_disturbed(on: Make) -> None:
    test = (
        "import os, subprocess, sys\nfrom buckets import bucketsort\n\n"
        "def test_child():\n"
        "    assert 'PATCHWRIGHT_TRACE' not in os.environ\n"
        "    subprocess.run([sys.executable, '-c', 'pass'], check=True)\n"
        "    assert bucketsort([1], 2) == [1]\n"
    )
    seen = on({"buckets.py": BUCKETS, "test_buckets.py": test}).execute(Trace())
    assert "test_buckets.py::test_child fails: AssertionError: assert [0] == [1]" in seen.text


def interpreters() -> list[str]:
    """The directories of the Pythons that this machine has, one of each version, and of the running one."""
    found = {sys.version_info[:2]: str(Path(sys.executable).parent)}
    for minor in range(6, 15):
        program = shutil.which(f"python3.{minor}")
        installed = sorted((Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin"))
        if installed:
            found.setdefault((3, minor), str(installed[-1]))
        elif program and "shims" not in program:
            found.setdefault((3, minor), str(Path(program).parent))
    return [found[version] for version in sorted(found)]


CASES = """\
import asyncio


def evens(n):
    for i in range(n):
        yield i * 2


def collect(n):
    total = 0
    for value in evens(n): total += value
    for value in evens(n):
        total += value
    return total


async def late(x):
    await asyncio.sleep(0)
    y = x + 1
    await asyncio.sleep(0)
    return y


def climb(x):
    while True:
        x += 1
        if x > 3:
            break
    try:
        with open("/dev/null") as file:
            values = [x + int(line)
                      for line in file]
    except ValueError as error:
        return error
    finally:
        done = True
    return (values,
            done)


def endless(n):
    return endless(n + 1)
"""
UNITTESTS = """\
import unittest
from cases import collect

class Sums(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(collect(0), 0)

    def test_sums(self):
        for n in (0, 3):
            with self.subTest(n=n):
                self.assertEqual(collect(n), 2 * n)
"""


@pytest.mark.parametrize("directory", interpreters())
def test_every_python_gives_the_same_trace(on: Make, directory: str) -> None:
    session = on({"cases.py": CASES, "test_cases.py": UNITTESTS}, path=f"{directory}:/usr/bin:/bin")

    def recorded(call: str, function: str) -> dict[str, Any]:
        subject = Subject(call=f"import asyncio, cases\n{call}")
        return watch(session, plan_for(session, subject), subject, ("cases.py", function), 10.0).report["trace"]

    def blocks(call: str, function: str) -> list[tuple[int, dict[str, str], str]]:
        return [(e["block"], e["after"], e["end"]) for e in recorded(call, function)["executions"]]

    assert blocks("asyncio.new_event_loop().run_until_complete(cases.late(1))", "late") == [
        (1, {}, "yielded None"),
        (1, {"y": "2"}, "yielded None"),
        (1, {}, "returned 2"),
    ]
    climbed = blocks("cases.climb(2)", "climb")
    assert [number for number, _, _ in climbed] == [1, 1, 2, 3, 5, 6]
    assert [after.get("x") for _, after, _ in climbed[:2]] == ["3", "4"]
    assert climbed[3][1]["values"] == "[]"
    assert climbed[-1] == (6, {}, "returned ([], True)")

    assert blocks("list(cases.evens(2))", "evens") == [
        (1, {"i": "0"}, ""),
        (2, {}, "yielded 0"),
        (1, {"i": "1"}, ""),
        (2, {}, "yielded 2"),
        (1, {}, "returned None"),
    ]
    endless = recorded("cases.endless(1)", "endless")
    assert endless["end"] == "raised RecursionError"
    assert endless["executions"][1]["before"] == {"n": "2"}

    test = session.execute(Trace(test="test_cases.py"))
    assert "test_sums fails: AssertionError: 12 != 6" in test.text
    assert "cases.py: collect(n=3) returned 12 (the last of 2 calls)." in test.text
    assert [(e["block"], e["after"]) for e in test.data["executions"][:5]] == [
        (1, {"total": "0"}),
        (2, {"value": "0"}),
        (2, {"total": "2", "value": "2"}),
        (2, {"total": "6", "value": "4"}),
        (2, {}),
    ]
