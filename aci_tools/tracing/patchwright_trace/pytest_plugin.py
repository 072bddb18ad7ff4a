"""Has pytest's tests traced (pytest 3 to 9)."""

from typing import Any

import pytest

from .tracing import from_environment

_ASKED = from_environment()
_TRACING = _ASKED[0] if _ASKED else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: Any) -> None:
    """A test begins."""
    if _TRACING is not None:
        _TRACING.begin(item.nodeid)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    """Its setup, the test itself, or one of its subtests ended."""
    outcome = yield
    failed = call.excinfo is not None and outcome.get_result().failed
    if _TRACING is not None and failed and _TRACING.end(call.excinfo.value):
        item.session.shouldstop = "a failure was traced"


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """It ended."""
    if _TRACING is not None:
        _TRACING.end()
