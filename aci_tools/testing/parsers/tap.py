"""The Test Anything Protocol, as Node's own test runner, tape, ava and others write it."""

from __future__ import annotations

import re
from collections import Counter

from aci_tools.testing.parsers.base import Parsed, RunOutput
from aci_tools.testing.parsers.javascript import failure
from aci_tools.testing.report import Failure, Place, Status

_SUBTEST = re.compile(r"^( *)# Subtest: (.*)$")
_POINT = re.compile(r"^( *)(not ok|ok)\b *(\d*) *(?:- )?(.*?)(?: +# *(SKIP|TODO)\b.*)?$", re.I)
_PLAN = re.compile(r"^1\.\.\d+", re.M)
_KEY = re.compile(r"^ *(\w+): ?(.*)$")


def parse(output: RunOutput) -> Parsed:
    """Read a TAP stream. A point that only sums up its subtests is left out."""
    parsed = Parsed(finished=bool(_PLAN.search(output.text)))
    open_tests: dict[int, str] = {}
    with_children: set[str] = set()
    namesakes: Counter[str] = Counter()
    comments: list[str] = []  # what a test file wrote, when it could not be loaded: above its point
    lines = output.text.splitlines()
    for number, line in enumerate(lines):
        if started := _SUBTEST.match(line):
            open_tests[len(started[1])] = started[2]
            parsed.running = started[2]
        elif point := _POINT.match(line):
            depth = len(point[1])
            above = [name for indent, name in sorted(open_tests.items()) if indent < depth]
            open_tests = {indent: name for indent, name in open_tests.items() if indent < depth}
            with_children.update(" > ".join(above[: end + 1]) for end in range(len(above)))
            name = " > ".join([*above, point[4] or f"test {point[3]}"])
            parsed.running = ""
            if name not in with_children:
                status = _status(point[2].lower() == "ok", (point[5] or "").upper())
                name = _distinct(_relative(name, output), parsed, namesakes)
                parsed.results[name] = status
                if status == "failed":
                    parsed.failures.append(_failure(name, lines[number + 1 :], depth, comments, output))
            comments = []
        elif line.startswith("# "):
            comments.append(line[2:])
    if parsed.finished:
        parsed.running = ""
    return parsed


def _status(passed: bool, directive: str) -> Status:
    if directive == "SKIP":
        return "skipped"
    if directive == "TODO" and not passed:
        return "xfail"
    return "passed" if passed else "failed"


def _relative(name: str, output: RunOutput) -> str:
    """Node names a file that it could not load by its absolute path."""
    place = output.place(name) if name.startswith("/") else None
    return place.path if place else name


def _distinct(name: str, parsed: Parsed, namesakes: Counter[str]) -> str:
    """Tests of several files may have one name, and so have thousands of assertions that nobody named."""
    same = name
    while same in parsed.results:
        namesakes[name] += 1
        same = f"{name} #{namesakes[name] + 1}"
    return same


def _failure(name: str, following: list[str], depth: int, comments: list[str], output: RunOutput) -> Failure:
    values = _diagnostics(following, depth)
    if values.get("code") == "ERR_TEST_FAILURE" and values.get("error") == "test failed":
        errors = [line for line in comments if re.match(r"(?:\w+)?Error(?: \[\w+\])?: ", line)]
        values["error"] = errors[-1] if errors else values["error"]
        values["stack"] = "\n".join(line for line in comments if line.strip().startswith("at "))
    message = values.get("error") or values.get("message") or ""
    if not message and "expected" in values:
        message = f"expected: {values['expected']}\nactual: {values.get('actual', '')}"
    kind = values.get("name", "")
    found = failure(name, f"{message}\n{values.get('stack') or values.get('at') or ''}", output)
    places = found.places
    if not places and (location := re.match(r"(.+?):(\d+)(?::\d+)?$", values.get("location", ""))):
        place: Place | None = output.place(location[1].removeprefix("file://"), int(location[2]))
        places = (place,) if place else ()
    said = f"{kind}: {found.message}" if kind and kind != "Error" else found.message
    return Failure(name, said, places)


def _diagnostics(lines: list[str], depth: int) -> dict[str, str]:
    """The YAML block below a point; only its text values are wanted, so it is read by indentation."""
    margin = " " * (depth + 2)
    if len(lines) < 2 or lines[0] != f"{margin}---":
        return {}
    keys = " " * (len(lines[1]) - len(lines[1].lstrip()))
    values: dict[str, str] = {}
    key = ""
    for line in lines[1:]:
        if line == f"{margin}...":
            break
        if line.startswith(f"{keys} ") or not line.strip():
            values[key] = f"{values.get(key, '')}{line[len(keys) + 2 :]}\n"
        elif pair := _KEY.match(line):
            key = pair[1]
            values[key] = "" if pair[2] in ("|-", "|", ">", ">-") else pair[2].strip().strip("'\"")
    return {key: value.strip("\n") for key, value in values.items()}
