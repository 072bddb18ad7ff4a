"""Runs on the nodes of a Ray cluster."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from agent.batch.assignment import Assignment
from agent.batch.board import Board
from agent.batch.cluster.connect import connected
from agent.batch.cluster.crew import Processes
from agent.batch.cluster.placement import Share, sizes
from agent.batch.engine import Crew
from agent.batch.output import Output
from agent.batch.stop import Stop


class RayEngine:
    """Processes on the nodes of a Ray cluster, each of which does several jobs at a time.

    Args:
        workers: Jobs side by side; default: as many as the cluster has room for.
        address: Where the cluster is; default: the one that this machine is part of.
        share: What each job asks of its node.
    """

    def __init__(self, workers: int | None, address: str | None, share: Share) -> None:
        self.workers, self.address, self.share = workers, address, share

    @contextlib.contextmanager
    def open(self, assignment: Assignment, output: Output, board: Board, stop: Stop) -> Iterator[Crew]:
        """See :class:`~agent.batch.engine.Engine`."""
        with connected(self.address) as ray:
            nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
            wanted = sizes(nodes, self.share, self.workers)
            crew = Processes(ray, assignment, output, self.share, board, stop)
            with contextlib.closing(crew), stop.told(crew.stop):
                stop.at_last(crew.abandon)
                crew.begin(wanted)
                try:
                    yield crew
                finally:
                    stop.at_last()
