"""PHP: the XML report of PHPUnit."""

from __future__ import annotations

import re

from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.parsers.xml_report import Case, read_cases
from aci_tools.testing.report import FAILING, Failure, Place

_FRAME = re.compile(r"^(/.+\.\w+):(\d+)$")
_FATAL = re.compile(r"^(?:PHP )?((?:Fatal|Parse) error): +(.+?) in (/\S+?)(?: on line |:)(\d+)$", re.M)
_BOOTSTRAP = re.compile(r"^Error in (bootstrap script): (\w+):\n(.+)$", re.M)


def parse(output: RunOutput) -> Parsed:
    """Read a run of PHPUnit; at a fatal error of PHP no report is written, so it is an error of its file."""
    cases = read_cases(output.artefact)
    parsed = Parsed(finished=bool(cases) or output.exit_code is not None)
    for case in cases:
        name = f"{case.owner}::{case.name}"
        if parsed.results.get(name) not in FAILING:
            parsed.results[name] = case.status
        if case.status in FAILING:
            parsed.failures.append(_failure(name, case, output))
    if not cases:
        _read_fatal(parsed, output)
    return parsed


def _failure(name: str, case: Case, output: RunOutput) -> Failure:
    """Below a line with the test's name come the message and the stack, which is innermost first."""
    message: list[str] = []
    places: list[Place | None] = []
    for line in case.text.removeprefix(name).strip("\n").splitlines():
        if frame := _FRAME.match(line):
            places.insert(0, output.place(frame[1], int(frame[2])))
        else:
            message.append(line)
    return Failure(name, "\n".join(message).strip(), ends(places))


def _read_fatal(parsed: Parsed, output: RunOutput) -> None:
    if found := _FATAL.search(output.text):
        place = output.place(found[3], int(found[4]))
        failure = Failure(place.path if place else found[3], f"{found[1]}: {found[2]}", (place,) if place else ())
    elif found := _BOOTSTRAP.search(output.text):
        failure = Failure(found[1], f"{found[2]}: {found[3]}")
    else:
        return
    parsed.results[failure.id] = "error"
    parsed.failures.append(failure)
