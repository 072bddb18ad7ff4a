"""C, C++ and whatever else CMake builds: the text of ``ctest --output-on-failure``, and what the compiler says."""

from __future__ import annotations

import re

from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.report import FAILING, Failure, Status

_START = re.compile(r"^ +Start +\d+: (.+)$")
_RESULT = re.compile(r"^ *\d+/\d+ Test +#\d+: (?P<name>.+?) \.+(?P<verdict>[^.].*?)(?: +\d+\.\d+ sec)?$")
_TOTAL = re.compile(r"^\d+% tests passed, \d+ tests? failed out of \d+$", re.M)
# As assert() prints it, GoogleTest, Catch2, doctest and CppUnit: "path:12: ...", "path(12): ...".
_PLACE = re.compile(r"(?:^|(?<=[\s:(]))(?P<path>[\w./+-]+\.\w+)(?::(?P<line>\d+)|\((?P<in>\d+)\))(?=[:,\s)]|$)")
_COMPILER = re.compile(r"^(?P<path>[^\s:]+):(?P<line>\d+):(?:\d+:)? (?:fatal )?error: (?P<said>.+)$", re.M)
_CONFIGURE = re.compile(r"^CMake Error at (?P<path>[^\s:]+):(?P<line>\d+) \(.*\):\n\s*(?P<said>.+)$", re.M)


def parse(output: RunOutput) -> Parsed:
    """Read a run of CTest; what cannot be configured or compiled becomes one error for each message."""
    parsed = Parsed(finished=bool(_TOTAL.search(output.text)))
    told: dict[str, list[str]] = {}
    collecting: list[str] | None = None
    before: list[str] = []  # what CTest itself says of a test that it cannot start
    running: dict[str, None] = {}
    for line in output.text.splitlines():
        if started := _START.match(line):
            running[started[1].strip()] = None
            collecting = before = []
        elif ended := _RESULT.match(line):
            name, verdict = ended["name"].strip(), ended["verdict"].strip(" *")
            running.pop(name, None)
            parsed.results[name] = _status(verdict)
            collecting = told.setdefault(name, [verdict, *before]) if parsed.results[name] in FAILING else None
            before = []
        elif _TOTAL.match(line):
            collecting = None
        elif collecting is not None:
            collecting.append(line)
    parsed.running = next(reversed(running), "")
    for name, lines in told.items():
        parsed.failures.append(_failure(name, lines, output))
    if not parsed.results:
        for kind in (_CONFIGURE, _COMPILER):
            _read_build(kind, parsed, output)
    return parsed


def _status(verdict: str) -> Status:
    if verdict == "Passed":
        return "passed"
    if verdict.startswith("Skipped") or "(Disabled)" in verdict:
        return "skipped"
    return "error" if verdict.startswith("Not Run") else "failed"


def _failure(name: str, lines: list[str], output: RunOutput) -> Failure:
    """What the test printed, from the first line on that tells a place."""
    verdict, *printed = lines
    for number, line in enumerate(printed):
        for found in _PLACE.finditer(line):
            if place := output.place(found["path"], int(found["line"] or found["in"])):
                return Failure(name, "\n".join(printed[number:]).strip(), (place,))
    verdict = re.sub(r"\*+|:$", " ", verdict).strip()
    said = "\n".join(printed).strip()
    return Failure(name, said if verdict == "Failed" and said else f"{verdict}\n{said}".strip())


def _read_build(kind: re.Pattern[str], parsed: Parsed, output: RunOutput) -> None:
    for found in kind.finditer(output.text):
        place = output.place(found["path"], int(found["line"]))
        name = f"compile {place or found['path']}"
        parsed.results.setdefault(name, "error")
        parsed.failures.append(Failure(name, found["said"], ends([place])))
