"""Rewards from tests, as published: RLTF's three granularities and RLEF's feedback turn by turn.

RLTF: Liu et al., "RLTF: Reinforcement Learning from Unit Test Feedback", TMLR 2023, arXiv:2307.04349; the figures and
the classes of errors are those of the authors' code (``datasets/utils.py`` and ``program_feedback.py`` of
github.com/Zyq-scut/RLTF). RLEF: Gehring et al., "RLEF: Grounding Code LLMs in Execution Feedback with Reinforcement
Learning", ICML 2025, arXiv:2410.02089. Both judge one program; here the program is the patch of an attempt.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from trajectories.verdicts import Verdict

Outcome = Literal["success", "failure", "error", "syntax_error"]
Scope = Literal["line", "global", "ignore"]

#: RLTF's coarse feedback.
COARSE: dict[Outcome, float] = {"success": 1.0, "failure": -0.3, "error": -0.6, "syntax_error": -1.0}
#: RLEF's rewards: all held-back tests pass at the end or not, and a turn without valid code.
RLEF_PASSED, RLEF_FAILED, RLEF_INVALID = 1.0, -1.0, -0.2

_SYNTAX = frozenset({"SyntaxError", "IndentationError", "TabError"})
#: Errors that are a test's own way to say that the result is wrong.
_ASSERTIONS = frozenset({"AssertionError", "Failed", "ComparisonFailure"})
#: Errors of the whole program: no line is to blame.
_GLOBAL = frozenset({"TimeoutError", "TimeoutException", "Timeout", "RecursionError", "MemoryError"})
#: A line of a report that names an exception: a traceback's last, or pytest's ``E`` lines.
_RAISED = re.compile(
    r"^(?:E\s{1,8})?(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Timeout|Failed|Failure|Interrupt|Exit)|Failed)"
    r"(?::[ ](.{0,300})|$)",
    re.ASCII,
)
_FRAME = re.compile(r'^\s*(?:E\s{1,8})?File "([^"\n]{1,500})", line (\d{1,9})')
#: Where pytest ends a part of a traceback: ``path.py:12: ValueError``.
_PLACE = re.compile(r"^([^\s:][^:\n]{0,500}\.py):(\d{1,9}): ?(\w*)$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Fault:
    """An exception that a tests' output shows.

    Attributes:
        kind: Its class.
        message: Its first line.
        places: File and line, the outermost first, as the output names them.
    """

    kind: str
    message: str
    places: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Added:
    """A line that a patch adds.

    Attributes:
        path: The file.
        line: Its number in the patched file.
        text: Itself.
    """

    path: str
    line: int
    text: str


@dataclass(frozen=True, slots=True)
class Fine:
    """RLTF's fine-grained feedback: what is to blame for an error.

    Attributes:
        kind: Class of the exception.
        message: Its first line.
        scope: ``line``: the lines named; ``global``: the whole patch; ``ignore``: none of it can be blamed.
        lines: Those lines of the patch.
    """

    kind: str
    message: str
    scope: Scope
    lines: tuple[Added, ...] = ()


def faults(log: str) -> list[Fault]:
    """The exceptions in a tests' output, in order, each kind, message and place once."""
    found: dict[Fault, None] = {}
    places: list[tuple[str, int]] = []
    raised: tuple[str, str] | None = None
    for line in log.splitlines():
        if "Traceback (most recent call last)" in line:
            places = []
        elif frame := _FRAME.match(line):
            places.append((frame[1], int(frame[2])))
        elif match := _RAISED.match(line):
            raised = (match[1], (match[2] or "").strip())
            if places:
                found[Fault(*raised, tuple(places))] = None
                places = []
        elif (place := _PLACE.match(line)) and raised is not None and place[3] in ("", raised[0]):
            found[Fault(*raised, ((place[1], int(place[2])),))] = None
    return list(found) or ([Fault(*raised, ())] if raised else [])


def outcome(verdict: Verdict) -> Outcome:
    """What RLTF's coarse feedback tells apart.

    A patch that does not apply is to a repository what a syntax error is to a program: nothing can be run. An empty
    patch leaves the tests failing. Of a log with several exceptions the worst counts: a syntax error, then any
    exception but a failed assertion.
    """
    if verdict.resolved:
        return "success"
    if verdict.status == "unappliable":
        return "syntax_error"
    if verdict.status == "timeout":
        return "error"
    if verdict.status == "empty_patch":
        return "failure"
    kinds = {fault.kind for fault in faults(verdict.output())}
    if kinds & _SYNTAX:
        return "syntax_error"
    return "error" if kinds - _ASSERTIONS else "failure"


def coarse(verdict: Verdict) -> float:
    """RLTF's coarse reward: 1 passed, -0.3 failed, -0.6 another error, -1 a syntax error."""
    return COARSE[outcome(verdict)]


def adaptive(verdict: Verdict) -> float:
    """RLTF's adaptive reward: ``-0.3 + 1.3 * passed / (passed + failed)`` where the code runs, else the coarse one.

    All tests that were to pass count, those that passed before included.
    """
    kind = outcome(verdict)
    total = len(verdict.passed) + len(verdict.failed)
    if kind != "failure" or not total:
        return COARSE[kind]
    return round(-0.3 + 1.3 * len(verdict.passed) / total, 6)


def fine(verdict: Verdict, patch: str) -> list[Fine]:
    """RLTF's fine-grained feedback: for each exception its class and the lines of the patch that it points at.

    Failed assertions point at nothing, as in the published code.
    """
    if verdict.resolved:
        return []
    lines = added(patch)
    by_place = {(line.path, line.line): line for line in lines}
    found: list[Fine] = []
    for fault in faults(verdict.output()):
        if fault.kind in _ASSERTIONS:
            found.append(Fine(fault.kind, fault.message, "ignore"))
        elif fault.kind in _GLOBAL:
            found.append(Fine(fault.kind, fault.message, "global"))
        else:
            # The innermost line of the patch, as the published code goes up from the end of the traceback.
            blamed = next((at for place in reversed(fault.places) if (at := _within(place, by_place))), None)
            scope: Scope = "line" if blamed else "ignore"
            found.append(Fine(fault.kind, fault.message, scope, (blamed,) if blamed else ()))
    if verdict.status == "timeout" and not found:
        found.append(Fine("Timeout", "the tests did not end in time", "global"))
    return found


def added(patch: str) -> list[Added]:
    """The lines that a unified diff adds."""
    found: list[Added] = []
    path, number, left = "", 0, [0, 0]
    for line in patch.split("\n"):
        if hunk := re.match(r"@@ -\d+(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", line):
            number = int(hunk[2])
            left = [int(hunk[1] or 1), int(hunk[3] or 1)]
        elif left[0] > 0 or left[1] > 0:
            sign = line[:1]
            if sign == "+":
                found.append(Added(path, number, line[1:]))
            if sign in ("+", " ", ""):
                number += 1
            left = [left[0] - (sign in ("-", " ", "")), left[1] - (sign in ("+", " ", ""))]
        elif line.startswith("+++ "):
            path = line[4:].split("\t")[0].strip().removeprefix("b/")
    return found


def _within(place: tuple[str, int], lines: dict[tuple[str, int], Added]) -> Added | None:
    path, number = place
    for (name, line), found in lines.items():
        if line == number and (path == name or path.endswith(f"/{name}")):
            return found
    return None
