"""Telemetry of ``agent batch``: sent, and served."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from agent.config import TelemetryConfig
from agent.telemetry import open_telemetry

if TYPE_CHECKING:
    from agent.batch.board import Board
    from agent.batch.jobs import Job


@contextlib.contextmanager
def watched(
    board: Board,
    config: TelemetryConfig,
    *,
    run_id: str,
    tasks: int,
    attempts: int,
    output: Path,
    trajectory: Callable[[Job], Path],
    serve: tuple[str, int] | None = None,
) -> Iterator[None]:
    """Have a run watched for the length of a ``with`` block, where that is asked for.

    Args:
        board: The board of the run.
        config: The section `telemetry`.
        run_id: Name of the run.
        tasks: How many there are.
        attempts: Attempts on each.
        output: Directory of the run.
        trajectory: Where the events of a job are kept.
        serve: Host and port of a server with its figures; ``None`` for none.

    Raises:
        UsageError: The extra is missing, or the port is taken.
    """
    outlet = open_telemetry(config, board.say, page=serve is not None)
    if outlet is None:
        yield
        return
    from agent.telemetry.live import Telemetry
    from agent.telemetry.page import METRICS, serving

    with contextlib.ExitStack() as stack:
        telemetry = Telemetry(
            outlet,
            config,
            board.say,
            name="agent batch",
            run_id=run_id,
            tasks=tasks,
            attempts=attempts,
            trajectory=trajectory,
        )
        board.watch(stack.enter_context(telemetry))
        if serve is not None and outlet.registry is not None:
            url = stack.enter_context(serving(serve, outlet.registry, output))
            board.say(f"{url} while it runs; {METRICS} is for Prometheus", "")
        yield
