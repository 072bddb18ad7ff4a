"""The verdict on a prediction: what it says, and what it was a verdict on."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from pydantic import BaseModel, ConfigDict

from tasks.grading.predictions import Prediction
from tasks.task import Task

#: Changes whenever the same patch could get another verdict; part of every cache key.
GRADER_VERSION = 2

FAIL_TO_PASS, PASS_TO_PASS = "FAIL_TO_PASS", "PASS_TO_PASS"

Status = Literal[
    "resolved",
    "unresolved",
    "flaky",
    "empty_patch",
    "unappliable",
    "timeout",
    "broken_image",
    "error",
    "infrastructure",
]
#: Statuses for which tests ran and were graded.
GRADED: frozenset[Status] = frozenset({"resolved", "unresolved", "flaky"})


class Outcomes(BaseModel):
    """Tests of one list that came out as they should, and those that did not."""

    model_config = ConfigDict(frozen=True)

    success: tuple[str, ...] = ()
    failure: tuple[str, ...] = ()


class Verdict(BaseModel):
    """What came of evaluating one prediction.

    Attributes:
        task_id: The task.
        model: Who made the prediction.
        status: How it ended. ``flaky``: everything passed but tests that came out differently when run again.
        resolved: Whether the patch solves the task.
        partial: Whether it breaks nothing and makes some of FAIL_TO_PASS pass.
        reason: One line: why it is not resolved; ``""`` otherwise.
        tests: The outcome of FAIL_TO_PASS and of PASS_TO_PASS; empty when no tests were graded.
        flaky: Tests that came out differently in the runs of this evaluation.
        disputed: Tests that the log calls passed and the runner's own report does not.
        evidence: ``report``: the runner's own report confirms the log; ``log``: there was none.
        notes: What else a reader should know, a sentence each.
        exit_code: Of the test command.
        seconds: How long the evaluation took.
        runs: How often the tests were run.
        parts: Sandboxes that they were spread over (see :mod:`tasks.grading.split`).
        key: Name of the verdict among those on the same task.
        patch_sha256: Digest of the patch.
        image: The image that it ran in, or ``""``.
        log: Path of what the tests printed, relative to the store; ``""`` when they did not run.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: str
    model: str
    status: Status
    resolved: bool = False
    partial: bool = False
    reason: str = ""
    tests: dict[str, Outcomes] = {}
    flaky: tuple[str, ...] = ()
    disputed: tuple[str, ...] = ()
    evidence: Literal["report", "log", ""] = ""
    notes: tuple[str, ...] = ()
    exit_code: int | None = None
    seconds: float = 0.0
    runs: int = 0
    parts: int = 1
    key: str = ""
    patch_sha256: str = ""
    image: str = ""
    log: str = ""

    @property
    def lasting(self) -> bool:
        """Whether the same patch need not be evaluated again; a log without tests may be the environment's fault."""
        return self.status in ("unappliable", "timeout") or (self.status in GRADED and bool(self.evidence))


def verdict_key(task: Task, prediction: Prediction, **circumstances: object) -> str:
    """The name of a verdict: the same for the same patch on the same task under the same circumstances.

    Args:
        task: Everything that can change a verdict is part of the key, the known solution too.
        prediction: Its patch is part of the key; who made it is not.
        circumstances: Whatever else can change a verdict, as JSON has it.
    """
    seen = task.model_dump(
        mode="json", exclude={"problem_statement", "hints_text", "created_at", "set", "source"}, by_alias=True
    )
    what = {"grader": GRADER_VERSION, "task": seen, "patch": prediction.patch or "", **circumstances}
    text = json.dumps(what, sort_keys=True).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()[:24]


def patch_digest(patch: str | None) -> str:
    """SHA-256 of a patch, in hexadecimal."""
    return hashlib.sha256((patch or "").encode("utf-8", "surrogatepass")).hexdigest()
