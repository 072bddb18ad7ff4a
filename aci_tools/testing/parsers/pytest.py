"""pytest: from the plugin's records; from the text where the plugin did not get through."""

from __future__ import annotations

import json
import re
from typing import Any

from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.parsers.traceback import read_short_traceback, read_traceback
from aci_tools.testing.report import Failure, Place, Status

_SUMMARY = re.compile(r"^=* ?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+ ?s", re.M)
_WORDS: dict[str, Status] = {
    "failed": "failed",
    "passed": "passed",
    "skipped": "skipped",
    "error": "error",
    "errors": "error",
    "xfailed": "xfail",
    "xpassed": "passed",
}
_LISTED = re.compile(r"^(PASSED|FAILED|ERROR|XFAIL|XPASS) (\S+?(?:\[.*?\])?)(?: - (.*))?$", re.M)
_LISTED_AS: dict[str, Status] = {
    "PASSED": "passed",
    "FAILED": "failed",
    "ERROR": "error",
    "XFAIL": "xfail",
    "XPASS": "passed",
}
_SECTION = re.compile(r"^_{2,} (?:ERROR (?:collecting|at \w+ of) )?(\S.*?) _{2,}$", re.M)
_CONFTEST = re.compile(r"^(?:E +)?ImportError while loading conftest '(.+?)'\.$", re.M)
_FATAL = re.compile(r"Fatal Python error: .*")
_FATAL_FRAME = re.compile(r'^  File "(.+?)", line (\d+) in ', re.M)
_USAGE = re.compile(
    r"^(?:ERROR: |\S+: error: )((?:not found: |file or directory not found: |unrecognized arguments: ).*)$", re.M
)


def parse(output: RunOutput) -> Parsed:
    """Read a run of pytest."""
    parsed = from_records(output) if output.artefact else from_text(output)
    if parsed.running and (death := _FATAL.search(output.text)):
        frames = _FATAL_FRAME.findall(output.text, death.end())  # the innermost comes first
        places = ends(output.place(path, int(line)) for path, line in reversed(frames))
        parsed.failures.append(Failure(parsed.running, death[0], places))
    if not parsed.results and output.exit_code:
        parsed.failures += _before_collection(output)
        for failure in parsed.failures:
            parsed.results[failure.id] = "error"
    if not parsed.results:
        parsed.notes += [f"pytest says: {found[1]}" for found in _USAGE.finditer(output.text)][:3]
    return parsed


def from_records(output: RunOutput) -> Parsed:
    """Read what the plugin wrote, up to a line that may be torn."""
    parsed = Parsed(finished=False)
    for line in output.artefact.splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            break
        if "start" in record:
            parsed.running = record["start"]
        elif "id" in record:
            _take(record, parsed, output)
        elif "end" in record:
            parsed.running, parsed.finished = "", True
    return parsed


def from_text(output: RunOutput) -> Parsed:
    """Read the short summary and the totals; tests that passed are known by number only."""
    parsed = Parsed(finished=False)
    pieces = _SECTION.split(output.text)
    sections = {name.replace(".", "::"): body for name, body in zip(pieces[1::2], pieces[2::2], strict=True)}
    for word, test, message in _LISTED.findall(output.text):
        parsed.results[test] = _LISTED_AS[word]
        if word in ("FAILED", "ERROR"):
            section = sections.get(test.partition("::")[2].replace(".", "::")) or sections.get(test.replace(".", "::"))
            full, places = read_short_traceback(section, output) if section else (message, ())
            parsed.failures.append(Failure(test, full, places))
    if totals := _SUMMARY.findall(output.text):
        numbers = [part.split() for part in totals[-1].split(", ")]
        counts: dict[Status, int] = {}
        for number, word in numbers:
            if word in _WORDS:
                counts[_WORDS[word]] = counts.get(_WORDS[word], 0) + int(number)
        passed = [test for test, status in parsed.results.items() if status == "passed"]
        if passed:  # pytest counts a test whose teardown failed twice
            counts["passed"] = len(passed)
        parsed.counts, parsed.finished = counts, True
    return parsed


def _take(record: dict[str, Any], parsed: Parsed, output: RunOutput) -> None:
    test = record["id"] or "collection"
    status = _status(record)
    if status is None:
        return
    if record["when"] != "collect" and test == parsed.running and record["when"] != "teardown":
        parsed.running = ""
    if parsed.results.get(test) not in ("failed", "error"):
        parsed.results[test] = status
    if "message" in record and not re.fullmatch(r"contains \d+ failed subtests?", record["message"]):
        parsed.failures.append(_failure(test, record, output))


def _status(record: dict[str, Any]) -> Status | None:
    outcome, when = record["outcome"], record["when"]
    if outcome == "failed":
        return "failed" if when == "call" else "error"
    if record.get("xfail"):
        return "xfail" if outcome == "skipped" else "passed"
    return {"passed": "passed", "skipped": "skipped"}.get(outcome)  # type: ignore[return-value]


def _failure(test: str, record: dict[str, Any], output: RunOutput) -> Failure:
    message: str = record["message"]
    raw = record["places"]
    places = ends(output.place(path, line, source) for path, line, source in raw)
    if record["when"] == "collect" and record.get("text"):
        message, places = read_short_traceback(message, output)
        places = places or tuple(p for p in [output.place(test)] if p)
    elif record["when"] in ("setup", "teardown"):
        message = f"in {record['when']}: {message}"
    elif not places and raw:
        places = (Place(raw[-1][0], raw[-1][1], raw[-1][2]),)
    for said, (path, line, _) in reversed(record.get("causes", ())):
        place = output.place(path, line)
        message += f"\ncaused by {said.splitlines()[0]}" + (f" ({place})" if place else "")
    return Failure(test, message, places)


def _before_collection(output: RunOutput) -> list[Failure]:
    """What ends pytest before it writes any record: a conftest.py that cannot be imported, ``sys.exit`` in a module."""
    if internal := re.findall(r"^INTERNALERROR> ?(.*)$", output.text, re.M):
        message, places = read_traceback("\n".join(internal), output)
        return [Failure(places[0].path if places else "pytest", message, places)]
    found = _CONFTEST.search(output.text)
    if found is None:
        return []
    message, places = read_short_traceback(output.text[found.end() :], output)
    conftest = output.place(found[1])
    return [Failure(conftest.path if conftest else found[1], message, places or ((conftest,) if conftest else ()))]
