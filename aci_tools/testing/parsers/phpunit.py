"""PHP: the XML report of PHPUnit."""

from __future__ import annotations

import re

from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.parsers.xml_report import Case, read_cases
from aci_tools.testing.report import FAILING, Failure, Place

_FRAME = re.compile(r"^(/.+\.\w+):(\d+)$")
_FATAL = re.compile(r"^(?:PHP )?((?:Fatal|Parse) error): +(.+?) in (/\S+?)(?: on line |:)(\d+)$", re.M)


def parse(output: RunOutput) -> Parsed:
    """Read a run of PHPUnit; a fatal error of PHP, at which no report is written, is an error of its file."""
    cases = read_cases(output.artefact)
    parsed = Parsed(finished=bool(cases) or output.exit_code is not None)
    for case in cases:
        name = f"{case.owner}::{case.name}"
        parsed.results[name] = case.status
        if case.status in FAILING:
            parsed.failures.append(_failure(name, case, output))
    fatal = None if cases else _FATAL.search(output.text)
    if fatal:
        place = output.place(fatal[3], int(fatal[4]))
        path = place.path if place else fatal[3]
        parsed.results[path] = "error"
        parsed.failures.append(Failure(path, f"{fatal[1]}: {fatal[2]}", (place,) if place else ()))
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
