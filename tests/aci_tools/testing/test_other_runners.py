"""Projects tested by other runners than pytest, run for real."""

from __future__ import annotations

import shutil

import pytest

from aci_tools.testing import run_project_tests, summarize
from aci_tools.tools.base import ToolError
from tests.aci_tools.testing.conftest import hanging_tests

PLAIN = "/usr/bin:/bin"  # where python3 has no pytest
UNITTEST = """import sys
import unittest

from calc import add, divide


class CalcTest(unittest.TestCase):
    def test_ok(self):
        '''Adds two numbers.'''
        self.assertEqual(add(1, 1), 2)

    def test_wrong(self):
        self.assertEqual(add(1, 1), 3, "sums")

    def test_error(self):
        divide(1, 0)

    @unittest.skip("later")
    def test_skipped(self):
        pass

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()

    @unittest.expectedFailure
    def test_unexpected(self):
        pass

    def test_subtests(self):
        for number in range(3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 1)

    def test_noise(self):
        print("on stdout")
        sys.stderr.write("on stderr")
"""


@pytest.fixture
def without_pytest():
    """A search path on which no Python can import pytest."""
    import subprocess

    found = subprocess.run(["/usr/bin/python3", "-c", "import pytest"], capture_output=True, check=False)
    if found.returncode == 0:
        pytest.skip("the system's own python3 has pytest")
    return PLAIN


@pytest.fixture
def unittests(calc):
    del calc["test_calc.py"]
    return {**calc, "tests/test_calc.py": UNITTEST, "tests/test_bad.py": "import unittest\nimport nope\n"}


def test_unittest(project, unittests, without_pytest):
    session = project(unittests, path=without_pytest)
    report = run_project_tests(session)
    name = "test_calc.CalcTest."
    assert report.results == {
        "test_bad": "error",
        f"{name}test_error": "error",
        f"{name}test_expected": "xfail",
        f"{name}test_noise": "passed",
        f"{name}test_ok": "passed",
        f"{name}test_skipped": "skipped",
        f"{name}test_subtests": "failed",
        f"{name}test_unexpected": "failed",
        f"{name}test_wrong": "failed",
    }
    told = {failure.id: failure for failure in report.failures}
    assert told["test_bad"].location == "tests/test_bad.py:2"
    assert told["test_bad"].message == "ModuleNotFoundError: No module named 'nope'"
    assert [str(place) for place in told[f"{name}test_error"].places] == ["tests/test_calc.py:16", "calc.py:6"]
    assert told[f"{name}test_wrong"].message == "AssertionError: 2 != 3 : sums"
    assert told[f"{name}test_subtests (number=1)"].message == "AssertionError: 1 == 1"
    assert session.patch() == ""


@pytest.mark.parametrize(
    "target", ["tests/test_calc.py::CalcTest::test_error", "tests.test_calc.CalcTest.test_error", "test_error"]
)
def test_a_part_of_unittest_has_the_names_that_everything_has(project, unittests, without_pytest, target):
    del unittests["tests/test_bad.py"]
    report = run_project_tests(project(unittests, path=without_pytest), target)
    assert report.results == {"test_calc.CalcTest.test_error": "error"}


def test_a_hanging_unittest_is_named(project, calc, without_pytest):
    del calc["test_calc.py"]
    hanging = "import time, unittest\n\nclass T(unittest.TestCase):\n"
    hanging += "    def test_a(self): pass\n    def test_b(self): time.sleep(60)\n"
    report = hanging_tests(project({**calc, "test_h.py": hanging}, path=without_pytest))
    assert (report.timed_out, report.running) == (True, "test_h.T.test_b")
    assert report.results == {"test_h.T.test_a": "passed"}


NODE = """const { test, describe, it } = require("node:test");
const assert = require("node:assert");
const { boom } = require("../calc.js");

test("adds", () => {});
test("subtracts", () => {
  assert.strictEqual(2, 3);
});
test("throws", () => boom());
describe("group", () => {
  it("inner", () => assert.ok(false, "deep down"));
});
test("later", { skip: true }, () => {});
"""


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed")
def test_npm_with_the_test_runner_of_node(project):
    files = {
        "package.json": '{"scripts": {"test": "node --test"}}',
        "calc.js": 'exports.boom = () => {\n  throw new TypeError("boom");\n};\n',
        "test/calc.test.js": NODE,
        "test/bad.test.js": 'require("./nope");\n',
    }
    session = project(files)
    report = run_project_tests(session)
    assert report.results == {
        "test/bad.test.js": "failed",
        "adds": "passed",
        "subtracts": "failed",
        "throws": "failed",
        "group > inner": "failed",
        "later": "skipped",
    }
    told = {failure.id: failure for failure in report.failures}
    assert told["subtracts"].location == "test/calc.test.js:7"
    assert told["subtracts"].message.startswith("AssertionError: Expected values to be strictly equal:")
    assert [str(place) for place in told["throws"].places] == ["test/calc.test.js:9", "calc.js:2"]
    assert told["test/bad.test.js"].message.startswith("Error: Cannot find module './nope'")
    assert set(run_project_tests(session, "test/bad.test.js").results) == {"test/bad.test.js"}


def test_a_makefile_that_only_succeeds_or_fails(project):
    session = project({"Makefile": "check:\n\t@echo looking; echo junk > junk.txt\n\t@test -e wanted\n"})
    failed = run_project_tests(session)
    assert not failed.ok
    assert summarize(failed, None).splitlines()[:3] == [
        "`make check` failed (exit code 2) without naming a test.",
        "The output ends:",
        "looking",
    ]
    assert session.patch() == ""
    session.write("wanted", b"")
    succeeded = run_project_tests(session)
    assert succeeded.ok
    assert summarize(succeeded, None).splitlines()[0] == "`make check` succeeded (exit code 0)."
    with pytest.raises(ToolError, match="`make check` always runs everything"):
        run_project_tests(session, "part")


def test_a_flood_of_output_does_not_drown_the_report(project):
    flood = "test:\n\t@yes 'x x x x x x x' | head -n 300000; printf '\\377\\000end\\n'; exit 1\n"
    text = summarize(run_project_tests(project({"Makefile": flood})), None)
    assert len(text) < 2000
    assert "\\xff\\x00end" in text
