"""Tracing the function that a failure points at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aci_tools.tools.base import NOT_FOUND, ToolError
from aci_tools.tracing.show import show_trace
from aci_tools.tracing.watch import Seen, Subject, plan_for, watch

if TYPE_CHECKING:
    from aci_tools.session import Session

#: Seconds that the test may run before it is ended and what was seen until then is shown.
DEADLINE = 10.0
_NAMED = 8
_NOISE = re.compile(r"Use -v to get (?:more|the full) diff$|\.\.\.Full output truncated")


@dataclass(frozen=True, slots=True)
class Trace:
    """What a function did while a test ran.

    Attributes:
        subject: The test's name, or the statements.
        ended: ``"failed"``, ``"passed"`` or ``"deadline"``.
        message: The exception that it failed with, or "".
        path: The function's file.
        function: The function's qualified name.
        recorded: The function's blocks and their executions, as ``patchwright_trace/recorder.py`` reports them.
        others: Other functions of the project that were called.
        result: What the last statement gave, as text.
    """

    subject: str
    ended: str
    message: str
    path: str
    function: str
    recorded: Mapping[str, Any] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    result: str = ""

    @property
    def text(self) -> str:
        """What a model reads."""
        return show_trace(self)

    @property
    def data(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "subject": self.subject,
            "ended": self.ended,
            "message": self.message,
            "path": self.path,
            "function": self.function,
            "result": self.result,
            **self.recorded,
        }


def trace(session: Session, subject: Subject, function: str = "", *, deadline: float = DEADLINE) -> Trace:
    """Run a subject twice: to see where it fails, then to record the function at fault.

    Args:
        session: Where; the files are left as they are.
        subject: A test or statements; with neither, the first failing test of the project.
        function: The function to record, as ``name``, ``Class.name``, ``path.py::name`` or ``module.name``. Without it:
            the innermost function of the project on the failure's stack, tests not counted; if the test itself failed,
            the function that it called last.
        deadline: Seconds for each of the two runs.

    Raises:
        ToolError: It cannot be run or traced, it calls no function of the project, or not the one asked for.
        SandboxError: The sandbox is lost for good.
    """
    plan = plan_for(session, subject)
    scouted = watch(session, plan, subject, None, deadline)
    if not scouted.report:
        raise ToolError(_why_nothing(subject, scouted), NOT_FOUND)
    if not subject.call:
        if scouted.report["ended"] == "passed" and not function:
            raise ToolError("No test fails. Give a failing one, or the statements that go wrong as `call`.", NOT_FOUND)
        subject = Subject(test=scouted.report["subject"])
    path, name = _asked_for(function, scouted.report) if function else _suspect(scouted.report)
    seen = watch(session, plan, subject, (path, name), deadline)
    if not seen.report or not (recorded := seen.report["trace"]):
        raise ToolError(f"{name} ({path}) could not be traced: the second run of the same did not call it.", NOT_FOUND)
    report = seen.report
    return Trace(
        subject=subject.statements.strip() if subject.call else report["subject"],
        ended=report["ended"],
        message=_message(report),
        path=path,
        function=name,
        recorded=recorded,
        others=tuple(n for p, n, test in report["called"] if not test and (p, n) != (path, name))[:_NAMED],
        result=report["result"],
    )


def _asked_for(function: str, report: Mapping[str, Any]) -> tuple[str, str]:
    """The one called function that a name means."""
    wanted = (
        function.strip().removesuffix("()").replace("::", ".").replace(".py", "").replace("/", ".").replace(":", ".")
    )
    called = [(path, name) for path, name, _ in report["called"]]
    found = [
        (path, name)
        for path, name in called
        if f".{path.removesuffix('.py').replace('/', '.')}.{name}".endswith(f".{wanted}")
    ]
    exact = [(path, name) for path, name in found if name == wanted]
    if len(exact) == 1:
        return exact[0]
    if len(found) == 1:
        return found[0]
    if found:
        raise ToolError(f"{function} may be any of {_named(found)}. Say which one.", NOT_FOUND)
    said = f"It calls {_named(called)}." if called else "It calls no function of the project."
    raise ToolError(f"{function} was not called.{_failure(report)} {said}", NOT_FOUND)


def _suspect(report: Mapping[str, Any]) -> tuple[str, str]:
    stack = (report["failure"] or {}).get("stack", ())
    for place in reversed(stack):
        if place["function"] and not place["test"]:
            return place["path"], place["function"]
    if report["entered"]:
        path, name = report["entered"]
        return path, name
    raise ToolError(f"No function of the project was called.{_failure(report)}", NOT_FOUND)


def _failure(report: Mapping[str, Any]) -> str:
    message = _message(report)
    if not message:
        return ""
    hint = ""
    if report["subject"] == "<call>" and report["failure"]["type"] == "NameError":
        hint = " Have `call` import what it uses, as in `from module import name; name(1)`."
    return f" It failed with {message}.{hint}"


def _message(report: Mapping[str, Any]) -> str:
    failure = report["failure"]
    if report["ended"] != "failed":
        return ""
    said = "\n".join(
        line for line in failure["message"].splitlines() if line.strip() and not _NOISE.match(line.strip())
    )
    return f"{failure['type']}: {said}".removesuffix(": ")


def _why_nothing(subject: Subject, seen: Seen) -> str:
    """What to say when nothing was written down."""
    run = seen.run
    what = "The call" if subject.call else f"`{run.command}`"
    if run.timed_out:
        return f"{what} was stopped at its deadline, and nothing could be recorded."
    said = run.failures[0].message if run.failures else "\n".join(run.tail.strip().splitlines()[-8:])
    why = "it ended the interpreter" if subject.call else "it ran no such test"
    return f"{what} could not be traced: {why}." + (f" It says:\n{said}" if said else "")


def _named(functions: Sequence[tuple[str, str]]) -> str:
    shown = [f"{path}::{name}" for path, name in functions[:_NAMED]]
    return ", ".join(shown) + (f" and {len(functions) - _NAMED} more" if len(functions) > _NAMED else "")
