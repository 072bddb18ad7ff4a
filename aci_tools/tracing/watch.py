"""Running a test or a few statements under tracing in a sandbox, and reading what was seen."""

from __future__ import annotations

import ast
import doctest
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aci_tools.testing.detect import find_plan, look, missing
from aci_tools.testing.plan import TestPlan
from aci_tools.testing.report import TestReport
from aci_tools.testing.run import Companion, run_plan, scratch_file
from aci_tools.tools.base import BAD_ARGUMENT, NOT_FOUND, ToolError

if TYPE_CHECKING:
    from aci_tools.session import Session

_PACKAGE = Path(__file__).with_name("patchwright_trace")
# Python imports the first `sitecustomize` on its path; one that the environment brings itself is imported after it.
_AT_START = b"""\
import os, sys
here = os.path.dirname(os.path.abspath(__file__))
from patchwright_trace import unittest_hook
unittest_hook.install()
kept, sys.path[:] = list(sys.path), [entry for entry in sys.path if os.path.abspath(entry) != here]
del sys.modules["sitecustomize"]
try:
    import sitecustomize
except ImportError:
    pass
finally:
    sys.path[:] = kept
"""
#: Seconds that a run may take beyond its deadline: starting, collecting, writing down.
_MARGIN = 60.0


@dataclass(frozen=True, slots=True)
class Subject:
    """What is run: a test, or statements.

    Attributes:
        test: The test, as the project's runner names it; when that is several, the first that fails is looked at.
        call: Python statements, also as an interactive session with ``>>>``. With neither, all tests are run.
    """

    test: str = ""
    call: str = ""

    @property
    def statements(self) -> str:
        """The statements without prompts and outputs.

        Raises:
            ToolError: They are no Python.
        """
        source = self.call
        if any(line.lstrip().startswith(">>>") for line in source.splitlines()):
            try:
                source = "".join(e.source for e in doctest.DocTestParser().get_examples(source))
            except ValueError as error:
                raise ToolError(f"The session in `call` cannot be read: {error}.", BAD_ARGUMENT) from None
        try:
            ast.parse(source)
        except (SyntaxError, ValueError) as error:
            raise ToolError(f"`call` is not Python: {error}.", BAD_ARGUMENT) from None
        return source


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen.

    Attributes:
        report: What the tracer wrote down (see ``patchwright_trace/tracing.py``); empty when it could not.
        run: The outcome of the command.
    """

    report: Mapping[str, Any]
    run: TestReport


def plan_for(session: Session, subject: Subject) -> TestPlan:
    """How a subject is run.

    Raises:
        ToolError: No way is known to run it, or it cannot be traced.
        SandboxError: The sandbox is lost for good.
    """
    return _plan_of_call(session) if subject.call else _plan_of_test(session)


def watch(
    session: Session, plan: TestPlan, subject: Subject, function: tuple[str, str] | None, deadline: float
) -> Seen:
    """Run the subject once.

    Args:
        session: Where.
        plan: How, from :func:`plan_for`.
        subject: What.
        function: Path and qualified name of the function whose blocks are recorded; ``None`` records none.
        deadline: Seconds for the test or the statements.

    Raises:
        ToolError: The statements are no Python.
        SandboxError: The sandbox is lost for good.
    """
    wanted: dict[str, Any] = {"root": session.root, "deadline": deadline, "function": function}
    files = {f"{_PACKAGE.name}/{file.name}": file.read_bytes() for file in sorted(_PACKAGE.glob("*.py"))}
    plugin = ""
    if subject.call:
        wanted["call"] = subject.statements
    elif plan.parser == "pytest":
        plugin = f"{_PACKAGE.name}.pytest_plugin"
    else:
        files["sitecustomize.py"] = _AT_START
    env = {"PATCHWRIGHT_TRACE": json.dumps(wanted)}
    companion = Companion(files, env, plugin)
    whole = session.settings.test_timeout
    timeout = deadline + min(_MARGIN, whole) if subject.call or subject.test else whole
    done = run_plan(session.sandbox, plan, "" if subject.call else subject.test, timeout, companion)
    written = scratch_file(session.sandbox, "trace.json")
    return Seen(json.loads(written) if written else {}, done)


def _plan_of_test(session: Session) -> TestPlan:
    plan = session.test_plan = session.test_plan or find_plan(session)
    if plan is None:
        raise ToolError(missing(session), NOT_FOUND)
    if plan.parser not in ("pytest", "unittest", "django"):
        raise ToolError(
            f"`{plan.command}` cannot be traced: only tests of pytest, unittest and Django can. "
            "For Python code, give the failing statements instead, as `call`.",
            NOT_FOUND,
        )
    return plan


def _plan_of_call(session: Session) -> TestPlan:
    facts = look(session)
    if not facts.python:
        raise ToolError("There is no Python in this sandbox, and trace works for Python only.", NOT_FOUND)
    path = 'PYTHONPATH="$PWD/src${PYTHONPATH:+:$PYTHONPATH}" ' if facts.needs_src else ""
    return TestPlan(f"{path}{facts.python} -m {_PACKAGE.name}", "auto", session.root, "statements")
