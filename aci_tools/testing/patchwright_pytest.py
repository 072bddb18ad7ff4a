"""A pytest plugin that writes down each outcome as it happens, one JSON object a line.

It runs inside the sandbox under the project's own interpreter and pytest (3 to 9), so it imports nothing of this
package and keeps to the syntax of Python 3.6. Text reports cannot take its place: they shorten messages, do not part
ids from messages, and are missing when the run is killed at its deadline.
"""

import json
import linecache
import os
import re
from typing import Any

# Taken out of the environment at once: a test that starts pytest itself must not write into this report.
_REPORT = os.environ.pop("PATCHWRIGHT_TEST_REPORT", None)
_OPTIONS = os.environ.pop("PATCHWRIGHT_PYTEST_OPTIONS", "")
if _OPTIONS:
    os.environ["PYTEST_ADDOPTS"] = os.environ.get("PYTEST_ADDOPTS", "").replace(_OPTIONS, "").strip()
    if not os.environ["PYTEST_ADDOPTS"]:
        del os.environ["PYTEST_ADDOPTS"]
_IGNORED = os.environ.get("PATCHWRIGHT_PYTEST_IGNORED", "")
_START = os.getcwd()
_LIMIT = 4000


def _write(record: Any) -> None:
    if _REPORT is None:
        return
    line = (json.dumps(record) + "\n").encode("ascii", "replace")
    descriptor = os.open(_REPORT, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, line)
    finally:
        os.close(descriptor)


def _place(path: Any, line: Any) -> Any:
    path = os.path.realpath(os.path.join(_START, str(path)))
    line = line if isinstance(line, int) else 0
    return [path, line, linecache.getline(path, line).strip()[:300]]


def _doctest(longrepr: Any) -> Any:
    place, lines = longrepr.reprlocation_lines[-1]
    starts = [number for number, line in enumerate(lines) if re.match(r"\d+ +>>>", line)]
    text = [re.sub(r"^\d{3} +(?=>>>|\.\.\.)", "", line) for line in lines[starts[-1] if starts else 0 :]]
    return "\n".join(text), [_place(place.path, place.lineno)]


def _missing_fixture(longrepr: Any) -> Any:
    return str(longrepr.errorstring), [_place(longrepr.filename, longrepr.firstlineno + 1)]


def _exception(longrepr: Any) -> Any:
    places = []
    for entry in getattr(longrepr.reprtraceback, "reprentries", ()):
        found = getattr(entry, "reprfileloc", None)
        if found is not None:
            places.append(_place(found.path, found.lineno))
    crash = getattr(longrepr, "reprcrash", None)
    if crash is None:
        return str(longrepr), places
    if not places:
        places.append(_place(crash.path, crash.lineno))
    return crash.message, places


def _causes(longrepr: Any) -> Any:
    chain = getattr(longrepr, "chain", ())
    crashes = [link[1] for link in chain[:-1] if link[1] is not None]
    return [[crash.message[:_LIMIT], _place(crash.path, crash.lineno)] for crash in crashes]


def _failure(report: Any) -> Any:
    """The message of a failed report, and the places of its traceback from the outermost to the innermost."""
    longrepr, text = report.longrepr, False
    if hasattr(longrepr, "reprlocation_lines"):
        message, places = _doctest(longrepr)
    elif hasattr(longrepr, "errorstring"):
        message, places = _missing_fixture(longrepr)
    elif hasattr(longrepr, "reprtraceback"):
        message, places = _exception(longrepr)
    else:
        message, places, text = str(longrepr), [], True
    location = getattr(report, "location", None)
    if not places and location:
        places = [_place(location[0], (location[1] or 0) + 1)]
    places = places[:1] + places[1:][-12:]
    return {"message": message[:_LIMIT], "places": places, "causes": _causes(longrepr), "text": text}


def pytest_addoption(parser: Any) -> None:
    """Accept, and ignore, options of plugins that the project asks for and this environment lacks."""
    for option in _IGNORED.split():
        parser.getgroup("patchwright")._addoption(option, action="append", nargs="?", dest="patchwright_ignored")


def pytest_collectreport(report: Any) -> None:
    """A file that cannot be imported."""
    if report.failed:
        record = {"id": report.nodeid, "when": "collect", "outcome": "failed"}
        record.update(_failure(report))
        _write(record)


def pytest_runtest_logstart(nodeid: str) -> None:
    """What is running, should the run be killed."""
    _write({"start": nodeid})


def pytest_runtest_logreport(report: Any) -> None:
    """One outcome; setups and teardowns only when they are not as they should be."""
    if report.when != "call" and report.outcome == "passed":
        return
    record = {"id": report.nodeid, "when": report.when, "outcome": report.outcome}
    if hasattr(report, "wasxfail"):
        record["xfail"] = True
    if report.failed:
        record.update(_failure(report))
    _write(record)


def pytest_sessionfinish(exitstatus: Any) -> None:
    """The run came to its end."""
    _write({"end": int(exitstatus)})
