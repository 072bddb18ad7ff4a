"""Ruby: the JSON report of RSpec."""

from __future__ import annotations

import json
import re
from typing import Any

from aci_tools.output import clean
from aci_tools.testing.parsers.base import Parsed, RunOutput, ends
from aci_tools.testing.report import FAILING, Failure, Status

_FRAME = re.compile(r"^(?:# )?(.+?\.\w+):(\d+)(?::in .*)?$")
_STATUS: dict[str, Status] = {"passed": "passed", "failed": "failed", "pending": "skipped"}
_OUTSIDE = re.compile(r"^An error occurred (?:while loading (?P<path>\S+\.rb)\.|(?P<hook>in .+)\.$)", re.M)
#: The class of a failed expectation says nothing that its message does not.
_EXPECTATION = "RSpec::Expectations::"


def parse(output: RunOutput) -> Parsed:
    """Read a run of RSpec; an example is known by its file and its full description."""
    try:
        report = json.loads(output.artefact)
    except ValueError:
        return Parsed(finished=False)
    parsed = Parsed()
    for example in report.get("examples", []):
        path = str(example.get("file_path", "")).removeprefix("./")
        name = f"{path} > {example.get('full_description', '')}"
        status = _STATUS.get(example.get("status", ""), "skipped")
        if parsed.results.get(name) not in FAILING:
            parsed.results[name] = status
        if status == "failed":
            parsed.failures.append(_failure(name, example.get("exception") or {}, output))
    for text in report.get("messages", []):
        _read_message(clean(str(text).encode("utf-8", "replace")), parsed, output)
    return parsed


def _failure(name: str, error: dict[str, Any], output: RunOutput) -> Failure:
    message = clean(str(error.get("message", "")).encode("utf-8", "replace")).strip()
    kind = str(error.get("class", ""))
    said = message if kind.startswith(_EXPECTATION) or not kind else f"{kind}: {message}"
    frames = [_FRAME.match(line) for line in error.get("backtrace") or ()]
    places = [output.place(frame[1], int(frame[2])) for frame in reversed(frames) if frame]
    return Failure(name, said, ends(places))


def _read_message(text: str, parsed: Parsed, output: RunOutput) -> None:
    """An error outside of all examples: a file that cannot be loaded, a hook that fails."""
    found = _OUTSIDE.search(text)
    if found is None:
        return
    where = found["path"].removeprefix("./") if found["path"] else found["hook"]
    lines = [line.strip() for line in text[found.end() :].partition("Failure/Error: ")[2].splitlines()]
    frames = [_FRAME.match(line) for line in lines if line.startswith("# ")]
    message = "\n".join(line for line in lines if line and not line.startswith("# "))
    places = ends(output.place(frame[1], int(frame[2])) for frame in reversed(frames) if frame)
    parsed.results[where] = "error"
    parsed.failures.append(Failure(where, message, places))
