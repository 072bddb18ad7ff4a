"""Many attempts on many tasks, side by side. The output directory is the state of the run.

``run`` puts everything together; an ``engine`` has jobs done in threads of this process, or on a cluster (``cluster``);
``assignment`` is what a process must know to do some; a ``worker`` does one job with the same loop as ``agent solve``;
``output`` is what stays on disk.
"""

from __future__ import annotations

from agent.batch.engine import engine_of
from agent.batch.request import BatchRequest, Retries
from agent.batch.run import run_batch

__all__ = ["BatchRequest", "Retries", "engine_of", "run_batch"]
