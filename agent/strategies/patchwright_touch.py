"""A pytest plugin that writes down which tests execute something of given files, one test a line.

It runs inside the sandbox under the project's own interpreter and pytest (3 to 9), so it imports nothing of this
package and keeps to the syntax of Python 3.6. Where something else traces already, such as coverage, every test counts.
"""

import json
import os
import sys
import threading
from typing import Any

import pytest

# Taken out of the environment at once: a test that starts pytest itself must not be traced by it.
_WATCHED = {os.path.realpath(path) for path in json.loads(os.environ.pop("PATCHWRIGHT_TOUCH", "[]"))}
_FOR_WORKERS = "  -p  patchwright_touch"  # not as anybody else writes it
if "PYTEST_ADDOPTS" in os.environ:
    os.environ["PYTEST_ADDOPTS"] = os.environ["PYTEST_ADDOPTS"].replace(_FOR_WORKERS, "")
_REPORT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "touched.txt")
_KNOWN: Any = {}
_TOUCHED: Any = []


def _trace(frame: Any, event: Any, argument: Any) -> Any:
    name = frame.f_code.co_filename
    if name not in _KNOWN:
        _KNOWN[name] = os.path.realpath(name) in _WATCHED
    if _KNOWN[name]:
        _TOUCHED.append(name)
        sys.settrace(None)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """The processes of pytest-xdist begin, which run the tests in the place of this one."""
    os.environ["PATCHWRIGHT_TOUCH"] = json.dumps(sorted(_WATCHED))
    os.environ["PYTEST_ADDOPTS"] = os.environ.get("PYTEST_ADDOPTS", "") + _FOR_WORKERS


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: Any) -> Any:
    """A test, with its fixtures."""
    del _TOUCHED[:]
    free = bool(_WATCHED) and sys.gettrace() is None
    if free:
        threading.settrace(_trace)
        sys.settrace(_trace)
    yield
    if free:
        threading.settrace(None)
        if sys.gettrace() is _trace:
            sys.settrace(None)
    if _WATCHED and (_TOUCHED or not free):
        descriptor = os.open(_REPORT, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, (item.nodeid + "\n").encode("utf-8", "surrogateescape"))
        finally:
            os.close(descriptor)
