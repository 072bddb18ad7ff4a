"""Designing a test file in the project's own framework: tests that reproduce the issue, and boundary cases."""

from __future__ import annotations

import ast
import re
import shlex
from pathlib import PurePosixPath

from aci_tools.session import Session
from aci_tools.testing import Failure, TestPlan, TestReport, find_plan, run_plan
from aci_tools.testing.files import beside, holds_tests, nearest
from aci_tools.tools.base import ToolError
from agent.models import ChatMessage
from agent.prompts import render
from agent.retrieval import relevant_functions, show
from agent.strategies.bench import Bench
from agent.strategies.designer.cases import code_of
from agent.strategies.designer.grammar import lines_of
from agent.strategies.designer.suite import DesignedTest, Dropped, Outcome, Suite

#: Seconds that a designed test file may take.
_SECONDS = 120.0
#: What the designer sees of the project: relevant functions, lines of a test file.
_FUNCTIONS, _LINES = 3, 60
_EXCEPTION = re.compile(r"(?:[\w.]+\.)?(\w*(?:Error|Exception|Warning|Exit|Interrupt|NotFound))\b")
#: Raised by a test that is itself wrong, wherever that is noticed.
_BROKEN = frozenset({"SyntaxError", "IndentationError", "NameError", "ImportError", "ModuleNotFoundError"})
_MISSING = re.compile(r"(?:name|attribute|argument|module named) '(\w+)'")
_VERDICT = re.compile(r"^\W*(\S.*?)`?\s*:\s*\W*(YES|NO)\b", re.MULTILINE | re.IGNORECASE)


class RepositoryDesigner:
    """Tests of which some fail as the issue says, and others keep what works beside it.

    The designer sees the issue, the code at the base commit that it is probably about, and a test file as an example.
    Names claim what is to be seen before any fix: a test with ``keeps`` in its name passes, every other one fails.

    Args:
        bench: What it works with.
        session: The computer at the base commit.
        plan: How the project's tests are run.
    """

    def __init__(self, bench: Bench, session: Session, plan: TestPlan) -> None:
        self._bench, self._plan = bench, plan
        self._issue = bench.task.problem_statement.strip()
        snippets = relevant_functions(session, self._issue, _FUNCTIONS)
        files = session.files()
        example = nearest(filter(holds_tests, files), snippets[0].path if snippets else "")
        self.path = beside(example or "test_.py", "issue", files)
        self._told = {
            "issue": self._issue,
            "code": show(snippets),
            "command": plan.command,
            "path": self.path,
            "example": _shown(session, example),
            "count": bench.config.strategy.designed_tests,
        }

    @classmethod
    def of(cls, bench: Bench, session: Session) -> RepositoryDesigner | None:
        """One for a project whose tests can be run one file at a time, if it is one."""
        plan = session.test_plan = session.test_plan or find_plan(session)
        return cls(bench, session, plan) if plan is not None and plan.parser != "auto" else None

    def question(self) -> list[ChatMessage]:
        """What the designer is asked."""
        return [
            {"role": "system", "content": render("designer", "system", {})},
            {"role": "user", "content": render("designer", "repository", self._told)},
        ]

    def read(self, reply: str) -> Suite:
        """The test file of its answer; what tests are in it is known when it is run."""
        text = code_of(reply).strip("\n") + "\n"
        suite = Suite("file", self.path, text)
        if self.path.endswith(".py"):
            try:
                ast.parse(text)
            except (SyntaxError, ValueError, RecursionError) as error:
                return Suite("file", self.path, dropped=(Dropped(self.path, f"it is not Python: {error}", text),))
        return suite

    def run(self, session: Session, suite: Suite, seed: int) -> dict[str, Outcome]:
        """How the tests of the file end on the code as it is, by name. The file is removed again."""
        place = f"{session.root}/{suite.path}"
        timeout = min(_SECONDS, session.settings.test_timeout)
        session.sandbox.write(place, suite.text.encode())
        try:
            report = run_plan(session.sandbox, self._plan, shlex.quote(suite.path), timeout)
        except ToolError:
            return {}
        finally:
            session.sandbox.run('rm -f -- "$FILE"', cwd=session.root, env={"FILE": place})
        return {
            test: self._outcome(test, report, suite.path)
            for test in report.results
            if _belongs(test, suite) and report.results[test] != "skipped"
        }

    def claims(self, suite: Suite, outcomes: dict[str, Outcome]) -> dict[str, str]:
        """Reasons against tests that do not end as their names claim."""
        wrong = {}
        for test in suite.tests:
            passed = outcomes[test.name].passed
            if test.kind == "keeps" and not passed:
                wrong[test.name] = f"it should pass before any fix, but {outcomes[test.name].message or 'fails'}"
            elif test.kind == "reproduces" and passed:
                wrong[test.name] = "it should fail before any fix, but passes"
        return wrong

    def doubts(self, suite: Suite, outcomes: dict[str, Outcome], key: str) -> dict[str, str]:
        """Reasons against tests that fail: a second look does not find the issue to be the reason."""
        failing = [test for test in suite.tests if not outcomes[test.name].passed]
        if not failing:
            return {}
        failures = "\n".join(f"- {test.name}: {outcomes[test.name].message[:400]}" for test in failing)
        told = {"issue": self._issue, "tests": suite.text, "failures": failures}
        messages = [
            {"role": "system", "content": render("designer", "system", {})},
            {"role": "user", "content": render("designer", "reasons", told)},
        ]
        grammar = lines_of((f"{test.name}: " for test in failing), '("YES" | "NO")')
        reply = self._bench.ask(key, messages, grammar=grammar).content
        said = {name.strip("`* "): verdict.upper() == "YES" for name, verdict in _VERDICT.findall(reply)}
        return {
            test.name: "a second look does not find the issue to be the reason for its failure"
            for test in failing
            if not any(yes and (name == test.name or _last(name) == _last(test.name)) for name, yes in said.items())
        }

    def _outcome(self, test: str, report: TestReport, path: str) -> Outcome:
        status = report.results[test]
        if status in ("passed", "xfail"):
            return Outcome(status == "passed", "" if status == "passed" else "is expected to fail")
        failure = next((failure for failure in report.failures if failure.id == test), Failure(test, ""))
        message = " ".join(failure.message.split())[:400] or status
        return Outcome(False, message, self._fault(failure, status, path))

    def _fault(self, failure: Failure, status: str, path: str) -> str:
        """Why a failure says nothing about the project, as far as can be told from it."""
        first = failure.message.strip().split("\n")[0][:200]
        # To unittest every other exception than a failed assertion is an error; to others errors are what keeps a test
        # from running.
        if status == "error" and self._plan.parser not in ("unittest", "django"):
            return f"it could not be run: {first or 'error'}"
        raised = _EXCEPTION.match(first)
        if raised is None or raised[1] == "AssertionError" or self._told_of(raised[1], first):
            return ""
        within = not failure.places or failure.places[-1].path == path
        return f"the test itself raises {first}" if raised[1] in _BROKEN or within else ""

    def _told_of(self, exception: str, message: str) -> bool:
        """Whether the issue names an exception, or what is missing according to it."""
        names = [exception, *_MISSING.findall(message)]
        return any(re.search(rf"\b{re.escape(name)}\b", self._issue) for name in names)


def named_tests(suite: Suite, outcomes: dict[str, Outcome]) -> tuple[DesignedTest, ...]:
    """The tests that a file turned out to have, with what their names claim."""
    own = {name: name.replace(suite.path, "").lower() for name in outcomes}
    return tuple(DesignedTest(name, "", "keeps" if "keeps" in own[name] else "reproduces") for name in outcomes)


def without_dropped(suite: Suite) -> str:
    """The text of a Python test file without the functions of its dropped tests; other files as they are."""
    if not suite.path.endswith(".py"):
        return suite.text
    gone = {_last(each.name) for each in suite.dropped} - {_last(test.name) for test in suite.tests}
    lines = suite.text.split("\n")
    found = [n for n in ast.walk(ast.parse(suite.text)) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in sorted(found, key=lambda node: -node.lineno):
        if node.name in gone:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            lines[first - 1 : node.end_lineno] = []
    return "\n".join(lines)


def _belongs(test: str, suite: Suite) -> bool:
    """Whether a reported test is one of the file: runners that run a whole package report others too."""
    if suite.path in test or PurePosixPath(suite.path).stem in re.split(r"\W+", test):
        return True
    return test in suite.text or re.search(rf"\b{re.escape(_last(test))}\b", suite.text) is not None


def _last(test: str) -> str:
    """The last part of a test's id, without parameters."""
    return re.split(r"::|[./:#] ?| > ", test.split("[")[0].split(" (")[0].rstrip(". "))[-1].strip()


def _shown(session: Session, example: str) -> str:
    if not example:
        return ""
    lines = session.read(example).decode("utf-8", "replace").splitlines()
    text = "\n".join([*lines[:_LINES], *(["..."] if len(lines) > _LINES else [])])
    return f"\nThis is how the project's tests look, `{example}`:\n\n```\n{text}\n```\n"
