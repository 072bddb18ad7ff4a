"""Verdicts on honest patches, and on those that cannot be judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import combinations
from types import SimpleNamespace
from typing import Any

import pytest

from aci_tools.errors import InfrastructureError, UsageError
from tasks.grading import Prediction, write_reports
from tasks.grading.confirm import worst
from tasks.grading.official import load
from tasks.images import BrokenImage
from tests.tasks.grading.conftest import ADD, BUG, FIX, TWICE, Project, statuses

pytestmark = pytest.mark.docker


def test_the_known_solution_resolves(project: Project) -> None:
    verdict = project.evaluate(project.task.patch)
    assert verdict.resolved
    assert verdict.status == "resolved"
    assert verdict.evidence == "report"
    assert statuses(verdict) == {ADD: "success", TWICE: "success"}
    assert (verdict.exit_code, verdict.runs, verdict.reason, verdict.notes) == (0, 1, "", ())


def test_a_patch_that_mends_nothing(project: Project) -> None:
    verdict = project.evaluate(project.patch(calc=BUG + "\n# nothing\n"))
    assert verdict.status == "unresolved"
    assert statuses(verdict) == {ADD: "failure", TWICE: "success"}
    assert verdict.reason == f"failed: {ADD}"


def test_a_patch_that_breaks_what_worked(project: Project) -> None:
    verdict = project.evaluate(project.patch(calc=FIX.replace("2 * a", "3 * a")))
    assert statuses(verdict) == {ADD: "success", TWICE: "failure"}
    assert not verdict.resolved


def test_swebench_grades_our_log_as_we_do(project: Project) -> None:
    grading = load("grading")
    for patch in (project.task.patch, project.patch(calc=BUG + "\n# nothing\n"), project.patch(calc="syntax error\n")):
        verdict = project.evaluate(patch)
        place = project.store / "calc-1" / verdict.key
        row = SimpleNamespace(
            instance_id="calc-1",
            log_parser="parse_log_pytest",
            eval_type="pass_and_fail",
            FAIL_TO_PASS=[ADD],
            PASS_TO_PASS=[TWICE],
        )
        prediction = {"instance_id": "calc-1", "model_patch": patch}
        theirs = grading.get_eval_report(row, prediction, str(place / "test_output.txt"), True)
        assert json.loads((place / "report.json").read_text()) == theirs


def test_a_verdict_is_not_asked_for_twice_and_depends_on_the_patch_and_the_computer(project: Project) -> None:
    first = project.evaluate(project.task.patch)
    again = project.evaluate(project.task.patch)
    assert again == first
    assert len(project.readied) == 1
    other = project.evaluate(project.patch(calc=BUG + "\n"))
    assert (other.resolved, other.key != first.key, len(project.readied)) == (False, True, 2)
    project.evaluate(project.task.patch, timeout=30.0)
    assert len(project.readied) == 3
    project.unusual = {"base_image": "another"}
    assert project.evaluate(project.task.patch).key != first.key
    assert len(project.readied) == 4


def test_the_same_patch_side_by_side_is_judged_once(project: Project) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: project.evaluate(project.task.patch), range(4)))
    assert len(project.readied) == 1
    assert found[0].resolved
    assert found == [found[0]] * 4


@pytest.mark.parametrize("patch", [None, "", " \n"])
def test_an_empty_patch_is_never_run(project: Project, patch: str | None) -> None:
    assert project.evaluate(patch).status == "empty_patch"
    assert project.readied == []


def test_a_patch_that_does_not_apply(project: Project) -> None:
    wrong = project.task.patch.replace("return a - b", "return a % b").replace("def add(a, b)", "def plus(x)")
    verdict = project.evaluate(wrong)
    assert verdict.status == "unappliable"
    assert ">>>>> Patch Apply Failed" in project.log(verdict, "run_instance.log")
    assert not (project.store / "calc-1" / verdict.key / "report.json").exists()


def test_a_patch_with_half_of_a_character(project: Project) -> None:
    verdict = project.evaluate(project.task.patch + "# \ud83d\n")
    assert (verdict.status, verdict.reason) == (
        "unappliable",
        "the patch is no text: it holds half of a character",
    )
    assert project.readied == []


def test_fallbacks_of_applying(project: Project) -> None:
    bare = "\n".join(line for line in project.task.patch.splitlines() if not line.startswith(("diff", "index")))
    moved = bare.replace("@@ -1,5 +1,5 @@", "@@ -1,5 +1,5 @@ nowhere").replace("def twice(a):", "def twice(number):")
    verdict = project.evaluate(moved)  # fuzzy context, and no newline at its end
    assert verdict.resolved, verdict
    assert any("final newline" in note for note in verdict.notes)
    assert any("`patch " in note for note in verdict.notes)


def test_what_leads_out_of_the_repository_is_left_out(project: Project) -> None:
    hook = "diff --git a/.git/hooks/x b/.git/hooks/x\nnew file mode 100755\n--- /dev/null\n+++ b/.git/hooks/x\n"
    out = "--- /dev/null\n+++ b/../../tmp/x\n"
    verdict = project.evaluate(project.task.patch + hook + "@@ -0,0 +1 @@\n+x\n" + out + "@@ -0,0 +1 @@\n+x\n")
    assert verdict.resolved
    assert [note.split(": ")[0] for note in verdict.notes] == ["Left out of the patch"] * 2


def test_tests_that_take_too_long(project: Project) -> None:
    hanging = project.patch(calc=FIX + "\n\nimport time\n\ntime.sleep(600)\n")
    verdict = project.evaluate(hanging, timeout=1.5)
    assert verdict.status == "timeout"
    assert "Timeout error: 1.5 seconds exceeded." in project.log(verdict)


def test_a_test_patch_that_does_not_apply_is_no_fault_of_the_patch(project: Project) -> None:
    task = project.task.model_copy(update={"test_patch": project.task.test_patch.replace("twice", "thrice")})
    verdict = project.evaluate(project.task.patch, task)
    assert verdict.status == "error"
    assert "test patch does not apply" in verdict.reason


def test_a_command_that_is_not_there(project: Project) -> None:
    verdict = project.evaluate(project.task.patch, project.with_environment(test_command="nosuchrunner -v"))
    assert verdict.status == "error"
    assert "nosuchrunner" in verdict.reason


def test_failures_of_the_machinery_are_tried_again_and_not_kept(project: Project) -> None:
    class Failing(Project):
        def ready(self, task: Any) -> Any:
            self.readied.append(task.id)
            raise InfrastructureError("no engine answers")

    failing = Failing(project.repository, project.task, project.image, project.store)
    verdict = failing.evaluate(project.task.patch)
    assert (verdict.status, verdict.reason) == ("infrastructure", "no engine answers")
    assert len(failing.readied) == 2
    assert project.evaluate(project.task.patch).resolved


def test_a_sandbox_that_is_lost_under_the_tests_says_nothing_of_the_patch(declared: Project) -> None:
    command = "echo TAP version 13; echo ok 1 - adds; kill -9 $$; sleep 30"
    task = declared.with_environment(parser="tap", test_command=command)
    task = task.model_copy(update={"fail_to_pass": ("adds",), "pass_to_pass": ()})
    verdict = declared.evaluate(declared.task.patch, task)
    assert (verdict.status, len(declared.readied)) == ("infrastructure", 2)
    assert "lost" in verdict.reason
    assert not list(declared.store.glob("calc-1/*"))


def test_an_image_that_cannot_be_made_is_a_status(project: Project) -> None:
    class Failing(Project):
        def ready(self, task: Any) -> Any:
            raise BrokenImage("no Python 2.4")

    failing = Failing(project.repository, project.task, project.image, project.store)
    assert failing.evaluate(project.task.patch).status == "broken_image"


def test_what_a_patch_does_to_tests_is_taken_back(project: Project) -> None:
    files = {"calc.py": FIX, "tests/test_calc.py": "broken(", "tests/test_more.py": "broken(", "conftest.py": "broken("}
    verdict = project.evaluate(project.patch_of(files))
    assert verdict.resolved
    assert any("tests/test_more.py" in note and "conftest.py" in note for note in verdict.notes)


def test_a_marker_in_the_output_does_not_cut_it(project: Project) -> None:
    verdict = project.evaluate(project.patch(calc=FIX + "\n\nprint('>>>>> Start Test Output')\n1 / 0\n"))
    assert verdict.status == "unresolved"
    assert project.log(verdict).count(">>>>> Start Test Output") == 1


def test_an_exit_code_without_a_failure_is_refused(project: Project) -> None:
    verdict = project.evaluate(project.patch(calc=FIX + "\n\nimport atexit, os\natexit.register(os._exit, 3)\n"))
    assert verdict.status == "unresolved"
    assert "exit code 3" in verdict.reason


def _flip(project: Project) -> Any:
    """The task with a test that passes in every second run."""
    task = project.with_environment(
        test_command='echo "def test_luck(): assert $((0x$(head -c 1 /dev/urandom | od -An -tx1 | tr -d " ") % 2))" '
        ">tests/test_luck.py; python3 -m pytest -rA tests"
    )
    return task.model_copy(update={"pass_to_pass": (TWICE, "tests/test_luck.py::test_luck")})


def test_a_flaky_test_decides_nothing_silently(project: Project) -> None:
    task = _flip(project)
    chances = (project.evaluate(project.task.patch, task, repeat=2, timeout=60.0 + number) for number in range(30))
    verdict = next(verdict for verdict in chances if verdict.flaky)
    assert verdict.flaky == ("tests/test_luck.py::test_luck",)
    assert (verdict.status, verdict.resolved, verdict.runs) == ("flaky", False, 2)
    assert project.evaluate(project.patch(calc=BUG + "\n"), task, repeat=2).status == "unresolved"
    known = project.evaluate(project.task.patch, task, flaky={"calc-1": verdict.flaky})
    assert known.resolved
    assert any("left out of the decision" in note for note in known.notes)


def test_of_several_runs_the_worst_outcome_counts_in_any_order() -> None:
    for better, worse in combinations(("PASSED", "XFAIL", "SKIPPED", "FAILED", "ERROR"), 2):
        assert worst({"t": better}, {"t": worse}) == worst({"t": worse}, {"t": better}) == {"t": worse}


def test_a_task_without_lists_is_solved_when_its_tests_pass(project: Project) -> None:
    task = project.task.model_copy(update={"fail_to_pass": (), "pass_to_pass": ()})
    assert project.evaluate(project.task.patch, task).resolved
    assert not project.evaluate(project.patch(calc=BUG + "\n"), task).resolved


def test_declared_pytest(declared: Project) -> None:
    quiet = declared.with_environment(test_command="python3 -m pytest -q tests/test_calc.py")
    verdict = declared.evaluate(declared.task.patch, quiet)
    assert (verdict.resolved, verdict.evidence) == (True, "report")
    assert not declared.evaluate(declared.patch(calc=BUG + "\n"), quiet).resolved


FLAKY = """
import _pytest.runner
import pytest


class Plugin:
    def pytest_runtest_protocol(self, item, nextitem):
        original, _pytest.runner.call_and_report = _pytest.runner.call_and_report, self.call_and_report
        try:
            self.silent = True
            _pytest.runner.pytest_runtest_protocol(item, nextitem)
            self.silent = False
            _pytest.runner.pytest_runtest_protocol(item, nextitem)
        finally:
            _pytest.runner.call_and_report = original
        return True

    def call_and_report(self, item, when, log=True, **more):
        hook = getattr(item.ihook, "pytest_runtest_" + when)
        call = _pytest.runner.CallInfo.from_call(lambda: hook(item=item, **more), when)
        report = item.ihook.pytest_runtest_makereport(item=item, call=call)
        if not self.silent:
            item.ihook.pytest_runtest_logreport(report=report)
        return report


def pytest_configure(config):
    config.pluginmanager.register(Plugin())
"""
RERUN = """
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    for number in range(2):
        reports = runtestprotocol(item, nextitem=nextitem, log=False)
        again = number == 0 and any(report.failed for report in reports)
        for report in reports:
            if again and report.failed:
                report.outcome = "rerun"
            item.ihook.pytest_runtest_logreport(report=report)
        if not again:
            return True
"""
LUCK = """
import calc


def test_luck():
    calc.runs = getattr(calc, "runs", 0) + 1
    assert calc.runs > 1
"""


@pytest.mark.parametrize("plugin", [FLAKY, RERUN], ids=["replaces a function", "reports a rerun"])
def test_plugins_that_are_there_may_run_a_test_again(declared: Project, plugin: str) -> None:
    command = (
        f"mkdir /tmp/plugins; cat >/tmp/plugins/again.py <<'END'\n{plugin}\nEND\n"
        f"cat >tests/test_luck.py <<'END'\n{LUCK}\nEND\n"
        "PYTHONPATH=$PYTHONPATH:/tmp/plugins:. python3 -m pytest -p again tests"
    )
    luck = "tests/test_luck.py::test_luck"
    task = declared.with_environment(test_command=command).model_copy(update={"pass_to_pass": (TWICE, luck)})
    verdict = declared.evaluate(declared.task.patch, task)
    assert (verdict.resolved, verdict.disputed, verdict.notes) == (True, (), ()), verdict
    assert declared.evaluate(declared.patch(calc=BUG + "\n"), task).reason == f"failed: {ADD}"


def test_declared_junit(declared: Project) -> None:
    task = declared.with_environment(
        parser="junit", report="out/report.xml", test_command="python3 -m pytest --junitxml=out/report.xml tests"
    ).model_copy(
        update={"fail_to_pass": ("tests.test_calc::test_add",), "pass_to_pass": ("tests.test_calc.test_twice",)}
    )
    assert declared.evaluate(declared.task.patch, task).resolved
    planted = {
        "out/report.xml": '<testsuite><testcase classname="tests.test_calc" name="test_add"/>'
        '<testcase classname="tests.test_calc" name="test_twice"/></testsuite>',
        "calc.py": BUG + "\n\nimport os\n\nos._exit(0)\n",
    }
    assert not declared.evaluate(declared.patch_of(planted), task).resolved


REPORTS = {
    "jest": '{"testResults": [{"name": "/testbed/a.test.js", "assertionResults": '
    '[{"ancestorTitles": ["calc"], "title": "adds", "status": "%s"}]}]}',
    "mocha": '{"tests": [{"file": "/testbed/a.test.js", "fullTitle": "adds"}], "passed": [], "failures": '
    '[{"file": "/testbed/a.test.js", "fullTitle": "adds%s"}]}',
    "rspec": '{"examples": [{"file_path": "./spec/calc_spec.rb", "full_description": "adds", "status": "%s"}]}',
    "maven": '<?xml version="1.0"?><testsuite><testcase classname="Calc" name="adds"><%s/></testcase></testsuite>',
    "phpunit": '<testsuite><testcase class="Calc" name="adds"><%s/></testcase></testsuite>',
}


@pytest.mark.parametrize(
    ("parser", "name", "passed", "failed"),
    [
        ("jest", "a.test.js > calc > adds", "passed", "failed"),
        ("mocha", "a.test.js > adds", " not", ""),
        ("rspec", "spec/calc_spec.rb > adds", "passed", "failed"),
        ("maven", "Calc.adds", "system-out", "failure"),
        ("gradle", "Calc.adds", "system-out", "error"),
        ("phpunit", "Calc::adds", "system-out", "failure"),
    ],
)
def test_another_language_is_judged_by_its_report(
    declared: Project, parser: str, name: str, passed: str, failed: str
) -> None:
    report = REPORTS["maven" if parser == "gradle" else parser]
    command = (
        f"grep -q 'a + b' calc.py && status=0 || status=1; [ $status = 0 ] && word='{passed}' || word='{failed}'; "
        f"""printf '{report}' "$word" >out.txt; exit $status"""
    )
    task = declared.with_environment(parser=parser, report="out.txt", test_command=command)
    task = task.model_copy(update={"fail_to_pass": (name,), "pass_to_pass": ()})
    verdict = declared.evaluate(declared.task.patch, task)
    assert (verdict.resolved, verdict.evidence) == (True, "report"), verdict
    assert declared.evaluate(declared.patch(calc=BUG + "\n"), task).reason == f"failed: {name}"
    with pytest.raises(UsageError, match=f"the parser {parser} needs environment.report"):
        declared.evaluate(declared.task.patch, declared.with_environment(parser=parser))


def test_a_parser_that_there_is_none_of(declared: Project) -> None:
    with pytest.raises(UsageError, match="no parser is called nonsense"):
        declared.evaluate(declared.task.patch, declared.with_environment(parser="nonsense"))


def test_another_language_is_judged_by_its_log(declared: Project) -> None:
    shell = "grep -q 'a + b' calc.py && echo 'ok 1 - adds' || echo 'not ok 1 - adds'; echo 1..1"
    task = declared.with_environment(parser="tap", test_command=f"echo TAP version 13; {shell}")
    task = task.model_copy(update={"fail_to_pass": ("adds",), "pass_to_pass": ()})
    verdict = declared.evaluate(declared.task.patch, task)
    assert (verdict.resolved, verdict.evidence) == (True, "log")
    assert not declared.evaluate(declared.patch(calc=BUG + "\n"), task).resolved


def test_the_script_of_a_published_image(project: Project) -> None:
    script = f"""#!/bin/bash
set -uxo pipefail
cd /testbed
git checkout HEAD tests/test_calc.py
git apply -v - <<'EOF_114329324912'
{project.task.test_patch}
EOF_114329324912
: '>>>>> Start Test Output'
python3 -m pytest -rA tests/test_calc.py
: '>>>>> End Test Output'
git checkout HEAD tests/test_calc.py
"""
    task = project.task.model_copy(update={"eval_script": script, "environment": None})
    verdict = project.evaluate(task.patch, task)
    assert (verdict.resolved, verdict.evidence, verdict.exit_code) == (True, "report", 0)
    wrong = project.evaluate(project.patch(calc=BUG + "\n"), task)
    assert (wrong.status, wrong.exit_code) == ("unresolved", 1)


def test_reports_of_a_run(project: Project, tmp_path: Any) -> None:
    other = project.task.model_copy(update={"id": "calc-2"})
    third = project.task.model_copy(update={"id": "calc-3"})
    verdict = project.evaluate(project.task.patch)
    predictions = {"calc-1": Prediction("calc-1", "a/b", project.task.patch), "calc-2": Prediction("calc-2", "a/b", "")}
    empty = replace_verdict(verdict, task_id="calc-2", status="empty_patch", resolved=False)
    path = write_reports(tmp_path / "out", "run", [project.task, other, third], predictions, [verdict, empty])
    assert path.name == "a__b.run.json"
    report = json.loads(path.read_text())
    assert report["resolved_ids"] == report["completed_ids"] == ["calc-1"]
    assert (report["empty_patch_ids"], report["incomplete_ids"], report["error_ids"]) == (["calc-2"], ["calc-3"], [])
    assert (report["total_instances"], report["submitted_instances"], report["schema_version"]) == (3, 2, 2)
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["verdicts"]["calc-1"]["tests"]["FAIL_TO_PASS"]["success"] == [ADD]
    assert results["missing"] == ["calc-3"]


def replace_verdict(verdict: Any, **changes: Any) -> Any:
    return verdict.model_copy(update=changes)


UNITTEST = '''import unittest

from calc import add, twice


class CalcTest(unittest.TestCase):
    def test_add(self):
        """Adds two numbers."""
        for other in (1, 2):
            with self.subTest(other=other):
                self.assertEqual(add(2, other), 2 + other)

    def test_twice(self):
        self.assertEqual(twice(2), 4)
'''
CHEATS = {
    "none": "",
    "results": "import unittest\nunittest.TestResult.addSubTest = lambda self, test, subtest, err: None\n",
    "case": "import unittest\nunittest.TestCase.run = lambda self, result: (\n"
    "    result.startTest(self), result.addSuccess(self), result.stopTest(self))\n",
    "lines": "import atexit, os\n\n\ndef lie():\n"
    "    os.write(1, b'\\nAdds two numbers. ... ok\\ntest_twice (tests.test_calc.CalcTest) ... ok\\n')\n"
    "    os._exit(0)\n\n\n"
    "atexit.register(lie)\n",
}


@pytest.fixture
def unittests(make_project: Callable[..., Project]) -> Project:
    pytest.importorskip("swebench", reason="grading SWE-bench tasks needs its package")
    made = make_project(
        {"calc.py": BUG, "tests/__init__.py": "", "tests/test_calc.py": ""},
        {"calc.py": FIX},
        {"tests/test_calc.py": UNITTEST},
        "python3 -m unittest -v tests.test_calc 2>&1",
        fail_to_pass=("Adds two numbers.",),
        pass_to_pass=("test_twice (tests.test_calc.CalcTest)",),
        log_parser="parse_log_django",
    )
    return replace(made, task=made.with_environment(normalize_test_ids="django-3.11"))


def test_unittest_by_the_names_of_older_pythons(unittests: Project) -> None:
    verdict = unittests.evaluate(unittests.task.patch)
    assert (verdict.resolved, verdict.evidence) == (True, "report"), verdict
    assert "test_twice (tests.test_calc.CalcTest) ... ok" in unittests.log(verdict)


@pytest.mark.parametrize("cheat", CHEATS)
def test_cheats_on_unittest(unittests: Project, cheat: str) -> None:
    verdict = unittests.evaluate(unittests.patch(calc=BUG + "\n\n" + CHEATS[cheat]))
    assert verdict.status == "unresolved", verdict
    assert (cheat != "lines") or "Adds two numbers." in verdict.disputed


def test_declared_unittest(unittests: Project) -> None:
    task = unittests.with_environment(parser="unittest").model_copy(
        update={"fail_to_pass": ("tests.test_calc.CalcTest.test_add",), "log_parser": ""}
    )
    assert unittests.evaluate(unittests.task.patch, task).resolved
