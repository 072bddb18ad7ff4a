"""OpenTelemetry: what an attempt or a run does, as traces and metrics. Off unless asked for, and then beside the run.

Nothing in here knows the loop: spans are made of the events that listeners are shown, by the same code that makes them
of a recorded trajectory.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from aci_tools.errors import UsageError
from agent.config import TelemetryConfig

if TYPE_CHECKING:
    from agent.telemetry.otel import Outlet

#: Shows a line to the user, in a style.
Say = Callable[[str, str], None]
_ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
INSTALL = "pip install 'patchwright[telemetry]'"


def open_telemetry(config: TelemetryConfig, say: Say, *, page: bool = False) -> Outlet | None:
    """The way to OpenTelemetry's receivers, where telemetry is on.

    Args:
        config: The section `telemetry`.
        say: Told, once, of what keeps telemetry from getting through.
        page: Whether the figures are wanted on a page for Prometheus, too.

    Raises:
        UsageError: It was asked for, and the extra is not installed.
    """
    signals = {signal for signal in ("traces", "metrics") if _sent(config, signal)}
    if not signals and not page:
        return None
    from agent.telemetry.otel import Outlet

    try:
        return Outlet(signals, say, page=page)
    except ImportError as error:
        fault = f"telemetry needs the extra [telemetry] ({error.name} is missing): {INSTALL}"
    except ValueError as error:  # one of the variables
        fault = f"telemetry cannot begin: {error}"
    if page or config.enabled:
        raise UsageError(fault)
    say(f"{fault}; going on without, although {_ENDPOINT} is set", "yellow")
    return None


def _sent(config: TelemetryConfig, signal: str) -> bool:
    """Whether a signal is to be sent, by the configuration and the variables of OpenTelemetry's specification."""
    env = os.environ
    if config.enabled is False or env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    if env.get(f"OTEL_{signal.upper()}_EXPORTER", "").strip() == "none":
        return False
    return bool(config.enabled or env.get(_ENDPOINT) or env.get(f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT"))
