"""Ray clusters of several nodes on this machine, held by a process of their own so that its nodes can be killed."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
#: Bytes of shared memory that a node may take for results.
_STORE = 80 * 2**20
#: A node whose helpers take more than fifteen seconds to begin, as on a busy machine, gives up; that is fixed in Ray.
_TRIES = 3


@dataclass
class Nodes:
    """A cluster that runs.

    Attributes:
        address: Of its head, which is the first node.
        holder: The process that holds it.
    """

    address: str
    holder: subprocess.Popen[str]

    def kill(self, number: int) -> None:
        """Kill a node as a power cut does; 0 is the head."""
        assert self._tell(f"kill {number}") == "killed"

    def add(self) -> None:
        """Begin a further node."""
        assert self._tell("add") == "added"

    def _tell(self, line: str) -> str:
        assert self.holder.stdin is not None
        assert self.holder.stdout is not None
        print(line, file=self.holder.stdin, flush=True)
        return self.holder.stdout.readline().strip()


@contextlib.contextmanager
def nodes(count: int, sandboxes: int, env: Mapping[str, str]) -> Iterator[Nodes]:
    """A cluster for the length of a ``with`` block.

    Args:
        count: Nodes.
        sandboxes: How many attempts each has room for.
        env: The environment of its processes.
    """
    for _ in range(_TRIES):
        holder = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.clusters", str(count), str(sandboxes)],
            cwd=ROOT,
            env={**env, "RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert holder.stdout is not None
        if address := holder.stdout.readline().strip():
            break
        said = holder.communicate()[1]
    else:
        raise RuntimeError(f"no cluster: {said}")
    try:
        yield Nodes(address, holder)
    finally:
        holder.communicate("end\n")


def main() -> None:
    """Hold a cluster, and do what is said on standard input."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(shutdown_at_exit=True)
    count, sandboxes = map(int, sys.argv[1:])

    def add() -> object:
        for left in reversed(range(_TRIES if cluster.head_node else 1)):
            with contextlib.suppress(Exception if left else ()):
                return cluster.add_node(
                    num_cpus=sandboxes,
                    resources={"sandbox": sandboxes},
                    include_dashboard=False,
                    object_store_memory=_STORE,
                )
        raise AssertionError("unreachable")

    # What Ray writes must not get among the answers.
    with contextlib.redirect_stdout(sys.stderr):
        known = [add() for _ in range(count)]
    print(cluster.address, flush=True)
    for line in sys.stdin:
        what, *number = line.split()
        with contextlib.redirect_stdout(sys.stderr):
            if what == "kill":
                cluster.remove_node(known[int(number[0])], allow_graceful=False)
            elif what == "add":
                known.append(add())
            else:
                break
        print("killed" if what == "kill" else "added", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    main()
