"""Java and other languages of its virtual machine: the reports of Maven and Gradle, and what their compilers say."""

from __future__ import annotations

import re

from aci_tools.testing.parsers.base import Parsed, RunOutput
from aci_tools.testing.parsers.xml_report import Case, read_cases
from aci_tools.testing.report import FAILING, Failure, Place

_FRAME = re.compile(r"^\s+at (?:\S*/)?([\w.$<>-]+)\(([\w$-]+\.\w+):(\d+)\)$")
_OMITTED = re.compile(r"^\s*(?:at |\.\.\. \d+ (?:more|common frames omitted|trimmed)$)")
_CAUSE = re.compile(r"^\s*Caused by: ")
# As javac, scalac and kotlinc say it, as it comes through Gradle and through Maven.
_COMPILER = re.compile(
    r"^(?!\[WARNING\]|w: )[^/\n]*(?P<path>/[^\s:]+\.(?:java|kt|kts|scala|groovy)):"
    r"(?:\[(?P<maven>\d+)(?:,\d+)?\] |(?P<line>\d+):(?:\d+:?)? )(?:error: )?(?P<said>.+)$",
    re.M,
)


def parse(output: RunOutput) -> Parsed:
    """Read the reports; what does not compile becomes one error for each message of the compiler."""
    parsed = Parsed(finished=output.exit_code is not None)
    for case in read_cases(output.artefact):
        name = f"{case.owner}.{case.name}"
        if parsed.results.get(name) not in FAILING:  # a name can be there again, for other arguments
            parsed.results[name] = case.status
        if case.status in FAILING:
            parsed.failures.append(_failure(name, case, output))
    if not parsed.failures and output.exit_code:
        _read_compiler(parsed, output)
    return parsed


def _failure(name: str, case: Case, output: RunOutput) -> Failure:
    """A stack is innermost first, and the cause of an exception comes after it."""
    message: list[str] = []
    first: list[Place] = []
    latest: list[Place] = []
    for line in case.text.splitlines():
        if _CAUSE.match(line):
            first, latest = first or latest, []
        if frame := _FRAME.match(line):
            if place := _place(frame[1], frame[2], int(frame[3]), output):
                latest.append(place)
        elif not _OMITTED.match(line):
            message.append(line)
    own, innermost = (first or latest)[-1:], (latest or first)[:1]
    places = own if own == innermost else own + innermost
    return Failure(name, "\n".join(message).strip(), tuple(places))


def _place(method: str, file: str, line: int, output: RunOutput) -> Place | None:
    """The file of a stack frame, which tells its package and its name only."""
    package = method.split("$")[0].split(".")[:-1]
    if "$" not in method:
        package = package[:-1]
    ending = "/".join([*package, file])
    found = [path for path in output.sources if f"/{path}".endswith(f"/{ending}")]
    found = found or [path for path in output.sources if f"/{path}".endswith(f"/{file}") and path.endswith(".kt")]
    return Place(found[0], line) if found else None


def _read_compiler(parsed: Parsed, output: RunOutput) -> None:
    for found in _COMPILER.finditer(output.text):
        if found["said"].startswith(("warning:", "Note:")):
            continue
        place = output.place(found["path"], int(found["maven"] or found["line"]))
        name = f"compile {place or found['path']}"
        if name not in parsed.results:  # Maven says it once more at the end
            parsed.results[name] = "error"
            parsed.failures.append(Failure(name, found["said"], (place,) if place else ()))
