"""Having tests designed, and validating them on the base commit by running them."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from aci_tools.session import Session
from agent.models import ChatMessage
from agent.strategies.bench import Bench
from agent.strategies.designer.functions import FunctionDesigner
from agent.strategies.designer.repository import RepositoryDesigner, named_tests, without_dropped
from agent.strategies.designer.suite import Outcome, Suite

#: Runs on the base commit in which a test has to end the same way.
RUNS = 3
KEY = "designed-tests"


class Designer(Protocol):
    """A way of asking for tests, and of running them."""

    def question(self) -> list[ChatMessage]:
        """What the model is asked."""

    def read(self, reply: str) -> Suite:
        """The tests of its answer, and what of it is no test."""

    def run(self, session: Session, suite: Suite, seed: int) -> dict[str, Outcome]:
        """How the tests end on the code as it is, by name."""

    def claims(self, suite: Suite, outcomes: dict[str, Outcome]) -> dict[str, str]:
        """Reasons against tests that do not end on the base as claimed, by name."""

    def doubts(self, suite: Suite, outcomes: dict[str, Outcome], key: str) -> dict[str, str]:
        """Reasons against tests that fail on the base, from a second question to the model, by name."""


def designer_for(bench: Bench) -> Designer | None:
    """Who designs tests here: a test file for a project that has a test runner, else cases of a Python function."""
    with bench.at() as session:
        return RepositoryDesigner.of(bench, session) or FunctionDesigner.of(bench, session)


def design(bench: Bench, designer: Designer | None) -> Suite:
    """The designed tests of an attempt, validated; recorded as ``designed-tests``.

    Where none of them fails on the base commit, the model is told why its tests were dropped and asked again, at most
    ``strategy.design_rounds`` times in all.

    Args:
        bench: What it works with.
        designer: Who designs them; ``None``: nobody can.

    Raises:
        AttemptOver: Nothing is left of the budget.
    """
    best = Suite()
    if designer is None:
        return Suite.of(bench.once(KEY, best.as_data))
    messages = designer.question()
    for number in range(1, bench.config.strategy.design_rounds + 1):
        reply = bench.ask(f"design/{number}", messages)
        found = validated(bench, designer, designer.read(reply.content), number)
        if number == 1 or (found.reproduces, len(found.tests)) > (best.reproduces, len(best.tests)):
            best = replace(found, dropped=(*best.dropped, *found.dropped))
        else:
            best = replace(best, dropped=(*best.dropped, *found.dropped))
        if best.reproduces or not reply.content:
            break
        messages = [*messages, {"role": "assistant", "content": reply.content}, _again(found)]
    return Suite.of(bench.once(KEY, best.as_data))


def validated(bench: Bench, designer: Designer, suite: Suite, number: int) -> Suite:
    """The suite with the tests that are of use; what was found is recorded as ``validated/N``.

    A test is of use if it runs, ends the same way in three runs on the base commit and as its name claims, and, where
    it fails there, does so by what the code does and not by a fault of its own, and as a second answer of the model
    would have it (``strategy.confirm_tests``).
    """
    ran = Suite.of(bench.once(f"validated/{number}", lambda: _run(bench, designer, suite).as_data()))
    if not ran.reproduces or not bench.config.strategy.confirm_tests:
        return ran
    outcomes = {test.name: Outcome(not test.fails_on_base, test.failure) for test in ran.tests}
    return ran.without(designer.doubts(ran, outcomes, f"confirm/{number}"))


def _run(bench: Bench, designer: Designer, suite: Suite) -> Suite:
    if not suite.tests and not suite.text:
        return suite
    runs: list[dict[str, Outcome]] = []
    with bench.at() as session:
        for seed in range(RUNS):
            runs.append(designer.run(session, suite, seed))
            if seed == 0 and suite.form == "file":
                suite = replace(suite, tests=named_tests(suite, runs[0]))
            if not suite.tests:
                return suite
    first = runs[0]
    reasons = {name: outcome.fault for name, outcome in first.items() if outcome.fault}
    for name, outcome in first.items():
        if any(name not in run or run[name].passed != outcome.passed for run in runs):
            reasons[name] = f"it does not end the same way in {RUNS} runs"
    suite = suite.without({**designer.claims(suite, first), **reasons})
    tests = tuple(
        replace(test, fails_on_base=not first[test.name].passed, failure=first[test.name].message)
        for test in suite.tests
    )
    return replace(suite, tests=tests)


def _again(found: Suite) -> ChatMessage:
    reasons = "\n".join(f"- {each.name}: {each.reason}" for each in found.dropped) or "- no test was found in the reply"
    kept = "".join(f"- {test.name}\n" for test in found.tests)
    passes = f"\n\nThese pass before any fix, so they do not show the issue:\n\n{kept}" if kept else ""
    return {
        "role": "user",
        "content": f"These tests are of no use:\n\n{reasons}{passes}\n\n"
        "Write the tests once more, in the same form. At least one must fail because of the issue.",
    }


def told(suite: Suite) -> str:
    """The tests that count, for a programmer's prompt; "" when there are none."""
    if not suite.tests:
        return ""
    body = without_dropped(suite) if suite.form == "file" else "\n".join(test.source for test in suite.tests)
    names = (
        f" Of this file, these count: {', '.join(test.name for test in suite.tests)}." if suite.form == "file" else ""
    )
    return (
        "Tests that were derived from the issue, before any fix. They are not part of the repository and not "
        f"certainly right.{names}\n\n```\n{body.strip()}\n```"
    )
