"""Designing assertions about one Python function, for repositories that have no tests of their own."""

from __future__ import annotations

import ast
import re
import textwrap

from aci_tools.session import Session
from agent.documented import documentation
from agent.models import ChatMessage
from agent.modules import module_of
from agent.prompts import render
from agent.retrieval import Snippet, relevant_functions
from agent.strategies.bench import Bench
from agent.strategies.designer.cases import comparison, read_cases, run_cases
from agent.strategies.designer.grammar import lines_of
from agent.strategies.designer.suite import Outcome, Suite

_UNKNOWN = object()


class FunctionDesigner:
    """Basic, edge and large cases of the function that an issue is about.

    As in AgentCoder, the designer is given the requirement only: the issue, the function's first lines and its
    documentation, unless it has none. Code with a bug would tell it what the bug gives.

    Args:
        bench: What it works with.
        function: The function.
        documents: Its documentation.
    """

    def __init__(self, bench: Bench, function: Snippet, documents: list[str]) -> None:
        self._bench, self._function = bench, function
        self._called = function.name.rpartition(".")[2]
        self._issue = bench.task.problem_statement.strip()
        self._told = {
            "issue": self._issue,
            "name": function.name,
            "path": function.path,
            "code": function.source if not documents else _head(function, self._called),
            "documentation": "\n\n".join(documents),
            "call": f"{self._called}(...)",
            "count": bench.config.strategy.designed_tests,
        }

    @classmethod
    def of(cls, bench: Bench, session: Session) -> FunctionDesigner | None:
        """One for the function that matches the issue best, if any does."""
        for function in relevant_functions(session, bench.task.problem_statement, 1):
            texts = documentation(session, function)
            return cls(bench, function, texts or []) if texts is not None else None
        return None

    def question(self) -> list[ChatMessage]:
        """What the designer is asked."""
        return [
            {"role": "system", "content": render("designer", "system", {})},
            {"role": "user", "content": render("designer", "function", self._told)},
        ]

    def read(self, reply: str) -> Suite:
        """The tests of its answer."""
        path, most = self._function.path, self._bench.config.strategy.designed_tests
        tests, dropped = read_cases(reply, module_of(path), self._called, most)
        return Suite("cases", path, "", tuple(tests), tuple(dropped))

    def run(self, session: Session, suite: Suite, seed: int) -> dict[str, Outcome]:
        """How the tests end on the code as it is, by name."""
        sources = [test.source for test in suite.tests]
        outcomes = run_cases(session, suite.path, sources, self._issue, seed)
        return {test.name: outcome for test, outcome in zip(suite.tests, outcomes, strict=True)}

    def claims(self, suite: Suite, outcomes: dict[str, Outcome]) -> dict[str, str]:
        """Nothing is claimed about cases."""
        return {}

    def doubts(self, suite: Suite, outcomes: dict[str, Outcome], key: str) -> dict[str, str]:
        """Reasons against tests that fail: a second answer, asked for the values alone, gives others."""
        values = {}
        for test in suite.tests:
            compared = comparison(test.source) if not outcomes[test.name].passed else None
            if compared is not None and _value(compared.right) is not _UNKNOWN:
                values[test.name] = compared
        if not values:
            return {}
        calls = "\n".join(f"{compared.left} == ?" for compared in values.values())
        messages = [
            {"role": "system", "content": render("designer", "system", {})},
            {"role": "user", "content": render("designer", "values", {**self._told, "calls": calls})},
        ]
        grammar = lines_of((f"{compared.left} == " for compared in values.values()), "[^\\n]+")
        answers = _answers(self._bench.ask(key, messages, grammar=grammar).content)
        reasons = {}
        for name, compared in values.items():
            answer = answers.get(_plain(compared.left), "")
            if not answer:
                reasons[name] = "it fails, and no second answer confirms its value"
            elif _value(answer) != _value(compared.right):
                reasons[name] = f"it fails, and a second answer is {answer[:100]}"
        return reasons


def _head(function: Snippet, called: str) -> str:
    """The first lines of a function, up to where its code begins."""
    try:
        node = ast.parse(textwrap.dedent(function.source)).body[0]
    except SyntaxError:
        return f"def {called}(...)"
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        node.body = [ast.Expr(ast.Constant(...))]
        return ast.unparse(node)
    return f"def {called}(...)"


def _answers(reply: str) -> dict[str, str]:
    """The values of a reply with lines of the form ``call == value``, by call."""
    found: dict[str, str] = {}
    for line in reply.splitlines():
        text = re.sub(r"^\s*(?:[-*]|\d+[.)])?\s*(?:assert\s+)?", "", line).strip().strip("`")
        left, equal, right = text.partition(" == ")
        if equal and (plain := _plain(left)):
            found.setdefault(plain, right.partition("  #")[0].strip())
    return found


def _plain(source: str) -> str:
    """An expression as it is always written the same; "" for what is none."""
    try:
        return ast.unparse(ast.parse(source.strip().strip("`"), mode="eval"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _value(source: str) -> object:
    try:
        value = ast.literal_eval(source)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return _UNKNOWN
    return list(value) if isinstance(value, tuple) else value
