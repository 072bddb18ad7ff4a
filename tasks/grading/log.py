"""The log of an evaluation in the form that SWE-bench's own grading reads."""

from __future__ import annotations

import re
from pathlib import Path

from tasks.grading.commands import END, EXIT_CODE, START

_MARKS = (
    "Start Test Output",
    "End Test Output",
    "Test Exit Code",
    "Patch Apply Failed",
    "Reset Failed",
    "Tests Errored",
    "Tests Timed Out",
    "Applied Patch",
)
_MARK = re.compile(f">>>>> (?={'|'.join(_MARKS)})")


def defused(text: str) -> str:
    """Text in which no line of tested code can be taken for a mark of the harness."""
    return _MARK.sub(">>>>>_", text)


def official_log(before: str, output: str, exit_code: int | None, *, timed_out: float | None = None) -> str:
    """The log, marked as SWE-bench's scripts mark it.

    Args:
        before: What was printed before the tests.
        output: What the test command printed.
        exit_code: Its exit code.
        timed_out: Seconds after which it was stopped; ``None`` when it was not.
    """
    lines = [defused(before).rstrip("\n"), f"+ : '{START}'", defused(output).rstrip("\n")]
    if timed_out is not None:
        return "\n".join([*lines, "", "", f"Timeout error: {timed_out:g} seconds exceeded.", ""])
    return "\n".join([*lines, f"+ : '{END}'", f"{EXIT_CODE}: {exit_code}", ""])


def write_log(path: Path, text: str) -> None:
    """Write a log to a file; what is no Unicode becomes U+FFFD."""
    path.write_text(text, "utf-8", errors="replace")
