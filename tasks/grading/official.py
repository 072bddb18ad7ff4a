"""SWE-bench's own log parsers and grading, from the ``swebench`` package."""

from __future__ import annotations

import importlib.util
import re
import sys
import types
from functools import cache
from importlib import import_module
from pathlib import Path
from threading import Lock
from typing import Any

from aci_tools.errors import UsageError
from tasks.grading.confirm import Graded, TestRun, confirmed, contradicted
from tasks.grading.confirm import Outcomes as Found
from tasks.grading.verdict import FAIL_TO_PASS, PASS_TO_PASS, Outcomes
from tasks.task import Task

_LOADING = Lock()
#: Python 3.11 and later print the method in the parentheses too.
_NEW_NAME = re.compile(r"^(\w+) \(((?:\w+\.)+)\1\)", re.M)


def available() -> bool:
    """Whether the ``swebench`` package is installed."""
    return importlib.util.find_spec("swebench") is not None


def load(name: str) -> Any:
    """A module of ``swebench.harness``, without what that package imports for building and pulling images.

    Its ``__init__`` imports Docker, Modal and the ``datasets`` library: seconds and two hundred megabytes that reading
    a log does not need. While the module is imported, an empty one stands for the package.

    Raises:
        UsageError: The package is not installed.
    """
    with _LOADING:
        return _load(f"swebench.harness.{name}")


@cache
def _load(name: str) -> Any:
    package = importlib.util.find_spec("swebench")
    if package is None or not package.submodule_search_locations:
        raise UsageError("grading SWE-bench tasks needs the swebench package: pip install 'patchwright[swebench]'")
    if "swebench.harness" in sys.modules:
        return import_module(name)
    stand_in = types.ModuleType("swebench.harness")
    stand_in.__path__ = [str(Path(place) / "harness") for place in package.submodule_search_locations]
    sys.modules["swebench.harness"] = stand_in
    try:
        return import_module(name)
    except ImportError:
        sys.modules.pop("swebench.harness", None)
        return import_module(name)
    finally:
        if sys.modules.get("swebench.harness") is stand_in:
            del sys.modules["swebench.harness"]


def parser_of(task: Task) -> str:
    """Name of SWE-bench's parser for a task; ``""`` where the task is not SWE-bench's."""
    if task.environment is not None and task.environment.parser:
        return ""
    if task.log_parser:
        return task.log_parser
    if not available() or not (task.fail_to_pass or task.pass_to_pass) or "/" not in task.repo:
        return ""
    known = load("log_parsers.python").MAP_REPO_TO_PARSER_PY.get(task.repo)
    return str(known.__name__) if known is not None else ""


def version() -> str:
    """Version of the package."""
    import swebench

    return str(swebench.__version__)


class OfficialGrader:
    """Grades by SWE-bench's rules.

    Args:
        task: Its ``log_parser`` and ``eval_type`` say how.
        parser: Name of the parser.

    Raises:
        UsageError: The package is not installed, or has no such parser.
    """

    def __init__(self, task: Task, parser: str) -> None:
        self._grading = load("grading")
        if parser not in self._grading.PARSER_REGISTRY:
            raise UsageError(f"{task.id}: swebench {version()} has no parser called {parser}")
        self._spec = types.SimpleNamespace(log_parser=parser, repo=task.repo, instance_id=task.id)
        self._parse = self._grading.PARSER_REGISTRY[parser]
        self._python = self._parse.__module__.endswith(".python")
        # Rows that were made on Python 3.11 list the long names themselves.
        normalized = task.environment is not None and task.environment.normalize_test_ids == "django-3.11"
        self._shorten = normalized and not any(map(_NEW_NAME.match, task.fail_to_pass + task.pass_to_pass))
        self._eval_type = self._grading.EvalType(task.eval_type)

    def normalize(self, text: str) -> str:
        """A log with the names of tests as the task's lists have them."""
        if not self._shorten:
            return text
        return _NEW_NAME.sub(lambda found: f"{found[1]} ({found[2][:-1]})", text)

    def outcomes(self, run: TestRun) -> Graded:
        """What the tests came to: what the log says, where the runner's own report says so too."""
        logged, taken = self._grading.get_logs_eval(self._spec, str(run.log))
        if not taken:
            ended = f" and exit code {run.exit_code}" if run.exit_code else ""
            return Graded(None, "log", reason=f"SWE-bench refuses the log: no failed test{ended}, or no test at all")
        if not (self._python and run.report.loaded):
            return Graded(dict(logged), "log")
        reported = None if run.faults else self._parse(self.normalize(run.report.render()), self._spec)
        outcomes, disputed = confirmed(logged, reported)
        return contradicted(Graded(outcomes, "report", tuple(disputed)), run)

    def judge(
        self, outcomes: Found, fail_to_pass: tuple[str, ...], pass_to_pass: tuple[str, ...]
    ) -> dict[str, Outcomes]:
        """Which tests of the lists came out as they should."""
        lists = {FAIL_TO_PASS: list(fail_to_pass), PASS_TO_PASS: list(pass_to_pass)}
        report = self._grading.get_eval_tests_report(outcomes, lists, eval_type=self._eval_type)
        return {name: Outcomes(**report[name]) for name in (FAIL_TO_PASS, PASS_TO_PASS)}
