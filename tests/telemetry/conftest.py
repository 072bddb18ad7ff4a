"""What the tests of telemetry share."""

from __future__ import annotations

import pytest

from tests.e2e.conftest import user

__all__ = ["user"]


@pytest.fixture(autouse=True)
def _nobody_listens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without what the environment of the tests may say about telemetry."""
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_TRACES_SAMPLER", "TRACEPARENT"):
        monkeypatch.delenv(name, raising=False)
