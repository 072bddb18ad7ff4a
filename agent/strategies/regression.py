"""The project's own tests as checks: those that pass on the base commit and have to do with what a patch changes."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from aci_tools.sandbox import Sandbox
from aci_tools.session import Session
from aci_tools.testing import TestPlan, TestReport, find_plan, run_plan
from aci_tools.testing.files import holds_tests, is_test
from aci_tools.testing.run import Companion, scratch_file
from aci_tools.tools.base import ToolError
from agent.strategies.bench import Bench
from agent.strategies.evaluation import Check
from agent.strategies.imports import Imports
from tasks.grading.patches import paths

_PLUGIN = Path(__file__).with_name("patchwright_touch.py")
#: Test files that are run for a patch, those nearest to it first.
_MOST = 40
_PYTHON = ("pytest", "unittest", "django")


class RegressionEvaluator:
    """One check that all of them still pass, and one for each test that does not.

    A test of a Python project has to do with a change if its file imports a changed file, or if it does so by way of
    others and executes something of it, as a trace of its run on the base commit shows (with pytest; with other runners
    imports alone decide). In other languages all tests count. Test files that the patch changes itself do not: they
    say on purpose what is new. A test only counts as failing if it fails twice.
    """

    def prepare(self, bench: Bench) -> None:
        """Nothing: which tests are run on the base commit depends on what is changed."""

    def evaluate(self, bench: Bench, session: Session, patch: str) -> list[Check]:
        """Run the tests on the base commit, unless their outcome is known, and with the patch."""
        changed = list(paths(patch))
        sources = [path for path in changed if not is_test(path)]
        plan = session.test_plan = session.test_plan or find_plan(session)
        if not sources or plan is None or plan.parser == "auto":
            return []
        chosen = _choose(session, plan, sources, changed)
        if chosen is None:
            return []
        files, direct = chosen
        key = hashlib.sha256(json.dumps([plan.command, files, direct, sources]).encode()).hexdigest()[:12]
        known = bench.once(f"regression/{key}", lambda: _on_base(bench, plan, files, direct, sources))
        wanted: list[str] = [test for test in known["tests"] if not any(_in(test, path) for path in changed)]
        if not wanted:
            return []
        with bench.at(patch) as there:
            failing = _failing(there, plan, files, wanted)
            again = _failing(there, plan, files, list(failing)) if failing else {}
        broken = [Check("regression", test, False, message) for test, message in again.items()]
        rest = len(wanted) - len(broken)
        about = ", ".join(sources[:3]) + (" and others" if len(sources) > 3 else "")
        passing = [Check("regression", f"{rest} of the project's tests around {about}", True)] if rest else []
        return passing + broken


def _choose(
    session: Session, plan: TestPlan, sources: Sequence[str], changed: Sequence[str]
) -> tuple[list[str], list[str]] | None:
    """The test files to run (none: all of them), and those that import a changed file themselves; ``None``: nothing."""
    if plan.parser not in _PYTHON or not any(path.endswith(".py") for path in sources):
        return [], []
    imports = Imports.of(session)
    distances = imports.distances(sources)
    tests = [path for path in imports.files if holds_tests(path) and path not in changed]
    near = sorted((path for path in tests if path in distances), key=lambda path: (distances[path], path))
    if near:
        return near[:_MOST], [path for path in near[:_MOST] if distances[path] == 1]
    return (tests, []) if 0 < len(tests) <= _MOST else None


def _on_base(
    bench: Bench, plan: TestPlan, files: Sequence[str], direct: Sequence[str], sources: Sequence[str]
) -> dict[str, Any]:
    """The tests that pass on the base commit and have to do with the sources."""

    def run(sandbox: Sandbox) -> tuple[dict[str, Any], bool]:
        return _near(sandbox, plan, files, direct, sources, timeout)

    with bench.at() as session:
        timeout = session.settings.test_timeout
        what = {"near": [plan.command, plan.parser, plan.cwd, files, direct, sources]}
        known = bench.baselines.once(what, run) if bench.baselines is not None else None
        return known or run(session.sandbox)[0]


def _near(
    sandbox: Sandbox,
    plan: TestPlan,
    files: Sequence[str],
    direct: Sequence[str],
    sources: Sequence[str],
    timeout: float,
) -> tuple[dict[str, Any], bool]:
    """The same, found out in a sandbox with the base commit; and whether the run came to its own end."""
    traced = plan.parser == "pytest" and bool(files)
    companion = Companion()
    if traced:
        watched = json.dumps([f"{sandbox.workdir}/{path}" for path in sources])
        companion = Companion({_PLUGIN.name: _PLUGIN.read_bytes()}, {"PATCHWRIGHT_TOUCH": watched}, _PLUGIN.stem)
    report = _run(sandbox, plan, files, companion, timeout)
    touched = set(scratch_file(sandbox, "touched.txt").splitlines()) if traced else set()
    passing = [test for test, status in report.results.items() if status == "passed"] if report else []
    near = [t for t in passing if not traced or t in touched or any(_in(t, path) for path in direct)]
    found = {"command": plan.command, "files": list(files), "sources": list(sources), "tests": near}
    return found, report is not None and report.complete


def _failing(session: Session, plan: TestPlan, files: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """Of the tests wanted, those that do not pass now, and why."""
    report = _run(session.sandbox, plan, files, Companion(), session.settings.test_timeout)
    if report is None:
        return {}
    messages = {failure.id: " ".join(failure.message.split())[:300] for failure in report.failures}
    general = next(iter(messages.values()), "it is not run any more") if report.complete else ""
    return {
        test: messages.get(test) or (general if test not in report.results else "it fails now")
        for test in wanted
        if report.results.get(test) in ("failed", "error") or (test not in report.results and report.complete)
    }


def _run(
    sandbox: Sandbox, plan: TestPlan, files: Sequence[str], companion: Companion, timeout: float
) -> TestReport | None:
    target = shlex.join(files)
    try:
        return run_plan(sandbox, plan, target, timeout, companion)
    except ToolError:
        return None


def _in(test: str, path: str) -> bool:
    """Whether a test is one of a file, as far as its id says so."""
    dotted = ".".join(PurePosixPath(path).with_suffix("").parts)
    return test.startswith((f"{path}::", f"{dotted}.")) or f"({dotted}" in test
