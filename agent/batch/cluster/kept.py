"""Where a run is kept, as the nodes find it: a directory that all share, or a URL."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aci_tools.errors import InfrastructureError, UsageError
from agent.batch.jobs import Job
from agent.batch.mirror import Mirror
from agent.batch.output import VERDICTS, Output, write_whole

#: By which a node sees that it shares the output directory with the driver.
_TOKEN = ".shared"


@dataclass(frozen=True)
class Kept:
    """Where a run is kept.

    Attributes:
        directory: The driver's directory, absolute.
        url: The URL, where there is one; then each process of a node has a directory of its own.
        token: What the directory holds if it is shared.
    """

    directory: Path
    url: str
    token: str

    @classmethod
    def of(cls, output: Output) -> Kept:
        """That of the driver's output."""
        token = secrets.token_hex(8)
        write_whole(output.path / _TOKEN, token)
        return cls(output.path.absolute(), output.mirror.remote.url if output.mirror else "", token)

    def open(self, scratch: Path, node: str) -> Output:
        """The output for a process of a node.

        Args:
            scratch: A directory of that process alone.
            node: Name of the node, for messages.

        Raises:
            UsageError: The driver's directory is not seen there.
        """
        if self.url:
            return NodeOutput(scratch, Mirror(self.url, scratch))
        known = ""
        with contextlib.suppress(OSError):
            known = (self.directory / _TOKEN).read_text()
        if known != self.token:
            raise UsageError(
                f"--output {self.directory}: {node} does not see the driver's files there; "
                "give a directory that all nodes share, or a URL"
            )
        return Output(self.directory)

    def fetch(self, output: Output, job: Job) -> None:
        """Have in the driver's directory what a node left at the URL; what fails now, the next process fetches."""
        if output.mirror is not None:
            with contextlib.suppress(InfrastructureError):
                output.fetch(job)


class NodeOutput(Output):
    """The output on a node that shares no directory with the others: what it works on is fetched, and sent back."""

    @contextlib.contextmanager
    def kept(self, job: Job) -> Iterator[None]:
        """See :class:`~agent.batch.output.Output`."""
        assert self.mirror is not None
        self.fetch(job)
        with super().kept(job):
            try:
                yield
            finally:
                self.mirror.push(f"{VERDICTS}/{job.task.id.replace('/', '__')}")
