"""Recognising the test runner in a command that was given, and asking it for the report that our parsers read."""

from __future__ import annotations

import re

from aci_tools.testing.plan import ParserName

_RESULTS = '"$PATCHWRIGHT_RESULTS"'
# The sign of a runner, its parser, and the options that make it write a report.
_RUNNERS: tuple[tuple[str, ParserName, str], ...] = (
    (r"\b(?:pytest|py\.test)\b", "pytest", ""),
    (r"\bruntests\.py\b|\bmanage\.py test\b|\bdjango-admin test\b", "django", ""),
    (r"\bunittest\b", "unittest", ""),
    (r"\bcargo test\b", "cargo", ""),
    (r"\bctest\b", "ctest", " --output-on-failure"),
    (r"(?:^|[\s/])mvnw?\b", "maven", ""),
    (r"(?:^|[\s/])gradlew?\b", "gradle", ""),
    (r"\bjest\b|\breact-scripts test\b", "jest", f" --ci --json --outputFile={_RESULTS}"),
    (r"\bvitest\b", "jest", f" --reporter=json --outputFile={_RESULTS}"),
    (r"\bmocha\b", "mocha", f" --reporter json --reporter-option output={_RESULTS}"),
    (r"\b(?:node|tsx)\b.* --test\b", "tap", ""),
    (r"\brspec\b", "rspec", f" --format progress --format json --out {_RESULTS}"),
    (r"\bphpunit\b", "phpunit", f" --log-junit {_RESULTS}"),
)
_GO = re.compile(r"(?P<lead>.*)\bgo test\b(?P<options>.*?)(?P<all> \./\.\.\.)?\s*$")
_OWN_REPORT = re.compile(r" --(?:json|outputFile|log-junit|out)\b")


def recognise(command: str) -> tuple[str, ParserName]:
    """The runner that a command ends with.

    Args:
        command: A shell command.

    Returns:
        The command with the options that the parser needs, and the parser; ``"auto"`` when no runner is known in it,
        or when its output goes somewhere else.
    """
    last = re.split(r"&&|;|\|\||\n", command)[-1]
    piped = "|" in last or ">" in last
    if found := _GO.match(last):
        if " -json" in found["options"]:
            return command, "go"
        return (command, "auto") if piped else (_go(command, last, found), "go")
    known = [(parser, options) for sign, parser, options in _RUNNERS if re.search(sign, last)]
    if not known:
        return command, "auto"
    parser, options = known[0]
    if not options or _RESULTS in last:
        return command, parser
    if piped or _OWN_REPORT.search(last):
        return command, "auto"
    if "vitest" in last and not re.search(r"\bvitest run\b| --run\b", last):
        options = f" --run{options}"
    return command + options, parser


def _go(command: str, last: str, found: re.Match[str]) -> str:
    """``go test`` with a stream of events, below the line that tells which packages are the repository's."""
    lead, options = found["lead"].lstrip(), found["options"]
    packages = " {target}" if found["all"] or not re.search(r" [^-]", options) else ""
    before = command[: len(command) - len(last)]
    return f"{before}{' ' if before else ''}grep '^module ' go.mod; {lead}go test -json{options}{packages}"
