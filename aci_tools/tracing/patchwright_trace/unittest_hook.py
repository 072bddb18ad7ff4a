"""Has unittest's tests traced; Django's runner is built on the same classes."""

import unittest
import unittest.case
import unittest.result
from typing import Any

from .tracing import from_environment


def install() -> None:
    """Watch every test that runs in this process."""
    asked = from_environment()
    if not asked:
        return
    tracing = asked[0]
    run = unittest.TestCase.run

    def traced(case: Any, result: Any = None) -> Any:
        tracing.begin(case.id())
        try:
            return run(case, result)
        finally:
            tracing.end()

    def noting(original: Any) -> Any:
        def note(result: Any, *arguments: Any) -> None:
            outcome = arguments[-1]  # `None` for a subtest that passed
            if outcome is not None and tracing.end(outcome[1]):
                result.stop()
            original(result, *arguments)

        return note

    setattr(unittest.TestCase, "run", traced)  # noqa: B010  # a type checker would compare the signatures
    for name in ("addFailure", "addError", "addSubTest"):
        setattr(unittest.result.TestResult, name, noting(getattr(unittest.result.TestResult, name)))
