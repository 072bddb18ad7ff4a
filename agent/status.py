"""Why an attempt ended."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Why an attempt ended. Whatever it is, the patch so far was kept."""

    SUBMITTED = "submitted"
    STEP_LIMIT = "step_limit"
    TOKEN_LIMIT = "token_limit"
    COST_LIMIT = "cost_limit"
    TIME_LIMIT = "time_limit"
    FORMAT_LIMIT = "format_limit"
    REPETITION_LIMIT = "repetition_limit"
    CONTEXT_OVERFLOW = "context_overflow"
    MODEL_ERROR = "model_error"
    SANDBOX_LOST = "sandbox_lost"
    INTERRUPTED = "interrupted"
    RUN_LIMIT = "run_limit"

    @classmethod
    def of(cls, name: str) -> Status:
        """The status of a recorded name; one that only a later version knows is taken for an end of its own accord."""
        return next((status for status in cls if status.value == name), cls.SUBMITTED)

    @property
    def infrastructure(self) -> bool:
        """Whether something failed that has nothing to do with the task: never counted as unresolved."""
        return self in (Status.MODEL_ERROR, Status.SANDBOX_LOST, Status.INTERRUPTED)

    @property
    def resumable(self) -> bool:
        """Whether the attempt was cut off: by a fault, or because the run that it was part of had spent its share."""
        return self.infrastructure or self is Status.RUN_LIMIT
