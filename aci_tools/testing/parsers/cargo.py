"""Rust: the text of ``cargo test``."""

from __future__ import annotations

import re

from aci_tools.testing.parsers.base import Parsed, RunOutput
from aci_tools.testing.report import Failure, Place, Status

_BINARY = re.compile(r"^\s*(?:Running (?:unittests )?(\S+) \(\S*?/deps/([\w-]+?)-[0-9a-f]+\)|Doc-tests (\S+))$")
_TEST = re.compile(r"^test (.+?)(?: - should panic)? \.\.\. (ok|FAILED|ignored.*)$")
_TOTAL = re.compile(r"^test result: ", re.M)
_OUTPUT_OF = re.compile(r"^---- (.+?) stdout ----$")
_PANIC_OPEN = re.compile(r"^thread '.*?' (?:\(\d+\) )?panicked at ")
_PANIC = re.compile(_PANIC_OPEN.pattern + r"(?:'(?P<old>.*)', )?(?P<path>[^\s:']+):(?P<line>\d+):\d+:?$", re.S)
_COMPILER = re.compile(r"^(error(?:\[E\d+\])?: .+)\n(?:.*\n)*?\s*--> (.+?):(\d+):\d+$", re.M)


def parse(output: RunOutput) -> Parsed:
    """Read a run of ``cargo test``; what does not compile becomes one error for each message of the compiler."""
    parsed = Parsed(finished=bool(_TOTAL.search(output.text)))
    prefix = binary = ""
    details: dict[str, list[str]] = {}
    collecting: list[str] | None = None
    for line in output.text.splitlines():
        if found := _BINARY.match(line):
            source, name, documented = found.groups()
            binary = documented or name
            prefix = f"{source}: " if source and source.startswith("tests/") else ""
        elif found := _TEST.match(line):
            test = prefix + found[1]
            if test in parsed.results:
                test = f"{binary}: {found[1]}"
            word = found[2]
            parsed.results[test] = "passed" if word == "ok" else "failed" if word == "FAILED" else "skipped"
            if word == "FAILED":
                details[test] = []
        elif found := _OUTPUT_OF.match(line):
            names = [f"{binary}: {found[1]}", prefix + found[1]]
            collecting = next((details[name] for name in names if name in details and not details[name]), None)
        elif line == "failures:" or line.startswith("test result: "):
            collecting = None
        elif collecting is not None:
            collecting.append(line)
    for test, lines in details.items():
        parsed.failures.append(_failure(test, lines, output))
    if not parsed.results:
        _read_compiler(parsed, output)
    return parsed


def _failure(test: str, lines: list[str], output: RunOutput) -> Failure:
    for number, line in enumerate(lines):
        if not _PANIC_OPEN.match(line):
            continue
        for end in range(number + 1, len(lines) + 1):
            if panic := _PANIC.match("\n".join(lines[number:end])):
                old = panic["old"]
                rest = old.splitlines() if old else lines[end:]
                rest = rest[: rest.index("stack backtrace:")] if "stack backtrace:" in rest else rest
                said = [text for text in rest if text.strip() and not text.startswith("note: ")]
                place = output.place(panic["path"], int(panic["line"]))
                return Failure(test, "\n".join(said), (place,) if place else ())
    at = re.search(r" at (\S+?):(\d+):\d+$", "\n".join(lines), re.M)
    place = output.place(at[1], int(at[2])) if at else None
    return Failure(test, "\n".join(lines).strip(), (place,) if place else ())


def _read_compiler(parsed: Parsed, output: RunOutput) -> None:
    for found in _COMPILER.finditer(output.text):
        place: Place | None = output.place(found[2].strip(), int(found[3]))
        name = f"compile {place or found[2]}"
        status: Status = "error"
        parsed.results[name] = status
        parsed.failures.append(Failure(name, found[1], (place,) if place else ()))
