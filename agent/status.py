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

    @property
    def infrastructure(self) -> bool:
        """Whether the attempt says nothing about the task: it is to be resumed, never counted as unresolved."""
        return self in (Status.MODEL_ERROR, Status.SANDBOX_LOST, Status.INTERRUPTED)
