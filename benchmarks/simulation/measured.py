"""What was measured, as benchmarks/simulation/measured.json keeps it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

MEASURED = Path(__file__).with_name("measured.json")


class _Facts(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Call(_Facts):
    """One call of a model.

    Attributes:
        prompt: Tokens read.
        cached: Those of them that came from the provider's cache.
        completion: Tokens written.
        seconds: Until the reply was there.
    """

    prompt: int
    cached: int = 0
    completion: int
    seconds: float


class Layer(_Facts):
    """A layer of an image.

    Attributes:
        name: The same for the same layer.
        mb: Size on disk in MB (10^6 bytes).
    """

    name: str
    mb: float


class Measured(_Facts):
    """The distributions that a simulation draws from. Times are in seconds, sizes in MB (10^6 bytes).

    Attributes:
        conditions: The command, when, on what machine, and what the figures are of.
        attempts: Attempts on real tasks, call by call.
        commands: Times of the commands of such attempts, run again in containers.
        images: Images of real tasks: their layers, the lowest first.
        starts: From an image that is there to a sandbox in which commands run.
        ends: Removing a sandbox.
        evaluations: Judging a patch, with the container for it.
        step: Processor time of the runtime in a step.
        begin: Time and processor time of a process that begins attempts, before the first.
        process_mb: Memory of a process that makes one attempt.
        attempt_mb: Memory that each further attempt takes in it.
        containers_mb: Memory of containers at their peak, page cache included.
        squeeze: Size of an image's layers compressed, as a share of their size.
        unpack: MB of layers that a core unpacks in a second.
        hand_out: Time that the driver of a cluster takes to give out a task, for each node that there is.
        hub: Time of a call of the actor that the processes of a cluster share.
    """

    conditions: dict[str, Any]
    attempts: list[list[Call]]
    commands: list[float]
    images: list[list[Layer]]
    starts: list[float]
    ends: list[float]
    evaluations: list[float]
    step: float
    begin: float
    process_mb: float
    attempt_mb: float
    containers_mb: list[float]
    squeeze: float
    unpack: float
    hand_out: float
    hub: float

    @classmethod
    def read(cls, path: Path = MEASURED) -> Measured:
        """Those in a file.

        Raises:
            OSError, ValueError: It cannot be read, or is not of this form.
        """
        return cls.model_validate_json(path.read_text("utf-8"))
