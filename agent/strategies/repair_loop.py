"""Repair by runtime values, after LDB (Zhong, Wang and Shang, "Debug like a Human", 2024)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from aci_tools.session import Session
from aci_tools.tools.base import NOT_FOUND, ToolError
from agent.modules import module_of
from agent.prompts import render
from agent.strategies.base import Brief, Candidate, Solver
from agent.strategies.bench import Bench
from agent.strategies.designer import DesignedEvaluator
from agent.strategies.evaluation import Check
from agent.strategies.reflection import change_of, cut, in_words
from agent.strategies.reflexion import failed

if TYPE_CHECKING:
    from aci_tools.tracing import Subject

_ISSUE, _TRACE = 4000, 4000
#: Gives statements the names of a module, as designed cases take them for granted.
_NAMES = 'globals().update(vars(__import__("importlib").import_module({!r})))'
#: Failing checks that are tried until one of them can be traced.
_TRIED = 3


class RepairLoop:
    """Trials one after the other, each shown what the code of the one before did when it ran.

    After a failed evaluation a failing check is run under tracing. The model sees the basic blocks of the function that
    it points at, with the values around each, and says in words which one goes wrong and why. The next trial goes on
    from the best change so far (or begins anew, as configured) and is told both. It ends when an evaluation passes, or
    nothing speaks against a submitted change, or the rounds or the budget are used up.
    """

    name: ClassVar[str] = "repair-loop"

    def solve(self, bench: Bench, brief: Brief, inner: Solver) -> Candidate:
        """See :class:`~agent.strategies.base.Strategy`."""
        settings = bench.config.strategy
        trials = settings.rounds + 1
        best: Candidate | None = None
        for number in range(1, trials + 1):
            part = brief.round(number, trials, settings.first_share)
            if best is not None:
                part = part.with_remark(_remark(bench, part.name, best))
                if settings.repair_from == "change":
                    part = replace(part, initial_patch=best.patch)
            candidate = bench.evaluate(inner(bench, part))
            # Of equals the latest goes on, so that a trace is not of the same code again.
            if best is None or candidate.rank >= best.rank:
                best = candidate
            if not failed(candidate):
                break
            brief = brief.without(candidate.patch)
        assert best is not None  # there is at least one trial
        return best


def _remark(bench: Bench, name: str, candidate: Candidate) -> str:
    """What the next trial is told about a candidate that failed; empty text where nothing of it could be traced."""
    seen = bench.once(f"trace/{name}", lambda: _trace(bench, candidate))
    if not seen.get("text"):
        return ""
    question = render(
        "repair",
        "task",
        {
            "issue": cut(bench.task.problem_statement.strip(), _ISSUE),
            "change": f"{change_of(candidate)}\n" if candidate.patch else "",
            "failure": seen["failure"],
            "trace": cut(seen["text"], _TRACE),
        },
    )
    messages = [
        {"role": "system", "content": render("repair", "system", {})},
        {"role": "user", "content": question},
    ]
    diagnosis = in_words(bench.ask(f"diagnosis/{name}", messages, before=1).content)
    kept = bench.config.strategy.repair_from == "change"
    which = "The code" if not candidate.patch else "The change made so far" if kept else "The latest change"
    told = f"{which} is not right yet: {seen['failure']}\n\nWhat it did when it ran:\n\n{cut(seen['text'], _TRACE)}"
    return f"{told}\n\nWhat goes wrong: {diagnosis}" if diagnosis else told


def _trace(bench: Bench, candidate: Candidate) -> dict[str, Any]:
    """The trace of the first failing check that can be traced, as JSON.

    Raises:
        AttemptOver: Nothing is left of the budget, so that nobody could read it.
    """
    from aci_tools.tracing import trace

    bench.budget.check()
    checks = candidate.evaluation.failed if candidate.evaluation is not None else ()
    why = "nothing that fails is known"
    # A change is checked by the bench. Where there is none, the issue's examples tell what fails.
    for check in checks[:_TRIED] if candidate.patch else [None]:
        with bench.at(candidate.patch) as session:
            check = check or _wrong_at_base(session)
            if check is None:
                break
            try:
                found = trace(session, _subject(bench, check, session))
            except ToolError as error:
                why = error.text
                continue
        failure = f"{check.name} {check.message}".strip()
        return {"check": check.name, "failure": failure, "text": found.text, "trace": found.data}
    return {"text": "", "why": why}


def _wrong_at_base(session: Session) -> Check | None:
    judged = session.examples.judge(session.examples.before) if session.examples.before else []
    wrong = next((one for one in judged if not one.right), None)
    if wrong is None:
        return None
    return Check("examples", wrong.example.source, False, f"gives {wrong.output}, {wrong.wanted}")


def _subject(bench: Bench, check: Check, session: Session) -> Subject:
    """How a check is run: statements with those that they build on, anything else as a test.

    Raises:
        ToolError: It must not be shown.
    """
    from aci_tools.tracing import Subject

    if check.kind == "designed":
        return _designed(bench, check, session)
    if check.kind != "examples":
        return Subject(test=check.name)
    sources = [example.source for example in session.examples.examples]
    before = sources[: sources.index(check.name)] if check.name in sources else []
    return Subject(call="\n".join([*before, check.name]))


def _designed(bench: Bench, check: Check, session: Session) -> Subject:
    """How a designed test is run, which is no part of the repository."""
    from aci_tools.tracing import Subject

    suites = [evaluator.suite for evaluator in bench.evaluators if isinstance(evaluator, DesignedEvaluator)]
    for suite in suites:
        for test in suite.tests:
            if test.name != check.name:
                continue
            if suite.form == "cases":
                return Subject(call=f"{_NAMES.format(module_of(suite.path))}\n{test.source}")
            session.sandbox.write(f"{session.root}/{suite.path}", suite.text.encode())
            return Subject(test=test.name)
    raise ToolError("designed tests are not shown", NOT_FOUND)
