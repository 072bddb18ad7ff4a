"""Go: the event stream of ``go test -json``."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import Any

from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.report import FAILING, Failure, Place, Status

_MODULE = re.compile(r"^module\s+(\S+)$", re.M)
_AT = re.compile(r"^\s*((?:[\w./-]+/)?[\w.-]+\.go):(\d+)(?::\d+)?(?:: (.*)| \+0x[0-9a-f]+)?$")
_FRAMING = re.compile(
    r"^\s*(?:=== |--- (?:FAIL|PASS|SKIP)|FAIL\b|PASS$|exit status|goroutine \d+|\[signal |testing\.|created by|# )"
)
_CALL = re.compile(r"^[\w./*()-]+\(.*\)$")
_ENDED: dict[str, Status] = {"pass": "passed", "fail": "failed", "skip": "skipped"}


def parse(output: RunOutput) -> Parsed:
    """Read a run of ``go test -json``; a line ``module NAME`` before it tells which packages are the repository's."""
    parsed = Parsed(finished=output.exit_code is not None)
    said: dict[str, list[str]] = defaultdict(list)
    running: dict[str, None] = {}
    broken: list[str] = []
    package = ""
    for line in output.text.splitlines():
        event = _event(line)
        if event is None:  # before Go 1.24 the compiler's messages are plain text, below a line "# package"
            package = line[2:].split(" ")[0] if line.startswith("# ") else package
            said[package].append(line)
            continue
        name = str(event.get("Package") or event.get("ImportPath", "").split(" ")[0])
        test = f"{name}.{event['Test']}" if event.get("Test") else ""
        action = event["Action"]
        if action in ("output", "build-output"):
            said[test or name].append(event.get("Output", "").rstrip("\n"))
        elif action == "run":
            running[test] = None
        elif action in _ENDED:
            running.pop(test, None)
            if test and parsed.results.get(test) not in FAILING:  # a test can run again, as with -count
                parsed.results[test] = _ENDED[action]
            elif action == "fail" and not test:
                broken.append(name)
    parsed.running = next(reversed(running), "")
    failed = [test for test, status in parsed.results.items() if status == "failed"]
    for test in failed:
        if not any(other.startswith(f"{test}/") for other in failed):
            parsed.failures.append(_failure(test, test.rsplit(".", 1)[0], said[test], output))
    for name in broken:
        if not any(test.startswith(f"{name}.") for test in failed):
            parsed.results[name] = "error"
            parsed.failures.append(_failure(name, name, said[name], output))
    return parsed


def _event(line: str) -> dict[str, Any] | None:
    if not line.startswith("{"):
        return None
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) and "Action" in event else None


def _failure(name: str, package: str, lines: list[str], output: RunOutput) -> Failure:
    module = _MODULE.search(output.text)
    folder = package.removeprefix(module[1]).strip("/") if module else ""
    message: list[str] = []
    places: list[Place | None] = []
    for line in lines:
        if _FRAMING.match(line) or _CALL.match(line) or not line.strip():
            continue
        at = _AT.match(line)
        if at is None:
            message.append(line)
            continue
        if at[3] is not None:
            message.append(f"{at[3]}")
        path = at[1]
        if not path.startswith(("/", "./")) and "/" not in path and folder:
            path = f"{folder}/{path}"
        places.append(output.place(path, int(at[2])))
    if any(line.startswith("panic: ") for line in message):  # a stack is innermost first
        places.reverse()
        return Failure(name, "\n".join(message).strip(), ends(places))
    return Failure(name, "\n".join(message).strip(), ends(places[:1]))
