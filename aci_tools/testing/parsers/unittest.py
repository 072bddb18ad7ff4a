"""unittest with ``-v``, and Django's runner, which prints the same."""

from __future__ import annotations

import re

from aci_tools.testing.parsers.base import Parsed, RunOutput
from aci_tools.testing.parsers.traceback import read_traceback
from aci_tools.testing.report import Failure, Status

_TEST = re.compile(r"^ *(\w+) \(([\w.]+)\)(?: [(\[].*[)\]])?(?:$| \.\.\. ?(.*)$)")
_STATUS = re.compile(
    r"(?:^|.* \.\.\. |(?<=\S))(ok|FAIL|ERROR|skipped ['\"].*|skipped|expected failure|unexpected success)$"
)
_BLOCK = re.compile(r"^={70}\n(?=(?:FAIL|ERROR|UNEXPECTED SUCCESS): )", re.M)
_HEADING = re.compile(r"(FAIL|ERROR|UNEXPECTED SUCCESS): (\w+) \(([\w.]+)\)(.*)")
_TOTAL = re.compile(r"^Ran (\d+) tests? in [\d.]+s$", re.M)
_VERDICT = re.compile(r"^(?:OK|FAILED|NO TESTS RAN)(?: \((.*)\))?$", re.M)
_COUNTED: dict[str, Status] = {
    "failures": "failed",
    "errors": "error",
    "skipped": "skipped",
    "expected failures": "xfail",
    "unexpected successes": "failed",
}


def parse(output: RunOutput) -> Parsed:
    """Read a run of unittest."""
    totals = list(_TOTAL.finditer(output.text))
    progress, *blocks = _BLOCK.split(output.text)
    parsed = Parsed(finished=bool(totals))
    _read_progress(progress, parsed)
    for block in blocks:
        _read_failure(block, parsed, output)
    if totals:
        parsed.running = ""
        verdict = _VERDICT.search(output.text, totals[-1].end())
        ran = int(totals[-1][1])
        if ran > len(parsed.results):
            parsed.counts = _counts(ran, (verdict and verdict[1]) or "")
    return parsed


def _read_progress(text: str, parsed: Parsed) -> None:
    pending = ""
    for line in text.splitlines():
        said = line
        if started := _TEST.match(line):
            pending = _name(started[1], started[2])
            said = started[3] or ""
        if pending and (ended := _STATUS.search(said)):
            _settle(parsed, pending, _status(ended[1]))
            pending = ""
    parsed.running = pending


def _read_failure(block: str, parsed: Parsed, output: RunOutput) -> None:
    heading = _HEADING.match(block)
    if heading is None:
        return
    kind, method, owner, subtest = heading.groups()
    test = _name(method, owner)
    body = re.split(r"^-{70}\n", block, maxsplit=1, flags=re.M)[-1]
    body = re.split(r"^(?:-{70}\nRan \d+ test|Stdout:$|Stderr:$)", body, maxsplit=1, flags=re.M)[0]
    message, places = read_traceback(body, output)
    if kind == "UNEXPECTED SUCCESS":
        message = "Unexpected success: the test is marked as an expected failure."
    _settle(parsed, test, "error" if kind == "ERROR" else "failed")
    parsed.failures.append(Failure(test + subtest, message, places))


def _name(method: str, owner: str) -> str:
    """The dotted name that unittest takes; Python 3.11 and later print the method in it, older ones do not."""
    name = owner if owner.endswith(f".{method}") else f"{owner}.{method}"
    return name.removeprefix("unittest.loader._FailedTest.")


def _settle(parsed: Parsed, test: str, status: Status) -> None:
    if parsed.results.get(test) not in ("failed", "error"):
        parsed.results[test] = status


def _status(word: str) -> Status:
    if word.startswith("skipped"):
        return "skipped"
    known: dict[str, Status] = {"ok": "passed", "FAIL": "failed", "ERROR": "error", "expected failure": "xfail"}
    return known.get(word, "failed")


def _counts(ran: int, verdict: str) -> dict[Status, int]:
    counts: dict[Status, int] = {}
    for part in verdict.split(", "):
        word, _, number = part.partition("=")
        if word in _COUNTED:
            counts[_COUNTED[word]] = counts.get(_COUNTED[word], 0) + int(number)
    counts["passed"] = max(0, ran - sum(counts.values()))
    return counts
