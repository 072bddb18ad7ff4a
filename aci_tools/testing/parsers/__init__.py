"""Readers of what test runners print: one function each, from the output of a run to an outcome for every test."""

from __future__ import annotations

import re

from aci_tools.testing.parsers import cargo, ctest, go, javascript, junit, phpunit, pytest, rspec, tap, unittest
from aci_tools.testing.parsers.base import Parsed, Parser, RunOutput
from aci_tools.testing.plan import ParserName

__all__ = ["Parsed", "RunOutput", "parse"]

_PARSERS: dict[ParserName, Parser] = {
    "pytest": pytest.parse,
    "unittest": unittest.parse,
    "django": unittest.parse,
    "jest": javascript.parse_jest,
    "mocha": javascript.parse_mocha,
    "tap": tap.parse,
    "go": go.parse,
    "cargo": cargo.parse,
    "maven": junit.parse,
    "gradle": junit.parse,
    "rspec": rspec.parse,
    "phpunit": phpunit.parse,
    "ctest": ctest.parse,
}
_SIGNS: tuple[tuple[re.Pattern[str], Parser], ...] = (
    (re.compile(r"^=+ .*\b(?:passed|failed|errors?|no tests ran)\b.* in [\d.]+ ?s", re.M), pytest.parse),
    (re.compile(r"^TAP version 1[34]$", re.M), tap.parse),
    (re.compile(r"^test result: (?:ok|FAILED)\. ", re.M), cargo.parse),
    (re.compile(r'^\{"Time":.*"Action":"', re.M), go.parse),
    (re.compile(r"^Ran \d+ tests? in [\d.]+s$", re.M), unittest.parse),
    (re.compile(r"^\d+% tests passed, \d+ tests? failed out of \d+$", re.M), ctest.parse),
)


def parse(name: ParserName, output: RunOutput) -> Parsed:
    """Read a run.

    Args:
        name: The parser; ``"auto"`` recognises the runner by its output, for commands such as ``make test``.
        output: What the run left behind.

    Returns:
        What was found; without any result when nothing in the output is known, so that only the exit code tells, and
        unfinished where the report is not as the runner writes it: code under test can reach it.
    """
    try:
        return _parse(name, output)
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        if not output.artefact:
            raise
        return Parsed(finished=False, notes=["The report of the run is not in the runner's form."])


def _parse(name: ParserName, output: RunOutput) -> Parsed:
    if name != "auto":
        return _PARSERS[name](output)
    if output.artefact:
        return pytest.parse(output)
    for sign, parser in _SIGNS:
        if sign.search(output.text):
            return parser(output)
    return Parsed(finished=output.exit_code is not None)
