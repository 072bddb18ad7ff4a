"""JavaScript: the JSON reports of Jest, Vitest and Mocha."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

from aci_tools.output import clean
from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.report import FAILING, Failure, Place, Status

_FRAME = re.compile(r"^\s*(?:at )?(?:.*?\()?(?:file://)?(/[^():]+):(\d+):\d+\)?$")
_JEST: dict[str, Status] = {"passed": "passed", "failed": "failed", "pending": "skipped", "todo": "skipped"}


def parse_jest(output: RunOutput) -> Parsed:
    """Read the report of Jest, or Vitest's in the same form."""
    report = _load(output)
    if report is None:
        return Parsed(finished=False)
    parsed = Parsed()
    for suite in report.get("testResults", []):
        path = _relative(suite.get("name", ""), output)
        tests = suite.get("assertionResults", [])
        for test in tests:
            titles = [title for title in test.get("ancestorTitles", []) if title]  # Vitest 1 begins with ""
            name = " > ".join([path, *titles, test.get("title", "")])
            status = _JEST.get(test.get("status", ""), "skipped")
            if parsed.results.get(name) not in FAILING:
                parsed.results[name] = status
            if status == "failed":
                parsed.failures.append(_jest_failure(name, suite, test, output))
        if not tests and suite.get("status") == "failed":
            parsed.results[path] = "error"
            parsed.failures.append(failure(path, suite.get("message", ""), output))
    return parsed


def _jest_failure(name: str, suite: dict[str, Any], test: dict[str, Any], output: RunOutput) -> Failure:
    found = failure(name, "\n".join(test.get("failureMessages") or []), output)
    line = (test.get("location") or {}).get("line", 0)
    place = output.place(suite.get("name", ""), line) if line else None
    return replace(found, places=(place,)) if place and not found.places else found


def parse_mocha(output: RunOutput) -> Parsed:
    """Read the report of Mocha's ``json`` reporter."""
    report = _load(output)
    if report is None:
        return Parsed(finished=False)
    parsed = Parsed()
    failed = {_mocha_name(test, output) for test in report.get("failures", [])}
    skipped = {_mocha_name(test, output) for test in report.get("pending", [])}
    for test in report.get("tests", []):
        name = _mocha_name(test, output)
        parsed.results[name] = "failed" if name in failed else "skipped" if name in skipped else "passed"
    for test in report.get("failures", []):
        name = _mocha_name(test, output)
        parsed.results.setdefault(name, "error")  # a hook
        error = test.get("err", {})
        parsed.failures.append(failure(name, error.get("stack") or error.get("message") or "", output))
    return parsed


def failure(name: str, text: str, output: RunOutput) -> Failure:
    """Part an error's text into its message and the frames of its stack, which are innermost first."""
    message: list[str] = []
    places: list[Place | None] = []
    for line in clean(text.encode("utf-8", "replace")).splitlines():
        if frame := _FRAME.match(line):
            places.insert(0, output.place(frame[1], int(frame[2])))
        elif not places and not line.strip().startswith("at "):
            message.append(line)
    return Failure(name, "\n".join(message).strip(), ends(places))


def _mocha_name(test: dict[str, Any], output: RunOutput) -> str:
    return f"{_relative(test.get('file') or '', output)} > {test.get('fullTitle', '')}".removeprefix(" > ")


def _relative(path: str, output: RunOutput) -> str:
    place = output.place(path) if path else None
    return place.path if place else path


def _load(output: RunOutput) -> dict[str, Any] | None:
    try:
        report = json.loads(output.artefact)
    except ValueError:
        return None
    return report if isinstance(report, dict) else None
